# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fencing off: a cordon that a frozen run has under way must not land after its slot is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Limits
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import GuardLost, KubernetesError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Context
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.cordon import CordonOptions, cordon
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.node_writes import fence_off
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import drop_expired
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import MARGIN, TTL, Rig

NODE = "/api/v1/nodes/n1"


def fencing(rig: Rig) -> Context:
    return replace(rig.context(), guard=_Open())


class _Open:
    """A guard that lets every write through."""

    def __call__(self) -> None: ...

    def before_restart(self) -> None: ...

    def restart_settled(self) -> None: ...


def test_a_write_under_way_fails_and_nothing_is_left(rig: Rig) -> None:
    seen = rig.client.get(NODE)["metadata"]
    cordon = {
        "metadata": {"resourceVersion": seen["resourceVersion"], "uid": seen["uid"]},
        "spec": {"unschedulable": True},
    }

    assert fence_off(rig.client, "n1", "b", fencing(rig))

    with pytest.raises(KubernetesError) as refused:
        rig.client.merge_patch(NODE, cordon)
    assert refused.value.status == 409
    after = rig.client.get(NODE)
    assert "aks-reboot/fence" not in (after["metadata"].get("annotations") or {})
    assert not after["spec"].get("unschedulable")


def test_a_node_with_a_journal_is_not_fenced_off(rig: Rig) -> None:
    rig.annotate("n1", journal="{}")
    writes = len(rig.api.writes())
    assert not fence_off(rig.client, "n1", "b", fencing(rig))
    assert len(rig.api.writes()) == writes


def test_a_fence_that_a_dead_recovery_left_is_taken_away(rig: Rig) -> None:
    rig.annotate("n1", fence="c")
    assert fence_off(rig.client, "n1", "b", fencing(rig))
    assert "aks-reboot/fence" not in (rig.client.get(NODE)["metadata"].get("annotations") or {})


def test_a_slot_stays_when_its_node_cannot_be_fenced_off(rig: Rig) -> None:
    dead = rig.take().holder
    rig.api.clock.sleep(TTL + MARGIN)
    assert not drop_expired(rig.store, dead, MARGIN, rig.context(), lambda: False)
    assert rig.holder() == dead


def test_a_takeover_remembers_for_which_object_the_restart_was_sent(rig: Rig) -> None:
    rig.take()
    with rig.guard() as guard:
        guard.before_restart()
    sent_for = rig.holder().node_uid
    rig.client.merge_patch(NODE, {"metadata": {"annotations": {"aks-reboot/journal": "{}"}}})
    rig.api.clock.sleep(TTL + MARGIN + 1)
    rig.uids["n1"] = "another-uid"

    taken = rig.take("n1", "b", limits=Limits(margin=MARGIN))

    assert taken.took_over is not None
    assert rig.holder().restart_sent
    assert rig.holder().node_uid == sent_for


def test_a_cordon_does_not_rest_on_a_remembered_renewal(rig: Rig) -> None:
    rig.take()
    with rig.guard() as given_up:
        with rig.guard():
            pass
        given_up()  # its own renewal is young, so an ordinary write passes: the journal fences it
        context = replace(rig.context(), guard=given_up)
        with pytest.raises(GuardLost):
            cordon(rig.client, "n1", CordonOptions("a"), context)
    assert not rig.client.get(NODE)["spec"].get("unschedulable")
