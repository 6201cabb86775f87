# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in its Lease: compare-and-swap, answers that are lost, and whose clock counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import HOLDERS, DamagedLedger, Holder
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import KubernetesError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.ledger import (
    Ledger,
    LedgerStore,
    LockSettings,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.simulated_api import START
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import LEASE, Rig


def holder(node: str = "n1", run: str = "a") -> Holder:
    return Holder(run, "token", node, "uid", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z", 60, by="ann")


def test_no_lease_yet(rig: Rig) -> None:
    ledger = rig.store.read()
    assert (ledger.holders, ledger.version, ledger.now) == ([], "", START)


def test_swap_creates_changes_and_empties(rig: Rig) -> None:
    assert rig.store.swap(rig.store.read(), [holder()])
    seen = rig.store.read()
    assert seen.holders == [holder()]
    assert rig.client.get(LEASE)["spec"]["holderIdentity"] == "n1 by ann"
    assert rig.store.swap(seen, [])
    assert rig.store.read().holders == []
    assert "holderIdentity" not in rig.client.get(LEASE)["spec"]


def test_swap_fails_when_somebody_was_faster(rig: Rig) -> None:
    nothing = rig.store.read()
    assert rig.store.swap(nothing, [holder()])
    assert not rig.store.swap(nothing, [holder("n2")]), "somebody else created it"
    seen = rig.store.read()
    assert rig.store.swap(seen, [holder("n3")])
    assert not rig.store.swap(seen, [holder("n2")]), "somebody else changed it"
    assert [entry.node for entry in rig.holders()] == ["n3"]


def test_change_decides_again_after_a_conflict(rig: Rig) -> None:
    rig.store.swap(rig.store.read(), [holder()])
    other = LedgerStore(rig.api.client(), rig.settings, rig.api.clock)
    rounds: list[int] = []

    def add(ledger: Ledger) -> list[Holder]:
        rounds.append(len(ledger.holders))
        if len(rounds) == 1:
            assert other.swap(other.read(), [*ledger.holders, holder("n2", "b")])
        return [*ledger.holders, holder("n3", "c")]

    rig.store.change(add)
    assert rounds == [1, 2]
    assert [entry.node for entry in rig.holders()] == ["n1", "n2", "n3"]


def test_change_writes_nothing_for_none(rig: Rig) -> None:
    writes = len(rig.api.writes())
    rig.store.change(lambda _ledger: None)
    assert len(rig.api.writes()) == writes


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_write_whose_answer_was_lost_is_read_back(rig: Rig, method: str) -> None:
    if method == "PATCH":
        rig.store.swap(rig.store.read(), [])
    rig.api.fault("drop", method=method, path="/leases", when="after", count=1)
    seen: list[list[Holder]] = []

    def add_once(ledger: Ledger) -> list[Holder] | None:
        seen.append(ledger.holders)
        return None if ledger.holders else [holder()]

    rig.store.change(add_once)
    assert seen == [[], [holder()]]
    assert rig.holders() == [holder()]


def test_outages_are_waited_out_for_a_bounded_time(rig: Rig) -> None:
    rig.api.fault("http-status", path="/leases", code=503)
    with pytest.raises(KubernetesError, match="503"):
        rig.store.change(lambda _ledger: [holder()], seconds=7)
    assert 7 < rig.api.clock.monotonic() < 12
    rig.api.fault_off()
    rig.api.fault("http-status", path="/leases", code=503, count=3)
    rig.store.change(lambda _ledger: [holder()], seconds=7)
    assert rig.holders() == [holder()]


def test_a_refusal_is_no_outage(rig: Rig) -> None:
    rig.api.fault("http-status", path="/leases", method="POST", code=403)
    with pytest.raises(KubernetesError, match="403"):
        rig.store.change(lambda _ledger: [holder()])
    assert rig.api.clock.monotonic() == 0


@pytest.mark.parametrize("wrong_by", [timedelta(days=-400), timedelta(hours=7)])
def test_time_is_the_servers(rig: Rig, wrong_by: timedelta) -> None:
    rig.api.clock.wrong_by = wrong_by
    rig.api.clock.sleep(90)
    assert rig.store.read().now == START + timedelta(seconds=90)
    rig.store.swap(rig.store.read(), [holder()])
    assert rig.store.read().now == START + timedelta(seconds=90)


def test_a_gateways_clock_does_not_count(rig: Rig) -> None:
    rig.api.audit = False
    with pytest.raises(KubernetesError, match="no Audit-Id"):
        rig.store.read()


@pytest.mark.parametrize("text", ["{", '[{"colour": "red"}]'])
def test_a_ledger_that_cannot_be_read_is_left_alone(rig: Rig, text: str) -> None:
    rig.store.swap(rig.store.read(), [holder()])
    rig.client.merge_patch(LEASE, {"metadata": {"annotations": {HOLDERS: text}}})
    writes = len(rig.api.writes())
    with pytest.raises(DamagedLedger):
        rig.store.change(lambda _ledger: [])
    assert len(rig.api.writes()) == writes


@pytest.mark.parametrize("ttl", [0, 4, 60, 300, 3600])
def test_a_request_that_was_let_through_ends_before_the_entry_expires(ttl: int) -> None:
    """The guard's age, one request and the second that a Date leaves out together stay below ttl and margin."""
    settings = LockSettings(ttl=ttl, margin=1 if ttl == 4 else 30)
    assert settings.guard + settings.request + 1 < (ttl or 300) + settings.margin
    assert settings.interval < settings.guard
