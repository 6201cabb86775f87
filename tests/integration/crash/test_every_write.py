# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is killed at every write that it makes, right before and right after it; the next run makes all well again."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.writes import Gate, Write
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import wait_until

PARTS = 2
AT_ONCE = 2

LATE_HORIZON = 14
"""Seconds; a write that comes late must come within the horizon, that is the protocol's promise."""

EXPECTED_KINDS = {
    "ledger creation",
    "ledger acquire",
    "ledger enter",
    "ledger note restart",
    "ledger release",
    "node cordon",
    "node drained",
    "node rebooting",
    "node operation",
    "node proven",
    "node uncordon",
    "eviction",
    "azure restart",
}


@dataclass(frozen=True)
class Point:
    """Where a run is killed: at the write called ``name``. ``side``: ``before`` it, so that it never happens; ``after``
    it was carried out, its answer never seen; ``late``, so that it happens while the next run is at work."""

    name: str
    side: str

    def __str__(self) -> str:
        return f"{self.side} {self.name}"


def record(directory: Path) -> list[Write]:
    """The writes of a clean run, which has to keep the invariants itself."""
    with CrashCluster(directory) as crash, Gate(crash.cluster) as gate:
        playbook = crash.start()
        writes = []
        for write in gate.writes(playbook):
            writes.append(write)
            gate.decide(write, "through")
        assert playbook.finish() == 0, playbook.output
        assert crash.problems() == [], playbook.output
    return writes


def points_of(writes: list[Write]) -> list[Point]:
    """Both sides of every write of the first node's reboot, and of those kinds that only come later; and those that may
    come late.

    The writes for the second node are the same requests in the same state of the protocol, with another name in them.
    Events tell people what happened: whatever dies beside one dies between the writes around it, where there are
    points already. The second of its kind on a node is the repetition after a conflict, except for evictions and for a
    phase's entry to the ledger, which each phase makes. Renewals come by a clock of their own; a test of their own
    kills at one.
    """
    seen: set[tuple[str, int]] = set()
    points = []
    for write in writes:
        repeats = write.kind in ("ledger enter", "eviction")
        if (
            (write.kind, write.count) in seen
            or write.kind == "ledger renew"
            or write.kind.startswith("event ")
            or (write.count > 1 and not repeats)
        ):
            continue
        seen.add((write.kind, write.count))
        points += [Point(str(write), side) for side in ("before", "after")]
        if write.count == 1:
            points.append(Point(str(write), "late"))
    return points


def crash_at(point: Point, directory: Path) -> list[str]:
    """What is wrong after a crash at ``point`` and another run."""
    late = point.side == "late"
    variables: dict[str, Any] = {"kured_reboot_restart_horizon": LATE_HORIZON} if late else {}
    with CrashCluster(directory) as crash, Gate(crash.cluster) as gate:
        first = crash.start(**variables)
        write = gate.until(first, point.name)
        if write is None:
            first.finish()
            return [f"the run never came to it\n{first.output}"]
        if point.side == "after":
            gate.carry_out(write)
        first.kill()
        gate.drop_all_but(write)
        if not late:
            gate.decide(write, "lost")
        crash.wait_for_expiry()
        writes = len(crash.writes())
        second = crash.start(**variables)
        if late:
            wait_until(lambda: len(crash.writes()) > writes or not second.running, "the next run writes something", 60)
            gate.decide(write, "through")
        code = second.finish()
        wrong = crash.problems() if code == 0 else [f"the next run ended with {code}", *crash.problems()]
        return [*wrong, crash.log()] if wrong else []


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory) -> list[Write]:
    return record(tmp_path_factory.mktemp("clean") / "cluster")


def test_every_kind_of_write_is_met(writes: list[Write]) -> None:
    assert {write.kind for write in writes} >= EXPECTED_KINDS


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_write(part: int, writes: list[Write], tmp_path: Path) -> None:
    points = points_of(writes)[part::PARTS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(crash_at, points, (tmp_path / str(number) for number in range(len(points)))))
    wrong = {point: found for point, found in zip(points, results, strict=True) if found}
    for point, found in wrong.items():
        sys.stdout.write("\n".join([f"=== {point}", *found, ""]))
    assert not wrong, f"{len(wrong)} of {len(points)} points: " + "; ".join(
        f"{point}: {found[:-1] or found[0][:200]}" for point, found in wrong.items()
    )
