# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is frozen past its slot's time, and woken after another run took over, does nothing more."""

from __future__ import annotations

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.writes import Gate
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import wait_until


@pytest.mark.parametrize(
    ("kind", "carried_out"),
    [
        ("ledger enter", False),
        ("node cordon", False),
        ("node drained", True),
        ("node rebooting", False),
        ("ledger note restart", False),
        ("ledger note restart", True),
    ],
)
def test_frozen_at_a_write(crash: CrashCluster, kind: str, carried_out: bool) -> None:
    with Gate(crash.cluster) as gate:
        frozen = crash.start()
        write = gate.until(frozen, f"{kind} of {crash.required[0]}")
        assert write is not None, frozen.output
        if carried_out:
            gate.carry_out(write)
        frozen.freeze()
        gate.open(None)
        crash.wait_for_expiry()
        crash.must_succeed()
        before, holders = len(crash.writes()), crash.holders()
        frozen.wake()
        gate.open("through")
        frozen.finish()
        wait_until(lambda: not frozen.tree(), "no process is left", 15)
    assert crash.touched_since(before) == [], frozen.output
    assert crash.holders() == holders, frozen.output
    assert crash.problems() == []


def test_frozen_while_it_drains(slow: CrashCluster) -> None:
    frozen = slow.start()
    slow.wait_for_evictions()
    frozen.freeze()
    slow.wait_for_expiry()
    slow.must_succeed()
    before, holders = len(slow.writes()), slow.holders()
    frozen.wake()
    frozen.finish()
    assert slow.touched_since(before) == [], frozen.output
    assert slow.holders() == holders, frozen.output
    assert slow.problems() == []
