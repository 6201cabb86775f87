# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments: one ReplicaSet for each template they ever had, the newest of which has the replicas."""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import UTC, datetime

from ..kube_client import ApiError, Informer, KubeClient, Object, object_key
from .caches import OwnerIndex
from .pods import condition, controller_of, controller_reference
from .work import Key, WorkQueue

_HASH_LABEL = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"


class DeploymentController:
    """Creates and scales ReplicaSets, and keeps the status of Deployments.

    A new template comes up in full before the old ReplicaSet goes: nobody watches the roll-out in between here.
    """

    def __init__(self, client: KubeClient, deployments: Informer, replica_sets: Informer) -> None:
        self._client = client
        self._deployments = deployments
        self._replica_sets = OwnerIndex(replica_sets)
        self._queue = WorkQueue("deployment", self._reconcile)
        self.run = self._queue.run
        deployments.subscribe(lambda dummy, item: self._queue.add(object_key(item)))
        replica_sets.subscribe(self._replica_set_changed)

    def _replica_set_changed(self, dummy_kind: str, replica_set: Object) -> None:
        owner = controller_of(replica_set)
        if owner and owner["kind"] == "Deployment":
            self._queue.add((replica_set["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, key: Key) -> None:
        deployment = self._deployments.objects.get(key)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return
        wanted = int(deployment["spec"].get("replicas", 1))
        name = f"{key[1]}-{_template_hash(deployment)}"
        owned = list(self._replica_sets.owned_by(deployment["metadata"]["uid"]))
        current = next((item for item in owned if item["metadata"]["name"] == name), None)
        if current is None:
            await self._create(key[0], name, deployment, len(owned) + 1)
        else:
            await self._scale(current, wanted)
            if _count(current, "availableReplicas") >= wanted:
                for item in owned:
                    if item is not current:
                        await self._scale(item, 0)
        await self._keep_status(key, deployment, owned, current)

    async def _create(self, namespace: str, name: str, deployment: Object, revision: int) -> None:
        spec = deployment["spec"]
        template = copy.deepcopy(spec["template"])
        extra = {_HASH_LABEL: name.rpartition("-")[2]}
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels.update(extra)
        selector = copy.deepcopy(spec["selector"])
        selector.setdefault("matchLabels", {}).update(extra)
        body = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": dict(labels),
                "annotations": {_REVISION: str(revision)},
                "ownerReferences": [controller_reference(deployment, "apps/v1", "Deployment")],
            },
            "spec": {"replicas": int(spec.get("replicas", 1)), "selector": selector, "template": template},
        }
        try:
            await self._client.create(f"/apis/apps/v1/namespaces/{namespace}/replicasets", body)
        except ApiError as error:
            # Made in the turn before; its event is under way.
            if error.reason != "AlreadyExists":
                raise

    async def _scale(self, replica_set: Object, replicas: int) -> None:
        if int(replica_set["spec"].get("replicas", 1)) != replicas:
            namespace, name = object_key(replica_set)
            path = f"/apis/apps/v1/namespaces/{namespace}/replicasets/{name}"
            await self._client.patch(path, {"spec": {"replicas": replicas}})

    async def _keep_status(self, key: Key, deployment: Object, owned: list[Object], current: Object | None) -> None:
        wanted = int(deployment["spec"].get("replicas", 1))
        available = sum(_count(item, "availableReplicas") for item in owned)
        updated = _count(current, "replicas") if current else 0
        status: Object = {
            "observedGeneration": deployment["metadata"].get("generation", 1),
            "replicas": sum(_count(item, "replicas") for item in owned),
            "updatedReplicas": updated,
            "readyReplicas": sum(_count(item, "readyReplicas") for item in owned),
            "availableReplicas": available,
            "unavailableReplicas": max(0, wanted - available),
        }
        enough = available >= wanted - _max_unavailable(deployment, wanted)
        done = updated >= wanted and available >= wanted
        verdicts = {
            "Available": (enough, "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"),
            "Progressing": (True, "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"),
        }
        conditions = [_condition(deployment, kind, *verdict) for kind, verdict in verdicts.items()]
        known = deployment.get("status") or {}
        if known.get("conditions") != conditions or any(known.get(name, 0) != value for name, value in status.items()):
            path = f"/apis/apps/v1/namespaces/{key[0]}/deployments/{key[1]}/status"
            await self._client.patch(path, {"status": {**status, "conditions": conditions}})


def _count(replica_set: Object, name: str) -> int:
    return int((replica_set.get("status") or {}).get(name) or 0)


def _template_hash(deployment: Object) -> str:
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _max_unavailable(deployment: Object, wanted: int) -> int:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    value = rolling.get("maxUnavailable", "25%")
    return wanted * int(value.rstrip("%")) // 100 if isinstance(value, str) else int(value)


def _condition(deployment: Object, kind: str, holds: bool, reason: str) -> Object:
    status = "True" if holds else "False"
    known = condition(deployment, kind)
    if known is not None and known.get("status") == status and known.get("reason") == reason:
        return known
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    changed = known["lastTransitionTime"] if known is not None and known.get("status") == status else now
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "lastUpdateTime": now,
        "lastTransitionTime": changed,
    }
