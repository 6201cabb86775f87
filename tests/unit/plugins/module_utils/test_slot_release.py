# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a slot back, keeping it after a failure, breaking somebody's, and clearing a dead one away."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.journal import CORDONED, Journal
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import GuardLost, RebootError, Refused
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import (
    break_slot,
    drop_expired,
    stop_all,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.simulated_api import (
    add_node,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import MARGIN, TTL, Rig


def journal(run: str) -> str:
    return Journal(run, CORDONED, "boot", False, "2026-05-01T12:00:00Z").dump()


def test_a_slot_is_kept_while_the_node_carries_its_journal(rig: Rig) -> None:
    rig.take()
    rig.annotate("n1", journal=journal("a"))
    with pytest.raises(Refused, match="still carries the journal of run a"):
        rig.release()
    rig.annotate("n1", journal=journal("b"))
    assert rig.release(), "another run's journal is that run's business"


def test_only_the_own_slot_is_released(rig: Rig) -> None:
    rig.take()
    writes = len(rig.api.writes())
    assert not rig.release("n1", "b")
    assert not rig.release("n2", "a")
    assert len(rig.api.writes()) == writes


def test_check_mode_releases_nothing(rig: Rig) -> None:
    rig.take()
    assert rig.release(check_mode=True)
    assert len(rig.holders()) == 1


def test_a_lost_answer_to_a_release(rig: Rig) -> None:
    rig.take()
    rig.api.fault("drop", path="/leases", method="PATCH", when="after", count=1)
    assert rig.release()
    assert rig.holders() == []


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_slot_with_a_restart_outlives_its_node(rig: Rig, comes_back: bool) -> None:
    rig.take()
    with rig.guard() as guard:
        guard.before_restart()
    rig.client._json("DELETE", "/api/v1/nodes/n1")
    if comes_back:
        add_node(rig.client, "n1")
    with pytest.raises(Refused, match="restart") as caught:
        rig.release()
    assert caught.value.reason == "restart_outstanding"
    assert rig.holder().restart_sent


def test_a_slot_without_a_restart_goes_with_its_node(rig: Rig) -> None:
    rig.take()
    rig.client._json("DELETE", "/api/v1/nodes/n1")
    assert rig.release()


def test_a_failed_node_keeps_its_slot_and_stops_all_others(rig: Rig) -> None:
    rig.take()
    assert stop_all(rig.store, "a", "n1", "no proof", rig.context())
    assert stop_all(rig.store, "a", "n1", "again", rig.context())
    assert rig.holder().stopped == "no proof"
    assert not stop_all(rig.store, "b", "n1", "not mine", rig.context())
    with pytest.raises(RebootError, match=r"n1 failed and is not resolved \(no proof\)"):
        rig.take("n2", "b", timeout=20)


def test_a_broken_slot_stops_its_run_and_counts_until_its_time_has_passed(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        broken = break_slot(rig.store, "n1")
        assert broken is not None
        assert broken.run == "a"
        with pytest.raises(GuardLost, match="broken by an operator"):
            guard.before_restart()
    assert rig.holder().revoked
    with pytest.raises(RebootError, match="1 of 1 slots are in use"):
        rig.take("n2", "b", timeout=TTL)
    assert rig.take("n1", "b").holder.run == "b"
    assert rig.api.clock.monotonic() > TTL + MARGIN


def test_breaking_twice_in_check_mode_and_for_nothing(rig: Rig) -> None:
    assert break_slot(rig.store, "n1") is None
    rig.take()
    assert break_slot(rig.store, "n1", check_mode=True) is not None
    assert not rig.holder().revoked
    assert break_slot(rig.store, "n1") is not None
    writes = len(rig.api.writes())
    again = break_slot(rig.store, "n1")
    assert again is not None
    assert again.revoked
    assert len(rig.api.writes()) == writes


def test_breaking_is_the_way_past_an_eternal_slot(rig: Rig) -> None:
    rig.take(ttl=0)
    break_slot(rig.store, "n1")
    assert rig.holder().ttl == TTL
    assert rig.take("n1", "b").holder.run == "b"


def test_dead_slots_are_cleared_away(rig: Rig) -> None:
    dead = rig.take().holder
    assert not drop_expired(rig.store, dead, MARGIN, rig.context(), lambda: True), "not expired yet"
    rig.api.clock.sleep(TTL + MARGIN)
    assert drop_expired(rig.store, dead, MARGIN, rig.context(), lambda: True)
    assert rig.holders() == []
    assert not drop_expired(rig.store, dead, MARGIN, rig.context(), lambda: True)


def test_a_slot_that_moved_while_it_was_watched_is_left_alone(rig: Rig) -> None:
    dead = rig.take().holder
    rig.api.clock.sleep(TTL + MARGIN + 1)
    once = iter([True])

    def renew() -> None:
        if next(once, False):
            with rig.guard():
                pass

    rig.api.clock.on_sleep = renew
    assert not drop_expired(rig.store, dead, MARGIN, rig.context(), lambda: True)
    assert rig.holder().run == "a"


def test_people_see_who_holds_what(rig: Rig) -> None:
    rig.take(by="ann@ci")
    lease = rig.client.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/aks-reboot")
    assert lease["spec"]["holderIdentity"] == "n1 by ann@ci"
    [row] = json.loads(lease["metadata"]["annotations"]["aks-reboot/holders"])
    assert (row["node"], row["run"], row["nodeUID"]) == ("n1", "a", rig.uids["n1"])
