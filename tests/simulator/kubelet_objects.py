# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Node, Lease and Pod status objects that a kubelet writes, as plain data."""

from __future__ import annotations

import datetime as dt
import zlib
from typing import Any

from .layout import LOCATION, NODE_RESOURCE_GROUP, NodeIdentity
from .machine import KERNEL, Machine

Object = dict[str, Any]

ANNOTATION_PHASE = "simulator.kubeops/phase"
ANNOTATION_READY = "simulator.kubeops/ready"
ANNOTATION_STOP = "simulator.kubeops/stop-seconds"
MIRROR = "kubernetes.io/config.mirror"
LEASES = "kube-node-lease"

_RESOURCES = {
    "cpu": "4",
    "ephemeral-storage": "129886128Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "16375300Ki",
    "pods": "110",
}
_ALLOCATABLE = {**_RESOURCES, "cpu": "3860m", "memory": "12880900Ki", "ephemeral-storage": "119703055367"}
_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def now() -> str:
    """This moment as Kubernetes writes times, to the second."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro() -> str:
    """This moment as a Lease has it, to the microsecond."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def node(identity: NodeIdentity, machine: Machine) -> Object:
    """A Node that is Ready, as the kubelet registers it."""
    pool = identity.pool
    system = pool.os.lower()
    labels = {
        "agentpool": pool.name,
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": system,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.azure.com/cluster": NODE_RESOURCE_GROUP,
        "kubernetes.azure.com/mode": pool.mode.lower(),
        "kubernetes.azure.com/node-image-version": "AKSUbuntu-2204gen2containerd-202510.03.0",
        "kubernetes.azure.com/nodepool-type": "VirtualMachineScaleSets" if pool.kind == "vmss" else "VirtualMachines",
        "kubernetes.azure.com/os-sku": "Windows2022" if pool.os == "Windows" else "Ubuntu",
        "kubernetes.azure.com/role": "agent",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": identity.name,
        "kubernetes.io/os": system,
        "node.kubernetes.io/instance-type": "Standard_D4s_v5",
        "topology.kubernetes.io/region": LOCATION,
        "topology.kubernetes.io/zone": identity.zone,
    }
    spec: Object = {"providerID": identity.provider_id}
    if pool.priority == "Spot":
        labels["kubernetes.azure.com/scalesetpriority"] = "spot"
        spec["taints"] = [{"key": "kubernetes.azure.com/scalesetpriority", "value": "spot", "effect": "NoSchedule"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": identity.name,
            "labels": labels,
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": identity.address},
                {"type": "Hostname", "address": identity.name},
            ],
            "capacity": _RESOURCES,
            "allocatable": _ALLOCATABLE,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            **node_status(identity, machine, ready=True, changed=now()),
        },
    }


def node_status(identity: NodeIdentity, machine: Machine, ready: bool, changed: str | None) -> Object:
    """Conditions and nodeInfo of a Node; `changed` is the time of the last transition when it is now."""
    heartbeat = now()
    conditions = [
        {"type": kind, "status": "False", "reason": reason, "message": text, "lastHeartbeatTime": heartbeat}
        for kind, reason, text in _PRESSURES
    ]
    conditions.append(
        {
            "type": "Ready",
            "status": "True" if ready else "False",
            "reason": "KubeletReady" if ready else "KubeletNotReady",
            "message": "kubelet is posting ready status" if ready else "container runtime network not ready",
            "lastHeartbeatTime": heartbeat,
        }
    )
    if changed is not None:
        for condition in conditions:
            condition["lastTransitionTime"] = changed
    return {
        "conditions": conditions,
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": machine.boot_id,
            "containerRuntimeVersion": "containerd://1.7.28-1",
            "kernelVersion": KERNEL,
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.33.2",
            "machineID": f"{zlib.crc32(machine.name.encode()):032x}",
            "operatingSystem": identity.pool.os.lower(),
            "osImage": "Ubuntu 22.04.5 LTS" if identity.pool.os == "Linux" else "Windows Server 2022 Datacenter",
            "systemUUID": f"{zlib.crc32(machine.name.encode()):08x}-0000-4000-8000-000000000000",
        },
    }


def lease(name: str) -> Object:
    """The lease that a kubelet renews."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": LEASES},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now_micro()},
    }


def mirror_pod(node_name: str) -> Object:
    """The mirror of a static pod on a node."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"kube-static-{node_name}",
            "namespace": "kube-system",
            "labels": {"component": "kube-static"},
            "annotations": {MIRROR: "static", "kubernetes.io/config.source": "file"},
        },
        "spec": {
            "nodeName": node_name,
            "hostNetwork": True,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "static", "image": "simulated/static:1"}],
        },
    }


def running(pod: Object, address: str, pod_address: str, restarted: bool) -> Object:
    """The status of a pod whose containers just started; `restarted` when they ran before."""
    annotations = pod["metadata"].get("annotations") or {}
    moment = now()
    old = {status["name"]: status for status in pod.get("status", {}).get("containerStatuses") or []}
    phase = annotations.get(ANNOTATION_PHASE, "Running")
    ready = annotations.get(ANNOTATION_READY) != "false" and phase == "Running"
    statuses = []
    for container in pod["spec"]["containers"]:
        count = int(old.get(container["name"], {}).get("restartCount", 0)) + int(restarted)
        identity = f"{pod['metadata']['uid']}/{container['name']}/{count}"
        state: Object = {"running": {"startedAt": moment}}
        if phase in ("Succeeded", "Failed"):
            code = 0 if phase == "Succeeded" else 1
            reason = "Completed" if phase == "Succeeded" else "Error"
            state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": moment, "finishedAt": moment}}
        statuses.append(
            {
                "name": container["name"],
                "image": container.get("image", ""),
                "imageID": "",
                "containerID": f"containerd://{zlib.crc32(identity.encode()):08x}{pod['metadata']['uid']}-{count}",
                "ready": ready,
                "restartCount": count,
                "started": phase == "Running",
                "state": state,
            }
        )
    where = address if pod["spec"].get("hostNetwork") else pod_address
    return {
        "phase": phase,
        "conditions": _pod_conditions(ready, moment),
        "hostIP": address,
        "podIP": where,
        "podIPs": [{"ip": where}],
        "startTime": pod.get("status", {}).get("startTime") or moment,
        "containerStatuses": statuses,
    }


def interrupted(pod: Object) -> Object:
    """The status of a pod right after its node has booted: nothing runs yet."""
    moment = now()
    statuses = [
        {
            **status,
            "ready": False,
            "started": False,
            "state": {"waiting": {"reason": "ContainerCreating"}},
        }
        for status in pod.get("status", {}).get("containerStatuses") or []
    ]
    unready = [
        {"type": kind, "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": moment}
        for kind in ("ContainersReady", "Ready")
    ]
    return {"conditions": unready, "containerStatuses": statuses}


def _pod_conditions(ready: bool, moment: str) -> list[Object]:
    flags = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    return [
        {"type": kind, "status": "True" if flag else "False", "lastTransitionTime": moment}
        for kind, flag in flags.items()
    ]
