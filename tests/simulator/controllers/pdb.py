# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of PodDisruptionBudgets: how many pods are healthy, how many have to be, how many may go."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from ..kube.selectors import selector_from_object
from ..kube_client import ApiError, Informer, KubeClient, Object, object_key
from .caches import PodCache
from .pods import condition, controller_of, is_finished, is_ready, is_terminating
from .work import Key, WorkQueue

# How long an eviction that the server granted counts although its pod does not end
_EVICTION_TIMEOUT = timedelta(seconds=120)
# Seconds that the turns of one budget are apart, for each pod of the cluster
_PAUSE_PER_POD = 0.000_005


class UnknownScaleError(Exception):
    """The number of pods that there should be cannot be told; the message names the pod."""


@dataclasses.dataclass(frozen=True)
class Workloads:
    """The owners whose `spec.replicas` say how many pods there should be."""

    replica_sets: Informer
    deployments: Informer
    stateful_sets: Informer


class BudgetController:
    """Keeps the status of each budget up to date; the server takes evictions off it in between."""

    def __init__(self, client: KubeClient, budgets: Informer, pods: PodCache, workloads: Workloads) -> None:
        self._client = client
        self._budgets = budgets
        self._pods = pods
        self._workloads = workloads
        self._queue = WorkQueue("pdb", self._reconcile, pause=lambda: len(pods.objects) * _PAUSE_PER_POD)
        self.run = self._queue.run
        budgets.subscribe(lambda dummy, item: self._queue.add(object_key(item)))
        pods.subscribe(self._pod_changed)
        for informer in (workloads.replica_sets, workloads.deployments, workloads.stateful_sets):
            informer.subscribe(self._workload_changed)
        # The scale when it was last seen: workloads also change with each of their pods.
        self._scales: dict[str, int] = {}

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        for key, budget in self._budgets.objects.items():
            for pod in (old, new):
                if pod is not None and pod["metadata"].get("namespace") == key[0] and _selects(budget, pod):
                    self._queue.add(key)
                    break

    def _workload_changed(self, dummy: str, workload: Object) -> None:
        uid, scale = workload["metadata"]["uid"], int(workload["spec"].get("replicas", 1))
        if self._scales.get(uid) != scale:
            self._scales[uid] = scale
            for key in self._budgets.objects:
                if key[0] == workload["metadata"].get("namespace"):
                    self._queue.add(key)

    async def _reconcile(self, key: Key) -> None:
        budget = self._budgets.objects.get(key)
        if budget is None:
            return
        pods = [pod for pod in self._pods.in_namespace(key[0]) if _selects(budget, pod) and not is_finished(pod)]
        disrupted, recheck = _still_disrupted(budget, pods)
        healthy = sum(
            is_ready(pod) and not is_terminating(pod) and pod["metadata"]["name"] not in disrupted for pod in pods
        )
        try:
            expected, desired = self._expectation(budget, pods)
        except UnknownScaleError as error:
            expected = desired = 0
            verdict = _verdict(budget, "SyncFailed", str(error), False)
            allowed = 0
        else:
            allowed = max(0, healthy - desired) if expected else 0
            verdict = _verdict(budget, "SufficientPods" if allowed else "InsufficientPods", "", allowed > 0)
        status = {
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            "disruptedPods": disrupted,
            "observedGeneration": budget["metadata"].get("generation", 1),
            "conditions": [verdict],
        }
        known = budget.get("status") or {}
        if {"disruptedPods": {}, **known} != status:
            await self._write(key, budget, status)
        if recheck is not None:
            self._queue.add(key, after=recheck)

    async def _write(self, key: Key, budget: Object, status: Object) -> None:
        """A whole update, so that the server refuses it when it granted an eviction in the meantime."""
        body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", **budget, "status": status}
        try:
            await self._client.replace(
                f"/apis/policy/v1/namespaces/{key[0]}/poddisruptionbudgets/{key[1]}/status", body
            )
        except ApiError as error:
            if error.status != 404:
                raise

    def _expectation(self, budget: Object, pods: list[Object]) -> tuple[int, int]:
        """(pods that there should be, pods of them that have to be healthy)."""
        spec = budget["spec"]
        if spec.get("maxUnavailable") is not None:
            expected = self._scale(pods)
            return expected, max(0, expected - _share(spec["maxUnavailable"], expected))
        minimum = spec.get("minAvailable", 1)
        if isinstance(minimum, int):
            return len(pods), minimum
        expected = self._scale(pods)
        return expected, _share(minimum, expected)

    def _scale(self, pods: list[Object]) -> int:
        """The sum of the replicas of all owners of these pods; pods without an owner do not count."""
        scales: dict[str, int] = {}
        for pod in pods:
            reference = controller_of(pod)
            if reference is None:
                continue
            owner = self._owner(pod, reference)
            if owner is None:
                raise UnknownScaleError(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            scales[owner["metadata"]["uid"]] = int(owner["spec"].get("replicas", 1))
        return sum(scales.values())

    def _owner(self, pod: Object, reference: Object) -> Object | None:
        namespace = pod["metadata"]["namespace"]
        kinds = {"ReplicaSet": self._workloads.replica_sets, "StatefulSet": self._workloads.stateful_sets}
        if reference["kind"] not in kinds:
            return None
        owner = kinds[reference["kind"]].objects.get((namespace, reference["name"]))
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            return None
        above = controller_of(owner)
        if above is not None and above["kind"] == "Deployment":
            deployment = self._workloads.deployments.objects.get((namespace, above["name"]))
            if deployment is not None and deployment["metadata"]["uid"] == above["uid"]:
                return deployment
        return owner


def _selects(budget: Object, pod: Object) -> bool:
    selector = selector_from_object(budget["spec"].get("selector"))
    return selector is not None and selector.matches(pod["metadata"].get("labels") or {})


def _share(value: int | str, whole: int) -> int:
    """A count, or a percentage of `whole`, rounded up."""
    return -(-whole * int(value.rstrip("%")) // 100) if isinstance(value, str) else value


def _still_disrupted(budget: Object, pods: list[Object]) -> tuple[dict[str, str], float | None]:
    """The granted evictions that have not shown in their pods yet, and the seconds until the first of them expires."""
    there = {pod["metadata"]["name"] for pod in pods if not is_terminating(pod)}
    now = datetime.now(UTC)
    left: dict[str, str] = {}
    soonest: float | None = None
    for name, since in ((budget.get("status") or {}).get("disruptedPods") or {}).items():
        rest = (datetime.fromisoformat(since) + _EVICTION_TIMEOUT - now).total_seconds()
        if name in there and rest > 0:
            left[name] = since
            soonest = rest if soonest is None else min(soonest, rest)
    return left, soonest


def _verdict(budget: Object, reason: str, message: str, allowed: bool) -> Object:
    status = "True" if allowed else "False"
    known = condition(budget, "DisruptionAllowed") or {}
    changed = known.get("lastTransitionTime") if known.get("status") == status else None
    return {
        "type": "DisruptionAllowed",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": changed or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "observedGeneration": budget["metadata"].get("generation", 1),
    }
