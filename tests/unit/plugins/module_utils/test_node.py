# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a Node object."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.journal import DamagedJournal, Journal
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.node import Node
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_node

JOURNAL = Journal("run-1", "cordoned", "boot-1", unschedulable=False, since="2026-05-01T12:00:00Z")


def test_a_healthy_node() -> None:
    node = make_node("n1")
    assert (node.name, node.uid, node.resource_version) == ("n1", "uid-n1", "7")
    assert (node.pool, node.mode, node.zone, node.os) == ("web", "user", "westeurope-1", "linux")
    assert (node.ready, node.unschedulable, node.boot_id) == (True, False, "boot-1")
    assert node.address == "10.224.0.7"
    assert node.heartbeat == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert node.machine is not None
    assert node.machine.instance_id == "3"
    assert (node.spot, node.virtual, node.hold, node.deletion_taint) == (False, False, None, None)
    assert (node.journal, node.journalled, node.last_reboot, node.own_annotations) == (None, False, {}, {})


def test_a_node_that_has_just_been_registered() -> None:
    """The API leaves out whatever is empty."""
    node = Node({"metadata": {"name": "n1", "uid": "u", "resourceVersion": "1"}})
    assert (node.pool, node.zone, node.os, node.os_image, node.address, node.boot_id) == ("", "", "", "", "", "")
    assert node.mode == "user"
    assert (node.ready, node.unschedulable, node.heartbeat, node.machine) == (False, False, None, None)
    assert (node.taints, node.spot, node.virtual, node.event_scheduled) == ([], False, False, False)


def test_null_is_like_nothing() -> None:
    empty = {"metadata": {"name": "n1", "uid": "u", "resourceVersion": "1", "labels": None, "annotations": None}}
    node = Node({**empty, "spec": {"taints": None}, "status": {"conditions": None, "addresses": None}})
    assert (node.labels, node.annotations, node.taints, node.ready, node.address) == ({}, {}, [], False, "")


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_unknown_is_not_ready(status: str) -> None:
    assert not make_node(ready=status).ready


def test_old_clusters_name_the_pool_otherwise() -> None:
    assert make_node(labels={"kubernetes.azure.com/agentpool": "", "agentpool": "old"}).pool == "old"


@pytest.mark.parametrize(
    ("labels", "taints"),
    [({"type": "virtual-kubelet"}, ()), ({}, ("virtual-kubelet.io/provider",))],
)
def test_virtual_nodes(labels: dict[str, str], taints: tuple[str, ...]) -> None:
    assert make_node(labels=labels, taints=taints).virtual


def test_words_in_labels_are_compared_without_case() -> None:
    node = make_node(
        labels={
            "kubernetes.azure.com/mode": "System",
            "kubernetes.io/os": "Windows",
            "kubernetes.azure.com/scalesetpriority": "Spot",
        }
    )
    assert (node.mode, node.os, node.spot) == ("system", "windows", True)


@pytest.mark.parametrize(
    "taint", ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption"]
)
def test_taints_of_autoscalers(taint: str) -> None:
    assert make_node(taints=("other", taint)).deletion_taint == taint


def test_an_announced_event() -> None:
    event = {"type": "VMEventScheduled", "status": "True"}
    over = {"type": "VMEventScheduled", "status": "False"}
    assert make_node(conditions=(event,)).event_scheduled
    assert not make_node(conditions=(over,)).event_scheduled


def test_a_hold_without_a_reason_is_a_hold() -> None:
    assert make_node(annotations={"aks-reboot/hold": ""}).hold == ""


def test_the_journal() -> None:
    node = make_node(annotations={"aks-reboot/journal": JOURNAL.dump()})
    assert (node.journalled, node.journal) == (True, JOURNAL)


def test_a_journal_that_cannot_be_read_is_a_journal() -> None:
    node = make_node(annotations={"aks-reboot/journal": "?"})
    assert node.journalled
    with pytest.raises(DamagedJournal):
        assert node.journal


@pytest.mark.parametrize("text", ["", "?", "[1]", "null", "7"])
def test_a_last_reboot_that_cannot_be_read_is_none(text: str) -> None:
    assert make_node(annotations={"aks-reboot/last-reboot": text}).last_reboot == {}


def test_only_own_annotations_are_own() -> None:
    own = {
        "aks-reboot/journal": JOURNAL.dump(),
        "aks-reboot/last-reboot": json.dumps({"at": "x"}),
        "cluster-autoscaler.kubernetes.io/scale-down-disabled": "true",
    }
    node = make_node(annotations={**own, "aks-reboot/hold": "why", "other": "x"})
    assert node.own_annotations == own


def test_aks_upgrading() -> None:
    reason = "kubernetes.azure.com/azure-cluster-autoscaler-scale-down-disabled-reason"
    assert make_node(annotations={reason: "Upgrade"}).aks_upgrading
    assert not make_node(annotations={reason: "other"}).aks_upgrading
