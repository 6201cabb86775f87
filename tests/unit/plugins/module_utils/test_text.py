# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for the terminal; what stands in them may come from a hostile node."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.text import (
    plan_lines,
    report_lines,
    seconds_between,
    table,
)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(["A", "LONG", ""], [["wide cell", "x", "end"], ["y", "", ""]]) == [
        "A          LONG",
        "wide cell  x     end",
        "y",
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("two\nlines", "two\\nlines"),
        ("back\rover", "back\\rover"),
        ("\x07bell", "\\x07bell"),
        ("\u202eright to left", "\\u202eright to left"),
        ("\u2028new line", "\\u2028new line"),
        ("\x9b31mred", "\\x9b31mred"),
        ("ünïcödé 字", "ünïcödé 字"),
        ('it\'s "quoted"', 'it\'s "quoted"'),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(cell: str, shown: str) -> None:
    assert table(["X"], [[cell]]) == ["X", shown]


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5))
def test_a_table_is_one_printable_line_a_row(rows: list[tuple[str, str, str]]) -> None:
    lines = table(["A", "B", "C"], rows)
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


def planned(name: str, **changes: Any) -> dict[str, Any]:
    row = {"name": name, "pool": "web", "zone": "z1", "since": "2026-05-01T12:00:00Z", "packages": ["a", "b", "c", "d"]}
    return {**row, **changes}


def test_a_plan() -> None:
    plan = {
        "planned": [planned("n1"), planned("n2", since=None, packages=[])],
        "left": [
            {"name": "n3", "reason": "hold", "message": "is on hold: \x1b[2J"},
            {"name": "n4", "reason": "not_selected", "message": "is not among the nodes"},
        ],
        "seconds": 1200,
    }
    assert plan_lines(plan) == [
        "2 nodes to reboot, about 20 min",
        "#  NODE  POOL  ZONE  REQUIRED SINCE        PACKAGES",
        "1  n1    web   z1    2026-05-01T12:00:00Z  a, b, c",
        "2  n2    web   z1",
        "",
        "1 nodes are left as they are",
        "NODE  REASON",
        "n3    hold    is on hold: \\x1b[2J",
    ]


def test_an_empty_plan() -> None:
    assert plan_lines({"planned": [], "left": [], "seconds": 0}) == ["0 nodes to reboot, about 0 min"]


def test_the_summary_of_a_report_is_not_obeyed_either() -> None:
    report = {"nodes": [], "attention": [], "outcome": "incomplete", "summary": "n1 kept: \x1b[2J\nall is well"}
    assert report_lines(report)[-1] == "incomplete: n1 kept: \\x1b[2J\\nall is well"


def test_seconds_between() -> None:
    assert seconds_between("2026-05-01T12:00:00Z", "2026-05-01T14:01:00+02:00") == 60
    assert seconds_between("", "2026-05-01T12:00:00Z") is None
    assert seconds_between("2026-05-01T12:00:00Z", "") is None
