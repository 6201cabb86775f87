# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: a JSON document with a version, from which all other forms are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .outcome import RunOutcome
from .text import seconds_between

VERSION = 1


def make_report(
    outcome: RunOutcome,
    plan: Mapping[str, Any],
    steps: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    run_id: str,
    started: str,
    finished: str,
    reason: str,
    recovered: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """The whole report. ``started`` and ``finished`` are RFC 3339 times."""
    row = outcome.row()
    return {
        "version": VERSION,
        "run_id": run_id,
        "cluster_id": plan.get("cluster_id", ""),
        "reason": reason,
        "started": started,
        "finished": finished,
        **row,
        "nodes": [{**node, **_facts(steps.get(node["name"], {}))} for node in row["nodes"]],
        "left": list(plan["left"]),
        "recovered": [dict(row) for row in recovered],
    }


def _facts(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    drain, reboot = steps.get("drain") or {}, steps.get("reboot") or {}
    times: Mapping[str, str] = reboot.get("times") or {}
    seconds = {
        "drain": drain.get("seconds"),
        "reboot": seconds_between(times.get("sent", ""), times.get("proven", "")),
    }
    return {
        "seconds": {phase: value for phase, value in seconds.items() if value is not None},
        "times": dict(times),
        "boot_id_before": reboot.get("boot_id_before", ""),
        "boot_id_after": reboot.get("boot_id_after", ""),
        "pods_evicted": len(drain.get("evicted") or []),
        "blocked": drain.get("blocked") or [],
        "volumes_attached": reboot.get("volumes_attached") or [],
        "pods_not_ready": reboot.get("pods_not_ready") or [],
    }
