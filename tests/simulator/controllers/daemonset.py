# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DaemonSets: one pod on each node that accepts it, cordoned nodes included."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from ..kube_client import ApiError, Informer, KubeClient, Object, object_key
from .caches import NodeCache, NodeFacts, PodCache
from .placement import NOT_READY, UNREACHABLE, UNSCHEDULABLE, repelled_by, selects, shut_out_by_cordon
from .pods import (
    controller_of,
    controller_reference,
    from_template,
    is_finished,
    is_ready,
    is_terminating,
    node_of,
    random_suffix,
)
from .work import Key, WorkQueue

_AT_ONCE = 16
# Seconds that the turns of one DaemonSet are apart, for each node of the cluster
_PAUSE_PER_NODE = 0.000_05

_TOLERATIONS: tuple[tuple[str, str], ...] = (
    (NOT_READY, "NoExecute"),
    (UNREACHABLE, "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    (UNSCHEDULABLE, "NoSchedule"),
)


class DaemonSetController:
    """Creates and deletes the pods of DaemonSets, and keeps their status."""

    def __init__(self, client: KubeClient, daemon_sets: Informer, pods: PodCache, nodes: NodeCache) -> None:
        self._client = client
        self._daemon_sets = daemon_sets
        self._pods = pods
        self._nodes = nodes
        self._queue = WorkQueue("daemonset", self._reconcile, pause=lambda: len(nodes.facts) * _PAUSE_PER_NODE)
        self.run = self._queue.run
        daemon_sets.subscribe(lambda dummy, item: self._queue.add(object_key(item)))
        pods.subscribe(self._pod_changed)
        nodes.subscribe(self._nodes_changed)

    def _nodes_changed(self) -> None:
        for key in self._daemon_sets.objects:
            self._queue.add(key)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        pod = new or old
        owner = controller_of(pod) if pod else None
        if pod and owner and owner["kind"] == "DaemonSet":
            self._queue.add((pod["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> None:
        daemon_set = self._daemon_sets.objects.get(key)
        if daemon_set is None or daemon_set["metadata"].get("deletionTimestamp"):
            return
        spec = _pod_spec(daemon_set)
        there = self._pods_by_node(daemon_set)
        wanted = {name for name, node in self._nodes.facts.items() if _should_run(spec, node)}
        limit = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for name in wanted - there.keys():
                group.create_task(self._create(daemon_set, spec, name, limit))
            for name, pods in there.items():
                node = self._nodes.facts.get(name)
                for pod in _surplus(pods, node is not None and _may_stay(spec, node)):
                    group.create_task(self._delete(pod, limit))
        await self._keep_status(key, daemon_set, wanted)

    def _pods_by_node(self, daemon_set: Object) -> dict[str, list[Object]]:
        there: defaultdict[str, list[Object]] = defaultdict(list)
        for pod in self._pods.owned_by(daemon_set["metadata"]["uid"]):
            there[node_of(pod)].append(pod)
        return dict(there)

    async def _create(self, daemon_set: Object, spec: Object, node: str, limit: asyncio.Semaphore) -> None:
        namespace, name = object_key(daemon_set)
        owner = controller_reference(daemon_set, "apps/v1", "DaemonSet")
        template = {"metadata": daemon_set["spec"]["template"].get("metadata"), "spec": _pinned(spec, node)}
        pod = from_template(f"{name}-{random_suffix()}", namespace, template, owner)
        async with limit:
            self._pods.assume(await self._client.create(f"/api/v1/namespaces/{namespace}/pods", pod))

    async def _delete(self, pod: Object, limit: asyncio.Semaphore) -> None:
        namespace, name = object_key(pod)
        async with limit:
            try:
                answer = await self._client.delete(f"/api/v1/namespaces/{namespace}/pods/{name}")
            except ApiError as error:
                if error.status != 404:
                    raise
                return
            if answer.get("kind") == "Pod" and is_terminating(answer):
                self._pods.assume(answer)

    async def _keep_status(self, key: Key, daemon_set: Object, wanted: set[str]) -> None:
        there = self._pods_by_node(daemon_set)
        placed = wanted & there.keys()
        ready = sum(any(is_ready(pod) and not is_terminating(pod) for pod in there[name]) for name in placed)
        status = {
            "desiredNumberScheduled": len(wanted),
            "currentNumberScheduled": len(placed),
            "updatedNumberScheduled": len(placed),
            "numberMisscheduled": len(there.keys() - wanted),
            "numberReady": ready,
            "numberAvailable": ready,
            "numberUnavailable": len(wanted) - ready,
            "observedGeneration": daemon_set["metadata"].get("generation", 1),
        }
        known = daemon_set.get("status") or {}
        if any(known.get(name, 0) != value for name, value in status.items()):
            await self._client.patch(
                f"/apis/apps/v1/namespaces/{key[0]}/daemonsets/{key[1]}/status", {"status": status}
            )


def _pod_spec(daemon_set: Object) -> Object:
    """The template's pod spec with the tolerations that every DaemonSet pod gets."""
    spec: Object = dict(daemon_set["spec"]["template"].get("spec") or {})
    tolerations = list(spec.get("tolerations") or [])
    for key, effect in _TOLERATIONS:
        toleration = {"key": key, "operator": "Exists", "effect": effect}
        if toleration not in tolerations:
            tolerations.append(toleration)
    return {**spec, "tolerations": tolerations}


def _pinned(spec: Object, node: str) -> Object:
    """The pod spec for one node: with the affinity that real clusters show, but bound already."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {**spec, "affinity": {**(spec.get("affinity") or {}), "nodeAffinity": required}, "nodeName": node}


def _may_stay(spec: Object, node: NodeFacts) -> bool:
    return selects(spec, node) and repelled_by(spec, node, ("NoExecute",)) is None


def _should_run(spec: Object, node: NodeFacts) -> bool:
    return (
        selects(spec, node)
        and repelled_by(spec, node, ("NoSchedule", "NoExecute")) is None
        and not shut_out_by_cordon(spec, node)
    )


def _surplus(pods: list[Object], may_stay: bool) -> list[Object]:
    """The pods of one node to delete: all when the node may not have any, else finished ones and all but the first."""
    running = [pod for pod in pods if not is_terminating(pod)]
    if not may_stay:
        return running
    alive = [pod for pod in running if not is_finished(pod)]
    return [pod for pod in running if is_finished(pod)] + alive[1:]
