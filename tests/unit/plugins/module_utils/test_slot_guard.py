# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard: writes only while the slot is demonstrably ours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Holder
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import GuardLost, KubernetesError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.ledger import (
    Ledger,
    LedgerStore,
    LockSettings,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import break_slot
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot_guard import (
    SlotGuard,
    suspend_proof_seconds,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.simulated_api import START
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import MARGIN, TTL, Rig, always


def lease_writes(rig: Rig) -> int:
    return sum("/leases" in entry["path"] for entry in rig.api.writes())


def test_entering_needs_a_slot_of_the_run(rig: Rig) -> None:
    with pytest.raises(GuardLost, match="run a holds no slot for it"), rig.guard():
        pass
    rig.take("n1", "b")
    with pytest.raises(GuardLost, match="its slot was taken over by run b"), rig.guard():
        pass
    assert rig.holder().run == "b"


def test_entering_takes_a_writer_token_and_renews(rig: Rig) -> None:
    before = rig.take().holder
    rig.api.clock.sleep(20)
    with rig.guard() as guard:
        guard()
        after = rig.holder()
    assert after.writer != before.writer
    assert (after.acquired, after.renewed) == (before.acquired, "2026-05-01T12:00:20Z")


def test_a_young_renewal_costs_no_request(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        writes = lease_writes(rig)
        for _write in range(5):
            guard()
        assert lease_writes(rig) == writes
        rig.api.clock.sleep(rig.settings.guard + 1)
        guard()
        assert lease_writes(rig) == writes + 1
        assert rig.holder().renewed == "2026-05-01T12:00:41Z"


def test_the_restart_needs_a_fresh_renewal_that_others_can_see(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        rig.api.clock.sleep(1)
        guard.before_restart()
        assert (rig.holder().restart_sent, rig.holder().renewed) == (True, "2026-05-01T12:00:01Z")
        guard.restart_settled()
        assert not rig.holder().restart_sent


def test_a_task_of_the_same_run_that_was_given_up_finds_itself_replaced(rig: Rig) -> None:
    rig.take()
    with rig.guard() as abandoned, rig.guard() as current:
        rig.api.clock.sleep(rig.settings.guard + 1)
        with pytest.raises(GuardLost, match="another task of the same run has taken its place"):
            abandoned()
        with pytest.raises(GuardLost, match="another task"):
            abandoned.before_restart()
        current.before_restart()
    assert rig.holder().restart_sent


def test_taken_over(rig: Rig) -> None:
    rig.take()
    with rig.guard() as frozen:
        rig.api.clock.sleep(TTL + MARGIN + 1)
        rig.take("n1", "b")
        for write in (frozen, frozen.before_restart, frozen.restart_settled):
            with pytest.raises(GuardLost, match="its slot was taken over by run b"):
                write()
    assert not rig.holder().restart_sent
    assert rig.holder().run == "b"


def test_expired_but_nobody_took_it(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        rig.api.clock.sleep(10 * TTL)
        guard()
        guard.before_restart()
    assert rig.holder().run == "a"
    assert not rig.holder().expired(rig.api.clock.server_now(), MARGIN)


def test_broken_by_an_operator(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        break_slot(rig.store, "n1")
        guard()  # the last renewal is young: the entry counts until its time has passed
        rig.api.clock.sleep(rig.settings.guard + 1)
        with pytest.raises(GuardLost, match="broken by an operator"):
            guard()


def test_the_guard_closes_while_the_api_cannot_be_reached(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        rig.api.fault("http-status", path="/leases", code=503)
        rig.api.clock.sleep(rig.settings.guard - 1)
        guard()
        rig.api.clock.sleep(2)
        with pytest.raises(GuardLost) as caught:
            guard()
        assert caught.value.reason == "lock_unreachable"
        with pytest.raises(GuardLost, match="could not be renewed"):
            guard.before_restart()
        rig.api.fault_off()
        guard()


def test_a_lost_answer_is_no_lost_slot(rig: Rig) -> None:
    rig.take()
    rig.api.fault("drop", path="/leases", method="PATCH", when="after", count=1)
    with rig.guard() as guard:
        rig.api.fault("drop", path="/leases", method="PATCH", when="after", count=1)
        guard.before_restart()
        assert rig.holder().restart_sent


def test_conflicts_with_other_slots_are_no_lost_slot(rig: Rig) -> None:
    rig.take()
    rig.api.fault("http-status", path="/leases", method="PATCH", code=409, count=3)
    with rig.guard() as guard:
        guard.before_restart()
    assert rig.holder().restart_sent


def test_frozen_while_the_answer_to_its_renewal_was_under_way(rig: Rig) -> None:
    """The renewal was carried out; the process wakes when another has the slot, and must not take its own for fresh."""
    rig.take()
    store = FreezingStore(rig)
    with SlotGuard(store, "a", "n1", parent=always, seconds=rig.api.clock.monotonic) as guard:
        store.freezes = True
        with pytest.raises(GuardLost, match="its slot was taken over by run b"):
            guard.before_restart()
    assert rig.holder().run == "b"


def test_frozen_but_nobody_took_the_slot(rig: Rig) -> None:
    rig.take()
    store = FreezingStore(rig, rival="")
    with SlotGuard(store, "a", "n1", parent=always, seconds=rig.api.clock.monotonic) as guard:
        store.freezes = True
        guard.before_restart()
        guard()
    assert not rig.holder().expired(rig.api.clock.server_now(), MARGIN)


class FreezingStore(LedgerStore):
    """Its process sleeps once right after a change, long enough for the slot to be taken over by ``rival``."""

    def __init__(self, rig: Rig, rival: str = "b") -> None:
        super().__init__(rig.client, rig.settings, rig.api.clock)
        self.freezes = False
        self._rig = rig
        self._rival = rival

    def swap(self, seen: Ledger, holders: list[Holder]) -> bool:
        swapped = super().swap(seen, holders)
        if self.freezes:
            self.freezes = False
            self._rig.api.clock.sleep(TTL + MARGIN + 1)
            if self._rival:
                self._rig.take("n1", self._rival)
        return swapped


def test_the_server_clock_is_what_a_journal_is_dated_with(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        ahead = guard.clock.utcnow() - START
        assert timedelta(0) <= ahead < timedelta(seconds=60)


def test_a_playbook_that_is_gone(rig: Rig) -> None:
    rig.take()
    gone: list[bool] = []

    def parent() -> None:
        if gone:
            raise GuardLost("the playbook is gone", reason="orphaned")

    guard = SlotGuard(rig.store, "a", "n1", parent=parent, seconds=rig.api.clock.monotonic)
    with guard:
        gone.append(True)
        for write in (guard, guard.before_restart):
            with pytest.raises(GuardLost, match="the playbook is gone"):
                write()
        guard.outlive_parent()
        guard()


class Quick:
    """A guard in real time, with an interval of a fifth of a second."""

    def __init__(self, rig: Rig) -> None:
        self.settings = QuickSettings(ttl=1, margin=1)
        self.store = LedgerStore(rig.client, self.settings, rig.api.clock)

    def guard(self) -> SlotGuard:
        return SlotGuard(self.store, "a", "n1", parent=always)


class QuickSettings(LockSettings):
    @property
    def interval(self) -> float:
        return 0.1


def until(met: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_thread_renews_by_itself_and_ends_with_the_phase(rig: Rig) -> None:
    rig.take()
    with Quick(rig).guard():
        writes = lease_writes(rig)
        until(lambda: lease_writes(rig) >= writes + 3)
        assert [thread.name for thread in threading.enumerate()].count("renew n1") == 1
    assert "renew n1" not in [thread.name for thread in threading.enumerate()]
    writes = lease_writes(rig)
    time.sleep(0.3)
    assert lease_writes(rig) == writes


def test_the_thread_ends_when_the_phase_fails(rig: Rig) -> None:
    rig.take()
    with pytest.raises(KubernetesError), Quick(rig).guard():
        raise KubernetesError("a failure", reason="conflict")
    assert "renew n1" not in [thread.name for thread in threading.enumerate()]


def test_the_thread_notices_a_lost_slot_before_the_next_write(rig: Rig) -> None:
    rig.take()
    with Quick(rig).guard() as guard:
        break_slot(rig.store, "n1")
        until(lambda: "renew n1" not in [thread.name for thread in threading.enumerate()])
        with pytest.raises(GuardLost, match="broken by an operator"):
            guard()


def test_the_thread_lives_through_an_outage(rig: Rig) -> None:
    rig.take()
    with Quick(rig).guard():
        fault = rig.api.fault("http-status", path="/leases", code=503)
        until(lambda: fault.hits > 5)
        rig.api.fault_off()
        writes = lease_writes(rig)
        until(lambda: lease_writes(rig) > writes + 1)


def test_the_guards_clock_counts_suspend() -> None:
    assert time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) <= suspend_proof_seconds() + 0.1
