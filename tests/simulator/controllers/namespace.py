# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces that are being deleted: empties them, then lets them go."""

from __future__ import annotations

from ..kube_client import ApiError, Informer, KubeClient, Object
from .work import Key, WorkQueue

# What has to go before the namespace does; owners before their pods, or they would create new ones.
_CONTENTS = (
    ("/apis/apps/v1", "deployments"),
    ("/apis/apps/v1", "replicasets"),
    ("/apis/apps/v1", "statefulsets"),
    ("/apis/apps/v1", "daemonsets"),
    ("/apis/batch/v1", "jobs"),
    ("/api/v1", "pods"),
    ("/apis/policy/v1", "poddisruptionbudgets"),
    ("/apis/coordination.k8s.io/v1", "leases"),
    ("/api/v1", "services"),
    ("/api/v1", "configmaps"),
    ("/api/v1", "secrets"),
    ("/api/v1", "serviceaccounts"),
    ("/api/v1", "persistentvolumeclaims"),
    ("/api/v1", "events"),
)
_RECHECK_SECONDS = 0.2


class NamespaceController:
    """Deletes what is in a terminating namespace, and removes its finalizer when nothing is left."""

    def __init__(self, client: KubeClient, namespaces: Informer) -> None:
        self._client = client
        self._namespaces = namespaces
        self._queue = WorkQueue("namespace", self._reconcile)
        self.run = self._queue.run
        namespaces.subscribe(self._changed)

    def _changed(self, kind: str, namespace: Object) -> None:
        if kind != "DELETED" and namespace["metadata"].get("deletionTimestamp"):
            self._queue.add(("", namespace["metadata"]["name"]))

    async def _reconcile(self, key: Key) -> None:
        namespace = self._namespaces.objects.get(key)
        if namespace is None or not (namespace.get("spec") or {}).get("finalizers"):
            return
        left = 0
        for group, plural in _CONTENTS:
            left += await self._empty(f"{group}/namespaces/{key[1]}/{plural}")
        if left:
            self._queue.add(key, after=_RECHECK_SECONDS)
            return
        body = {"apiVersion": "v1", "kind": "Namespace", **namespace, "spec": {"finalizers": []}}
        await self._client.replace(f"/api/v1/namespaces/{key[1]}/finalize", body)

    async def _empty(self, path: str) -> int:
        """Deletes all objects of the collection; returns how many are still there."""
        for item in (await self._client.list(path))["items"]:
            if not item["metadata"].get("deletionTimestamp"):
                try:
                    await self._client.delete(f"{path}/{item['metadata']['name']}")
                except ApiError as error:
                    if error.status != 404:
                        raise
        return len((await self._client.list(path))["items"])
