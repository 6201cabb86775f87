# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a slot: alone, beside others, from the dead, and through a bad network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.kubernetes import (
    KubernetesAccess,
    KubernetesClient,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Limits
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import GuardLost, RebootError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.take_slot import SlotTaker
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import MARGIN, TTL, Rig, always

TWO = Limits(concurrency=2, margin=MARGIN)


def when(rig: Rig, seconds: float, action: Callable[[], object]) -> None:
    """Do something once, when so much time has passed."""
    done: list[bool] = []

    def look() -> None:
        if not done and rig.api.clock.monotonic() >= seconds:
            done.append(True)
            action()

    rig.api.clock.on_sleep = look


def test_taken_and_given_back(rig: Rig) -> None:
    acquired = rig.take()
    assert (acquired.holder.node, acquired.waited, acquired.took_over) == ("n1", 0, None)
    assert rig.holders() == [acquired.holder]
    assert rig.release()
    assert rig.holders() == []
    assert not rig.release()


def test_check_mode_writes_nothing(rig: Rig) -> None:
    writes = len(rig.api.writes())
    assert rig.take(check_mode=True).holder.node == "n1"
    assert len(rig.api.writes()) == writes


def test_waits_until_the_other_run_is_done(rig: Rig) -> None:
    rig.take("n2", "b")
    when(rig, 20, lambda: rig.release("n2", "b"))
    acquired = rig.take()
    assert 20 <= acquired.waited <= 26
    assert "n1: lock: waiting for 1 of 1 slots are in use: run b" in rig.lines[0]
    assert len([line for line in rig.lines if "lock: waiting" in line]) == 1, "told once, not in every round"


def test_waiting_is_bounded_and_says_who_holds_what(rig: Rig) -> None:
    rig.take("n2", "b", by="bob@laptop")
    with pytest.raises(RebootError) as caught:
        rig.take(timeout=30)
    assert caught.value.reason == "lock_timeout"
    assert "no slot within 30 s" in caught.value.message
    assert "run b (bob@laptop) since 2026-05-01T12:00:00Z, on node n2" in caught.value.message
    assert 30 <= rig.api.clock.monotonic() <= 31


def test_a_dead_runs_slot_is_taken_over_after_its_time_for_the_same_node_only(rig: Rig) -> None:
    dead = rig.take("n1", "dead").holder
    acquired = rig.take(timeout=600)
    assert acquired.took_over == dead
    assert acquired.waited >= TTL + MARGIN
    assert [entry.run for entry in rig.holders()] == ["a"]
    with pytest.raises(RebootError, match="no slot within"):
        rig.take("n2", "b", timeout=600)


def test_a_slot_that_is_renewed_is_never_taken_over(rig: Rig) -> None:
    rig.take("n1", "slow")
    guard = rig.guard("n1", "slow")

    def renew() -> None:
        guard._renew(lambda entry: entry, writer_may_differ=True)

    rig.api.clock.on_sleep = renew
    with pytest.raises(RebootError, match="held by run slow"):
        rig.take(timeout=400)


def test_an_expired_slot_is_watched_for_an_interval_first(rig: Rig) -> None:
    rig.take("n1", "dead")
    rig.api.clock.sleep(1000)
    acquired = rig.take()
    assert rig.settings.interval <= acquired.waited <= rig.settings.interval + 6


@pytest.mark.parametrize("wrong_by", [timedelta(days=-1), timedelta(days=1)])
def test_a_wrong_local_clock_expires_nobody_and_keeps_nobody(rig: Rig, wrong_by: timedelta) -> None:
    rig.take("n1", "dead")
    rig.api.clock.wrong_by = wrong_by
    assert rig.take().waited >= TTL + MARGIN


def test_a_ttl_of_zero_is_never_taken_over(rig: Rig) -> None:
    rig.take("n1", "eternal", ttl=0)
    with pytest.raises(RebootError, match="held by run eternal"):
        rig.take(timeout=100_000)


@pytest.mark.parametrize("existing", [False, True])
def test_a_lost_answer_is_no_second_slot(rig: Rig, existing: bool) -> None:
    if existing:
        rig.take("n2", "b")
        rig.release("n2", "b")
    rig.api.fault("drop", path="/leases", method="PATCH" if existing else "POST", when="after", count=1)
    acquired = rig.take()
    assert rig.holders() == [acquired.holder]


def test_outages_while_waiting_are_waited_out(rig: Rig) -> None:
    rig.take("n2", "b")
    when(rig, 20, lambda: rig.api.fault("http-status", code=503, count=6))
    with pytest.raises(RebootError) as caught:
        rig.take(timeout=200)
    assert caught.value.reason == "lock_timeout"


def test_of_two_that_race_one_gets_the_slot(rig: Rig) -> None:
    start = threading.Barrier(4)

    def race(run: str) -> str:
        rival = Rig(rig.api)
        start.wait(10)
        try:
            return rival.take("n1", run, timeout=0).holder.run
        except RebootError as error:
            return error.reason

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(race, "abcd"))
    [winner] = [entry.run for entry in rig.holders()]
    assert sorted(results) == sorted([winner, *["lock_timeout"] * 3])


def test_the_nodes_of_a_dead_run_are_no_free_slots(rig: Rig) -> None:
    rig.cordon("n2")
    rig.annotate("n2", journal="whatever it says")
    with pytest.raises(RebootError, match="1 of 1 slots are in use: n2, left by a dead run"):
        rig.take(timeout=20)
    assert rig.take(limits=TWO).holder.node == "n1"


class DistractedClient(KubernetesClient):
    """Something happens once, right after it has listed anything."""

    def __init__(self, rig: Rig, happens: Callable[[], None]) -> None:
        super().__init__(KubernetesAccess(str(rig.api.kubeconfig)))
        self._happens: list[Callable[[], None]] = [happens]

    def items(self, path: str, params: Mapping[str, str | int] | None = None) -> Iterator[dict[str, Any]]:
        found = list(super().items(path, params))
        while self._happens:
            self._happens.pop()()
        return iter(found)


def test_what_was_listed_before_the_ledger_changed_does_not_count(rig: Rig) -> None:
    """While a run looks around, the node it wants is finished by its run, and a third run takes the free slot."""
    rig.take("n1", "b")
    rig.cordon("n1")
    rig.annotate("n1", journal="b at work")

    def move() -> None:
        rig.annotate("n1", journal=None)
        rig.cordon("n1", cordoned=False)
        rig.release("n1", "b")
        rig.take("n2", "c")

    with DistractedClient(rig, move) as client:
        request, limits = rig.request("n1", "a"), Limits(margin=MARGIN)
        taker = SlotTaker(client, rig.store, rig.kured, request, limits, rig.context(), 20, always)
        with pytest.raises(RebootError, match="slots are in use: run c"):
            taker.take()
    assert [entry.run for entry in rig.holders()] == ["c"]


def test_nobody_waits_for_a_playbook_that_is_gone(rig: Rig) -> None:
    rig.take("n2", "b")
    rounds: list[int] = []

    def parent() -> None:
        rounds.append(1)
        if len(rounds) > 3:
            raise GuardLost("gone", reason="orphaned")

    taker = SlotTaker(
        rig.client, rig.store, rig.kured, rig.request(), Limits(margin=MARGIN), rig.context(), 10_000, parent
    )
    with pytest.raises(GuardLost):
        taker.take()
    assert [entry.run for entry in rig.holders()] == ["b"]
