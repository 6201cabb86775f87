# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be seen before a node counts as rebooted and well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.proof import (
    Baseline,
    booted,
    missing_daemonsets,
    missing_of_node,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_node, make_pod

BEFORE = Baseline(
    boot_id="boot-1",
    heartbeat=datetime(2026, 5, 1, 12, tzinfo=UTC),
    containers=frozenset({"containerd://old"}),
    daemonsets=("kube-system/proxy", "monitoring/agent"),
)
LATER = "2026-05-01T12:03:00Z"


def rebooted(**changes: Any) -> str:
    return missing_of_node(make_node(**{"boot_id": "boot-2", "heartbeat": LATER, **changes}), BEFORE)


def test_a_node_that_came_back_well_lacks_nothing() -> None:
    assert rebooted() == ""


def test_a_node_that_was_read_by_a_recovery_has_no_heartbeat_before() -> None:
    baseline = Baseline("boot-1", None, frozenset(), ())
    assert missing_of_node(make_node(boot_id="boot-2"), baseline) == ""


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"boot_id": "boot-1"}, "boot ID"),
        ({"boot_id": ""}, "boot ID"),
        ({"ready": "False"}, "Ready (KubeletNotReady)"),
        ({"ready": "Unknown"}, "Ready"),
        # Ready from before the boot: the kubelet has not spoken since
        ({"heartbeat": "2026-05-01T12:00:00Z"}, "heartbeat"),
        ({"heartbeat": "2026-05-01T11:59:00Z"}, "heartbeat"),
        ({"heartbeat": None}, "heartbeat"),
        ({"conditions": ({"type": "VMEventScheduled", "status": "True"},)}, "maintenance event"),
    ],
)
def test_what_a_node_lacks(changes: dict[str, Any], missing: str) -> None:
    assert missing in rebooted(**changes)


def test_the_boot_id_is_what_tells() -> None:
    assert booted(make_node(boot_id="boot-2"), BEFORE)
    assert not booted(make_node(boot_id="boot-1"), BEFORE)
    assert not booted(make_node(boot_id=""), BEFORE)


def proxy(**changes: Any) -> Any:
    given: dict[str, Any] = {"namespace": "kube-system", "owner": ("DaemonSet", "proxy")}
    return make_pod("proxy-x", **{**given, "containers": (("containerd://new", LATER),), **changes})


def agent(**changes: Any) -> Any:
    given: dict[str, Any] = {"namespace": "monitoring", "owner": ("DaemonSet", "agent")}
    return make_pod("agent-x", **{**given, "containers": (("containerd://new2", LATER),), **changes})


def test_all_daemonsets_are_back() -> None:
    assert missing_daemonsets([proxy(), agent(), make_pod(ready=False)], BEFORE) == []


def test_a_daemonset_without_a_pod_is_missing() -> None:
    assert missing_daemonsets([proxy()], BEFORE) == ["monitoring/agent"]
    assert missing_daemonsets([], BEFORE) == ["kube-system/proxy", "monitoring/agent"]


def test_daemonsets_that_were_not_ready_before_are_not_waited_for() -> None:
    assert missing_daemonsets([proxy(), agent(), make_pod(owner=("DaemonSet", "broken"), ready=False)], BEFORE) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"ready": False},
        {"containers": ()},
        {"containers": (("containerd://new", None),)},
        {"containers": (("containerd://new", LATER), ("containerd://new3", None))},
        # the kubelet has not renewed the pod's status yet: containers of before the boot
        {"containers": (("containerd://old", LATER),)},
        {"containers": (("containerd://new", LATER), ("containerd://old", LATER))},
        # a container that crashed right before the boot, and whose successor the kubelet had not told of
        {"containers": (("containerd://new", "2026-05-01T11:59:59Z"),)},
        # another namespace's DaemonSet, or another kind of owner of that name
        {"namespace": "other"},
        {"owner": ("ReplicaSet", "proxy")},
        {"owner": None},
    ],
)
def test_a_pod_that_proves_nothing(changes: dict[str, Any]) -> None:
    assert missing_daemonsets([proxy(**changes), agent()], BEFORE) == ["kube-system/proxy"]


def test_the_youngest_container_counts() -> None:
    pod = proxy(containers=(("containerd://a", "2026-05-01T11:00:00Z"), ("containerd://b", LATER)))
    assert pod.running_since() == datetime(2026, 5, 1, 12, 3, tzinfo=UTC)


def test_one_well_pod_of_two_is_enough() -> None:
    """While a DaemonSet is updated, its old pod may still be there."""
    assert missing_daemonsets([proxy(ready=False), proxy(), agent()], BEFORE) == []
