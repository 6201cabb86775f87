# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress: what is said, and how often."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import GuardLost
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import (
    NoWrites,
    ParentGuard,
    Progress,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.still_clock import StillClock


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.clock = StillClock()
        self.progress = Progress("n1", self.lines.append, self.clock)

    def wait(self, seconds: float, what: str = "pod a", state: str = "") -> int:
        """``seconds`` pass, then it is said what is waited for; returns how many lines there are by then."""
        self.clock.sleep(seconds)
        self.progress.waiting("drain", what, 12.3, 60, state=state)
        return len(self.lines)


def test_every_line_names_the_node() -> None:
    told = Told()
    told.progress.say("cordoned")
    assert told.lines == ["n1: cordoned"]


def test_waiting_tells_for_what_how_long_and_how_long_at_most() -> None:
    told = Told()
    told.wait(0)
    told.progress.waiting("reboot", "a new boot ID", 3, 0)
    assert told.lines == [
        "n1: drain: waiting for pod a (12 s of 60 s)",
        "n1: reboot: waiting for a new boot ID (3 s)",
    ]


def test_the_same_is_said_again_after_30_seconds_and_not_before() -> None:
    told = Told()
    assert [told.wait(0), told.wait(10), told.wait(19.9), told.wait(0.1), told.wait(29.9), told.wait(0.1)] == [
        1, 1, 1, 2, 2, 3,
    ]  # fmt: skip


def test_something_new_is_said_at_once() -> None:
    told = Told()
    assert [told.wait(0, "pod a"), told.wait(1, "pod b"), told.wait(1, "pod b"), told.wait(1, "pod a")] == [1, 2, 2, 3]


def test_a_state_decides_what_is_new_where_the_words_always_change() -> None:
    told = Told()
    counts = [told.wait(1, "9 pods", "free"), told.wait(1, "8 pods", "free"), told.wait(1, "8 pods", "held by db")]
    assert counts == [1, 1, 2]
    assert told.wait(30, "7 pods", "held by db") == 3


def test_anything_said_counts_as_a_sign_of_life() -> None:
    told = Told()
    told.wait(0)
    told.clock.sleep(25)
    told.progress.say("restart sent")
    assert told.wait(25) == 2
    assert told.wait(5) == 3


def test_a_parent_that_is_gone_ends_all_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = ParentGuard()
    guard()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    with pytest.raises(GuardLost) as caught:
        guard()
    assert caught.value.reason == "orphaned"


def test_who_only_looks_must_not_write() -> None:
    for write in (NoWrites(), NoWrites().before_restart, NoWrites().restart_settled):
        with pytest.raises(AssertionError, match="only looks"):
            write()
