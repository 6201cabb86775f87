# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ReplicaSets: as many pods as wanted, at once."""

from __future__ import annotations

import asyncio

from ..kube_client import ApiError, Informer, KubeClient, Object, object_key
from .caches import PodCache
from .pods import (
    controller_of,
    controller_reference,
    from_template,
    is_active,
    is_ready,
    is_terminating,
    node_of,
    phase,
    random_suffix,
)
from .work import Key, WorkQueue

# Requests for one ReplicaSet that may be under way together
_AT_ONCE = 16


class ReplicaSetController:
    """Creates and deletes pods until each ReplicaSet has its replicas, and keeps its status."""

    def __init__(self, client: KubeClient, replica_sets: Informer, pods: PodCache) -> None:
        self._client = client
        self._replica_sets = replica_sets
        self._pods = pods
        self._queue = WorkQueue("replicaset", self._reconcile, workers=8)
        self.run = self._queue.run
        replica_sets.subscribe(lambda dummy, item: self._queue.add(object_key(item)))
        pods.subscribe(self._pod_changed)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        pod = new or old
        owner = controller_of(pod) if pod else None
        if pod and owner and owner["kind"] == "ReplicaSet":
            self._queue.add((pod["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> None:
        replica_set = self._replica_sets.objects.get(key)
        if replica_set is None or replica_set["metadata"].get("deletionTimestamp"):
            return
        uid = replica_set["metadata"]["uid"]
        wanted = int(replica_set["spec"].get("replicas", 1))
        active = [pod for pod in self._pods.owned_by(uid) if is_active(pod)]
        limit = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for dummy in range(wanted - len(active)):
                group.create_task(self._create(replica_set, limit))
            for pod in sorted(active, key=_worth)[: max(0, len(active) - wanted)]:
                group.create_task(self._delete(pod, limit))
        await self._keep_status(key, replica_set)

    async def _create(self, replica_set: Object, limit: asyncio.Semaphore) -> None:
        namespace, name = object_key(replica_set)
        owner = controller_reference(replica_set, "apps/v1", "ReplicaSet")
        pod = from_template(f"{name}-{random_suffix()}", namespace, replica_set["spec"]["template"], owner)
        async with limit:
            self._pods.assume(await self._client.create(f"/api/v1/namespaces/{namespace}/pods", pod))

    async def _delete(self, pod: Object, limit: asyncio.Semaphore) -> None:
        namespace, name = object_key(pod)
        async with limit:
            try:
                answer = await self._client.delete(
                    f"/api/v1/namespaces/{namespace}/pods/{name}", {"preconditions": {"uid": pod["metadata"]["uid"]}}
                )
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
                return
            if answer.get("kind") == "Pod" and is_terminating(answer):
                self._pods.assume(answer)

    async def _keep_status(self, key: Key, replica_set: Object) -> None:
        active = [pod for pod in self._pods.owned_by(replica_set["metadata"]["uid"]) if is_active(pod)]
        ready = sum(map(is_ready, active))
        status = {
            "replicas": len(active),
            "fullyLabeledReplicas": len(active),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": replica_set["metadata"].get("generation", 1),
        }
        known = replica_set.get("status") or {}
        if any(known.get(name, 0) != value for name, value in status.items()):
            await self._client.patch(
                f"/apis/apps/v1/namespaces/{key[0]}/replicasets/{key[1]}/status", {"status": status}
            )


def _worth(pod: Object) -> tuple[bool, bool, bool, float]:
    """Sorts the pods that are the smallest loss first: not bound, not running, not ready, last changed."""
    return bool(node_of(pod)), phase(pod) == "Running", is_ready(pod), -int(pod["metadata"]["resourceVersion"])
