# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of nodes: silent ones become Unknown, conditions and cordons become taints, pods of deleted nodes go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ..kube_client import STRATEGIC_PATCH, ApiError, Informer, KubeClient, Object, object_key
from .caches import PodCache
from .placement import NOT_READY, UNREACHABLE, UNSCHEDULABLE
from .pods import condition, is_finished, is_ready, node_of
from .work import Key, WorkQueue

_MANAGED_TAINTS = (NOT_READY, UNREACHABLE, UNSCHEDULABLE)
_NODE_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


class NodeLifecycle:
    """Watches over nodes.

    grace: seconds without a sign of life, in node status or lease, after which a node is Unknown.
    Signs of life are timed by when they arrive here, whatever time they carry.
    """

    def __init__(self, client: KubeClient, nodes: Informer, leases: Informer, pods: PodCache, grace: float) -> None:
        self._client = client
        self._nodes = nodes
        self._pods = pods
        self._grace = grace
        self._signs: dict[str, dict[str, str]] = {}
        self._seen: dict[str, float] = {}
        self._silent: set[str] = set()
        self._node_queue = WorkQueue("node", self._reconcile_node)
        self._pod_queue = WorkQueue("node-pods", self._reconcile_pod)
        nodes.subscribe(self._node_changed)
        leases.subscribe(self._lease_changed)
        pods.subscribe(self._pod_changed)

    async def run(self) -> None:
        """Watch over the nodes until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._node_queue.run())
            group.create_task(self._pod_queue.run())
            group.create_task(self._monitor())

    def _node_changed(self, kind: str, node: Object) -> None:
        name = node["metadata"]["name"]
        if kind == "DELETED":
            self._signs.pop(name, None)
            self._seen.pop(name, None)
            self._silent.discard(name)
        else:
            self._sign_of_life(name, "status", (condition(node, "Ready") or {}).get("lastHeartbeatTime", ""))
            if _wanted_taints(node) == _managed_taints(node) and name not in self._silent:
                return
        self._node_queue.add(("", name))

    def _lease_changed(self, kind: str, lease: Object) -> None:
        if kind != "DELETED":
            self._sign_of_life(lease["metadata"]["name"], "lease", lease["spec"].get("renewTime") or "")

    def _sign_of_life(self, name: str, source: str, value: str) -> None:
        signs = self._signs.setdefault(name, {})
        if signs.get(source) != value:
            signs[source] = value
            self._seen[name] = asyncio.get_running_loop().time()
            self._silent.discard(name)

    def _pod_changed(self, dummy_old: Object | None, new: Object | None) -> None:
        if new is not None and is_ready(new) and node_of(new) in self._silent:
            self._pod_queue.add(object_key(new))

    async def _monitor(self) -> None:
        period = min(1.0, self._grace / 4)
        time: Callable[[], float] = asyncio.get_running_loop().time
        last = time()
        while True:
            await asyncio.sleep(period)
            now = time()
            # When this process itself was stopped for a while, no node could be heard.
            deaf = max(0.0, now - last - 2 * period)
            last = now
            for name, seen in self._seen.items():
                if deaf:
                    self._seen[name] = min(now, seen + deaf)
                if now - self._seen[name] > self._grace and name not in self._silent:
                    self._silent.add(name)
                    self._node_queue.add(("", name))

    async def _reconcile_node(self, key: Key) -> None:
        node = self._nodes.objects.get(key)
        if node is None:
            if key[1] not in self._seen:
                for pod in list(self._pods.on_node(key[1])):
                    await self._delete(pod)
            return
        if key[1] in self._silent:
            node = await self._mark_unknown(node)
            for pod in list(self._pods.on_node(key[1])):
                if is_ready(pod):
                    self._pod_queue.add(object_key(pod))
        wanted = _wanted_taints(node)
        if wanted != _managed_taints(node):
            await self._write_taints(node, wanted)

    async def _mark_unknown(self, node: Object) -> Object:
        if (condition(node, "Ready") or {}).get("status") == "Unknown":
            return node
        now = _now()
        conditions = [
            {
                "type": kind,
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": now,
            }
            for kind in _NODE_CONDITIONS
            if kind == "Ready" or condition(node, kind) is not None
        ]
        path = f"/api/v1/nodes/{node['metadata']['name']}/status"
        return await self._client.patch(path, {"status": {"conditions": conditions}}, STRATEGIC_PATCH)

    async def _write_taints(self, node: Object, wanted: set[tuple[str, str]]) -> None:
        """With the resourceVersion that was read, since a list of taints is replaced as a whole."""
        taints = [
            taint
            for taint in (node.get("spec") or {}).get("taints") or []
            if taint["key"] not in _MANAGED_TAINTS or _identity(taint) in wanted
        ]
        there = {_identity(taint) for taint in taints}
        taints += [{"key": key, "effect": effect, "timeAdded": _now()} for key, effect in sorted(wanted - there)]
        body: dict[str, Any] = {
            "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
            "spec": {"taints": taints or None},
        }
        await self._client.patch(f"/api/v1/nodes/{node['metadata']['name']}", body)

    async def _reconcile_pod(self, key: Key) -> None:
        """Ready=False for a pod that nobody can vouch for any more."""
        pod = self._pods.objects.get(key)
        if pod is None or node_of(pod) not in self._silent or not is_ready(pod) or is_finished(pod):
            return
        entry = {"type": "Ready", "status": "False", "lastTransitionTime": _now()}
        path = f"/api/v1/namespaces/{key[0]}/pods/{key[1]}/status"
        try:
            self._pods.assume(await self._client.patch(path, {"status": {"conditions": [entry]}}, STRATEGIC_PATCH))
        except ApiError as error:
            if error.status != 404:
                raise

    async def _delete(self, pod: Object) -> None:
        namespace, name = object_key(pod)
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        try:
            await self._client.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise


def _identity(taint: Object) -> tuple[str, str]:
    return taint["key"], taint.get("effect", "")


def _managed_taints(node: Object) -> set[tuple[str, str]]:
    taints = (node.get("spec") or {}).get("taints") or []
    return {_identity(taint) for taint in taints if taint["key"] in _MANAGED_TAINTS}


def _wanted_taints(node: Object) -> set[tuple[str, str]]:
    wanted: set[tuple[str, str]] = set()
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.add((UNSCHEDULABLE, "NoSchedule"))
    ready = condition(node, "Ready")
    if ready is not None and ready.get("status") != "True":
        key = NOT_READY if ready.get("status") == "False" else UNREACHABLE
        wanted |= {(key, "NoSchedule"), (key, "NoExecute")}
    return wanted


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
