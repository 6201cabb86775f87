# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain text tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .times import parse_time


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns as wide as their widest cell; control characters in cells are shown, not obeyed."""
    cells = [[_plain(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """The plan as node rows, planned ones in order, then those that are left with the reason."""
    planned = [
        [str(number), row["name"], row["pool"], row["zone"], row["since"] or "", ", ".join(row["packages"][:3])]
        for number, row in enumerate(plan["planned"], 1)
    ]
    lines = [f"{len(planned)} nodes to reboot, about {plan['seconds'] / 60:.0f} min"]
    if planned:
        lines += table(["#", "NODE", "POOL", "ZONE", "REQUIRED SINCE", "PACKAGES"], planned)
    left = [row for row in plan["left"] if row["reason"] != "not_selected"]
    if left:
        lines += ["", f"{len(left)} nodes are left as they are"]
        lines += table(["NODE", "REASON", ""], [[row["name"], row["reason"], row["message"]] for row in left])
    return lines


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The closing table, and the run in one line."""
    rows = [
        [
            node["name"],
            node["outcome"],
            _duration(node, "drain"),
            _duration(node, "reboot"),
            str(node["pods_evicted"]),
            node["message"],
        ]
        for node in report["nodes"]
    ]
    lines = table(["NODE", "OUTCOME", "DRAIN", "REBOOT", "PODS", "MESSAGE"], rows) if rows else []
    if report["attention"]:
        lines += ["", "Left, and needs attention:"]
        lines += table(["NODE", "REASON", ""], [[r["name"], r["reason"], r["message"]] for r in report["attention"]])
    return [*lines, "", f"{report['outcome']}: {_plain(report['summary'])}"]


def _duration(node: Mapping[str, Any], phase: str) -> str:
    seconds = node["seconds"].get(phase)
    return "" if seconds is None else f"{seconds:.0f} s"


def seconds_between(start: str, end: str) -> float | None:
    """Seconds between two RFC 3339 times; None when one is missing."""
    return (parse_time(end) - parse_time(start)).total_seconds() if start and end else None
