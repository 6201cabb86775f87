# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of which only a part dies, and runs that die where no point of the others is."""

from __future__ import annotations

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.writes import Gate
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import wait_until


def test_only_the_controller_is_killed_while_a_worker_drains(slow: CrashCluster) -> None:
    playbook = slow.start()
    slow.wait_for_evictions()
    playbook.kill_controller()
    wait_until(lambda: not playbook.tree(), "the workers end by themselves", 15)
    assert all(machine["restarts_accepted"] == 0 for machine in slow.machines().values())
    slow.wait_for_expiry()
    slow.must_succeed()
    assert slow.problems() == []


def test_only_the_controller_is_killed_right_before_the_restart(crash: CrashCluster) -> None:
    """The worker has the right to restart; when the answer that says so comes, there is nobody to work for."""
    with Gate(crash.cluster) as gate:
        playbook = crash.start()
        write = gate.until(playbook, f"ledger note restart of {crash.required[0]}")
        assert write is not None, playbook.output
        playbook.kill_controller()
        gate.open("through")
        wait_until(lambda: not playbook.tree(), "the workers end by themselves", 15)
    assert all(machine["restarts_accepted"] == 0 for machine in crash.machines().values())
    crash.wait_for_expiry()
    crash.must_succeed()
    assert crash.problems() == []


def test_only_the_controller_is_killed_while_a_run_waits_for_a_slot(crash: CrashCluster) -> None:
    blocked = crash.cluster.fault("eviction-refused")
    holder = crash.start(kured_reboot_lock_ttl=60)
    crash.wait_for_evictions()
    waiter = crash.start("reboot_node", node=crash.names[3], reason="test", kured_reboot_lock_ttl=60)
    wait_until(lambda: "lock: waiting for" in waiter.output, "the second run waits", 60)
    waiter.kill_controller()
    wait_until(lambda: not waiter.tree(), "nobody waits any more", 15)
    crash.cluster.fault_off(blocked)
    assert holder.finish() == 0, holder.output
    assert crash.problems() == []


def test_only_a_worker_is_killed(slow: CrashCluster) -> None:
    playbook = slow.start()
    slow.wait_for_evictions()
    for worker in playbook.workers():
        worker.kill()
    assert playbook.finish() != 0
    wait_until(lambda: not playbook.tree(), "no process is left", 15)
    slow.wait_for_expiry()
    slow.must_succeed()
    assert slow.problems() == []


@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_a_renewal(slow: CrashCluster, side: str) -> None:
    with Gate(slow.cluster) as gate:
        playbook = slow.start()
        write = gate.until(playbook, f"ledger renew of {slow.required[0]}")
        assert write is not None, playbook.output
        if side == "after":
            gate.carry_out(write)
        playbook.kill()
    slow.wait_for_expiry()
    slow.must_succeed()
    assert slow.problems() == []


def test_killed_and_started_again_at_once(crash: CrashCluster) -> None:
    """The next run meets a slot that has not expired yet."""
    with Gate(crash.cluster) as gate:
        playbook = crash.start()
        assert gate.until(playbook, f"node drained of {crash.required[0]}") is not None, playbook.output
        playbook.kill()
    crash.must_succeed()
    assert crash.problems() == []


def test_killed_twice(crash: CrashCluster) -> None:
    """The recovery dies, too: right after it has taken over the slot."""
    first = crash.required[0]
    with Gate(crash.cluster) as gate:
        playbook = crash.start(kured_reboot_restart_horizon=20)
        write = gate.until(playbook, f"node operation of {first}")
        assert write is not None, playbook.output
        gate.carry_out(write)
        playbook.kill()
    crash.wait_for_expiry()
    with Gate(crash.cluster) as gate:
        playbook = crash.start(kured_reboot_restart_horizon=20)
        write = gate.until(playbook, f"ledger take over of {first}")
        assert write is not None, playbook.output
        gate.carry_out(write)
        playbook.kill()
    crash.wait_for_expiry()
    crash.must_succeed(kured_reboot_restart_horizon=20)
    assert crash.problems() == []
