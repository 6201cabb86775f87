# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and pods as the Kubernetes API tells them, for tests of what is decided on them."""

from __future__ import annotations

from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.node import Node
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.pods import Pod

PROVIDER_ID = (
    "azure:///subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/mc_shop_shop_westeurope"
    "/providers/Microsoft.Compute/virtualMachineScaleSets/aks-web-1-vmss/virtualMachines/3"
)


def make_node(
    name: str = "n1",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    taints: tuple[str, ...] = (),
    provider_id: str = PROVIDER_ID,
    unschedulable: bool | None = None,
    ready: str = "True",
    heartbeat: str | None = "2026-05-01T12:00:00Z",
    boot_id: str = "boot-1",
    conditions: tuple[dict[str, str], ...] = (),
) -> Node:
    """A healthy Linux node of the user pool ``web``, unless told otherwise."""
    condition = {"type": "Ready", "status": ready, "reason": "KubeletReady" if ready == "True" else "KubeletNotReady"}
    if heartbeat:
        condition["lastHeartbeatTime"] = heartbeat
    spec: dict[str, Any] = {
        "providerID": provider_id,
        "taints": [{"key": key, "effect": "NoSchedule"} for key in taints],
    }
    if unschedulable is not None:
        spec["unschedulable"] = unschedulable
    return Node(
        {
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "resourceVersion": "7",
                "labels": {
                    "kubernetes.azure.com/agentpool": "web",
                    "kubernetes.azure.com/mode": "user",
                    "kubernetes.io/os": "linux",
                    "topology.kubernetes.io/zone": "westeurope-1",
                    **(labels or {}),
                },
                "annotations": annotations or {},
            },
            "spec": spec,
            "status": {
                "conditions": [condition, *conditions],
                "nodeInfo": {"bootID": boot_id, "operatingSystem": "linux", "osImage": "Ubuntu 22.04.5 LTS"},
                "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "10.224.0.7"}],
            },
        }
    )


def make_pod(
    name: str = "p1",
    namespace: str = "shop",
    *,
    owner: tuple[str, str] | None = ("ReplicaSet", "web-1"),
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    phase: str = "Running",
    ready: bool = True,
    volumes: tuple[dict[str, Any], ...] = (),
    deleted: str | None = None,
    containers: tuple[tuple[str, str | None], ...] = (),
) -> Pod:
    """A running pod of a ReplicaSet, unless told otherwise; ``containers`` are (id, RFC 3339 time of start)."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
    metadata |= {"labels": labels or {}, "annotations": annotations or {}}
    if owner:
        kind, owner_name = owner
        metadata["ownerReferences"] = [
            {"kind": "Foreign", "name": "not-the-controller", "uid": "u0"},
            {"kind": kind, "name": owner_name, "uid": f"uid-{owner_name}", "controller": True},
        ]
    if deleted:
        metadata["deletionTimestamp"] = deleted
    statuses: list[dict[str, Any]] = [
        {"containerID": identity, "state": {"running": {"startedAt": start}} if start else {"waiting": {}}}
        for identity, start in containers
    ]
    return Pod(
        {
            "metadata": metadata,
            "spec": {"volumes": list(volumes)},
            "status": {
                "phase": phase,
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                "containerStatuses": statuses,
            },
        }
    )
