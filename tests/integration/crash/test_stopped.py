# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are stopped on purpose: Ctrl-C, SIGTERM, a cancelled job, a task's time limit."""

from __future__ import annotations

import secrets
import signal
import threading

import pytest
from ansible_runner.interface import run_async

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import QUICK_LOCK, CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.processes import processes_with
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import QUICK, clean_environment
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import wait_until

ROLL_BACK_SECONDS = 8
"""Five seconds are promised; the rest is for a machine that is busy with other tests."""

SIGNALS = pytest.mark.parametrize(
    ("number", "codes"), [(signal.SIGINT, {99, 130, -2}), (signal.SIGTERM, {-15, 143})], ids=["ctrl-c", "sigterm"]
)


@SIGNALS
def test_while_it_drains(slow: CrashCluster, number: signal.Signals, codes: set[int]) -> None:
    playbook = slow.start(kured_reboot_lock_ttl=60)
    slow.wait_for_evictions()
    playbook.interrupt(number)
    wait_until(lambda: slow.left() == [], "the node is as it was, and the slot free", ROLL_BACK_SECONDS)
    assert playbook.finish() in codes, playbook.output
    wait_until(lambda: not playbook.tree(), "no process is left", 10)
    assert all(machine["restarts_accepted"] == 0 for machine in slow.machines().values())
    slow.must_succeed()
    assert slow.problems() == []


@SIGNALS
def test_while_a_restart_is_outstanding(crash: CrashCluster, number: signal.Signals, codes: set[int]) -> None:
    first = crash.required[0]
    crash.cluster.fault("arm-late-reboot", node=first, seconds=6, count=1)
    playbook = crash.start(kured_reboot_restart_horizon=30)
    wait_until(lambda: crash.journal(first).get("operation"), "the restart is sent", 60)
    playbook.interrupt(number)
    assert playbook.finish() in codes, playbook.output
    wait_until(lambda: not playbook.tree(), "no process is left", 10)
    assert crash.journal(first)["phase"] == "rebooting", playbook.output
    assert [holder["node"] for holder in crash.holders()] == [first]
    crash.wait_for_expiry()
    crash.must_succeed(kured_reboot_restart_horizon=30)
    assert crash.problems() == []


def test_a_job_that_is_cancelled(slow: CrashCluster) -> None:
    """ansible-runner, as AWX uses it, kills the playbook's process group; the workers are in sessions of their own."""
    mark = secrets.token_hex(8)
    home = slow.cluster.directory / "home"
    home.mkdir(exist_ok=True)
    data = slow.cluster.directory / "runner"
    data.mkdir()
    cancelled = threading.Event()
    thread, runner = run_async(
        private_data_dir=str(data),
        playbook="kubeops.aks_reboot.reboot",
        extravars={**slow.cluster.variables(), **QUICK, **QUICK_LOCK},
        envvars=clean_environment(home, {**slow.cluster.service_principal(), "CRASH_TEST_JOB": mark}),
        cancel_callback=cancelled.is_set,
        quiet=True,
        suppress_env_files=True,
    )
    slow.wait_for_evictions()
    cancelled.set()
    thread.join(20)
    assert runner.status == "canceled"
    wait_until(lambda: not processes_with("CRASH_TEST_JOB", mark), "the workers end by themselves", 15)
    slow.wait_for_expiry()
    slow.must_succeed()
    assert slow.problems() == []


def test_a_tasks_time_limit(crash: CrashCluster) -> None:
    blocked = crash.cluster.fault("eviction-refused")
    playbook = crash.start(environment={"ANSIBLE_TASK_TIMEOUT": "6"}, kured_reboot_lock_ttl=60)
    assert playbook.finish() == 2, playbook.output
    assert "timed out" in playbook.output.lower()
    wait_until(lambda: not playbook.tree(), "no process is left", 10)
    assert crash.left() == []
    crash.cluster.fault_off(blocked)
    crash.must_succeed()
    assert crash.problems() == []
