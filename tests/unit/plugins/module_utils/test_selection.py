# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason for which a node is none of our business, and which of several is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.journal import Journal
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.selection import (
    Selection,
    reason_to_exclude,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_node

JOURNAL = Journal("run-1", "drained", "boot-1", unschedulable=False, since="2026-05-01T12:00:00Z").dump()
UPGRADE = {"kubernetes.azure.com/azure-cluster-autoscaler-scale-down-disabled-reason": "upgrade"}

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("virtual", {"labels": {"type": "virtual-kubelet"}}, "has no machine"),
    ("windows", {"labels": {"kubernetes.io/os": "windows"}}, "Windows"),
    ("not_a_machine", {"provider_id": "kind://x/y"}, "kind://x/y"),
    ("not_managed", {"labels": {"kubernetes.azure.com/managed": "false"}}, "not managed by AKS"),
    ("other_pool", {"labels": {"kubernetes.azure.com/agentpool": "batch"}}, "pool batch"),
    ("spot", {"labels": {"kubernetes.azure.com/scalesetpriority": "spot"}}, "include_spot"),
    ("auto_provisioned", {"labels": {"karpenter.sh/nodepool": "default"}}, "include_auto_provisioned"),
    ("hold", {"annotations": {"aks-reboot/hold": "disk is looked at"}}, "disk is looked at"),
    ("hold", {"annotations": {"aks-reboot/hold": ""}}, "no reason given"),
    ("being_deleted", {"taints": ("ToBeDeletedByClusterAutoscaler",)}, "ToBeDeletedByClusterAutoscaler"),
    ("aks_upgrade", {"annotations": UPGRADE}, "upgraded by AKS"),
    ("quarantined", {"labels": {"kubernetes.azure.com/upgrade-status": "Quarantined"}}, "quarantined"),
    ("journal_damaged", {"annotations": {"aks-reboot/journal": "{"}}, "is not JSON"),
    ("journal_version", {"annotations": {"aks-reboot/journal": '{"version": 9}'}}, "version 9"),
    ("in_progress", {"annotations": {"aks-reboot/journal": JOURNAL}}, "run run-1 since 2026-05-01T12:00:00Z"),
    ("not_ready", {"ready": "Unknown"}, "not Ready"),
]
SELECTION = Selection(pools=("web", "api"))


@pytest.mark.parametrize(("word", "node", "told"), CASES)
def test_each_reason(word: str, node: dict[str, Any], told: str) -> None:
    reason = reason_to_exclude(make_node(**node), SELECTION)
    assert reason is not None
    assert reason[0] == word
    assert told in reason[1]


@pytest.mark.parametrize("selection", [Selection(), SELECTION, Selection(("web",), True, True)])
def test_a_healthy_node_of_the_pool_may_be_rebooted(selection: Selection) -> None:
    assert reason_to_exclude(make_node(), selection) is None


def test_a_cordoned_node_may_be_rebooted() -> None:
    """Whoever cordoned it: it stays cordoned afterwards."""
    assert reason_to_exclude(make_node(unschedulable=True), Selection()) is None


def test_what_the_user_may_allow() -> None:
    spot = make_node(labels={"kubernetes.azure.com/scalesetpriority": "spot"})
    provisioned = make_node(labels={"karpenter.sh/nodepool": "default"})
    assert reason_to_exclude(spot, Selection(include_spot=True)) is None
    assert reason_to_exclude(spot, Selection(include_auto_provisioned=True)) is not None
    assert reason_to_exclude(provisioned, Selection(include_auto_provisioned=True)) is None
    assert reason_to_exclude(provisioned, Selection(include_spot=True)) is not None


def test_what_a_node_is_comes_before_how_it_is() -> None:
    """A reason that stays is worth more than one that passes."""
    node = make_node(labels={"kubernetes.io/os": "windows"}, annotations={"aks-reboot/hold": "x"}, ready="False")
    assert (reason_to_exclude(node, Selection()) or ("",))[0] == "windows"


def test_a_hold_is_told_before_anything_that_passes() -> None:
    annotations = {"aks-reboot/hold": "x", "aks-reboot/journal": JOURNAL}
    node = make_node(annotations=annotations, taints=("karpenter.sh/disrupted",), ready="False")
    assert (reason_to_exclude(node, Selection()) or ("",))[0] == "hold"
