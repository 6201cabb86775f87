# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler: binds pending pods to the least loaded node that may take them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import aiohttp

from ..kube.selectors import selector_from_object
from ..kube_client import STRATEGIC_PATCH, ApiError, KubeClient, Object, object_key
from .caches import NodeCache, NodeFacts, PodCache
from .placement import UNSCHEDULABLE, repelled_by, selects, shut_out_by_cordon
from .pods import condition, controller_of, is_active, is_finished, is_terminating, node_of
from .work import Key

log = logging.getLogger(__name__)

_BINDS_AT_ONCE = 16
_RETRY_SECONDS = 0.1


class Scheduler:
    """Decides for one pod after the other; bindings are sent in the background, and counted from the decision on."""

    def __init__(self, client: KubeClient, nodes: NodeCache, pods: PodCache) -> None:
        self._client = client
        self._nodes = nodes
        self._pods = pods
        # Both in order of arrival: pods to decide on, and pods that no node took the last time
        self._pending: dict[Key, None] = {}
        self._parked: dict[Key, None] = {}
        # Pods that keep others away from their neighbourhood
        self._repelling: set[Key] = set()
        self._wake = asyncio.Event()
        self._limit = asyncio.Semaphore(_BINDS_AT_ONCE)
        nodes.subscribe(self._try_parked_again)
        pods.subscribe(self._pod_changed)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        pod = new or old
        if pod is None:
            return
        key = object_key(pod)
        if new is None or node_of(new) or is_terminating(new) or is_finished(new):
            self._pending.pop(key, None)
            self._parked.pop(key, None)
        elif _is_ours(new) and key not in self._parked:
            self._pending[key] = None
            self._wake.set()
        if new is not None and any(_anti_affinity(new)):
            self._repelling.add(key)
        else:
            self._repelling.discard(key)
        if old is not None and node_of(old) and (new is None or is_finished(new)):
            self._try_parked_again()

    def _try_parked_again(self) -> None:
        if self._parked:
            self._pending.update(self._parked)
            self._parked.clear()
            self._wake.set()

    async def run(self) -> None:
        """Schedule until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._pending:
                    key = next(iter(self._pending))
                    del self._pending[key]
                    pod = self._pods.objects.get(key)
                    if pod is None or node_of(pod):
                        continue
                    node, reasons = self._choose(pod)
                    if node is None:
                        self._parked[key] = None
                        group.create_task(self._report(pod, reasons))
                    else:
                        self._pods.assume_bound(pod, node)
                        group.create_task(self._bind(pod, node))
                    # Deciding on thousands of pods must leave the loop to others in between.
                    await asyncio.sleep(0)

    def _choose(self, pod: Object) -> tuple[str | None, Counter[str]]:
        """The best node, or why no node will do: reason -> number of nodes."""
        reasons: Counter[str] = Counter()
        avoided = self._avoided(pod)
        owner = controller_of(pod)
        siblings = Counter(
            node_of(item) for item in (self._pods.owned_by(owner["uid"]) if owner else ()) if is_active(item)
        )
        best: tuple[tuple[bool, int, int, str], str] | None = None
        for node in self._nodes.facts.values():
            load = sum(not is_finished(item) for item in self._pods.on_node(node.name))
            reason = _objection(pod, node, load, avoided)
            if reason:
                reasons[reason] += 1
                continue
            disliked = repelled_by(pod["spec"], node, ("PreferNoSchedule",)) is not None
            rank = (disliked, siblings[node.name], load, node.name)
            if best is None or rank < best[0]:
                best = rank, node.name
        return (best[1] if best else None), reasons

    def _avoided(self, pod: Object) -> set[tuple[str, str]]:
        """Topology values, as (label, value), that required anti-affinity keeps the pod out of, its own or others'."""
        avoided: set[tuple[str, str]] = set()
        for term in _anti_affinity(pod):
            for namespace in term.get("namespaces") or [pod["metadata"]["namespace"]]:
                for other in self._pods.in_namespace(namespace):
                    if other is not pod and _term_selects(term, other):
                        avoided.update(self._place(other, term))
        for key in self._repelling:
            other = self._pods.objects[key]
            for term in _anti_affinity(other):
                namespaces = term.get("namespaces") or [other["metadata"]["namespace"]]
                if pod["metadata"]["namespace"] in namespaces and _term_selects(term, pod):
                    avoided.update(self._place(other, term))
        return avoided

    def _place(self, pod: Object, term: Object) -> Iterator[tuple[str, str]]:
        node = self._nodes.facts.get(node_of(pod))
        if node is not None and not is_finished(pod) and term["topologyKey"] in node.labels:
            yield term["topologyKey"], node.labels[term["topologyKey"]]

    async def _bind(self, pod: Object, node: str) -> None:
        namespace, name = key = object_key(pod)
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace, "uid": pod["metadata"]["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            async with self._limit:
                await self._client.create(f"/api/v1/namespaces/{namespace}/pods/{name}/binding", body)
        except (ApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.debug("binding of %s/%s to %s: %s", namespace, name, node, error)
            await asyncio.sleep(_RETRY_SECONDS)
            self._pods.forget(key)

    async def _report(self, pod: Object, reasons: Counter[str]) -> None:
        total = len(self._nodes.facts)
        why = ", ".join(f"{count} node(s) {reason}" for reason, count in sorted(reasons.items()))
        message = f"0/{total} nodes are available: {why}." if why else "no nodes available to schedule pods"
        known = condition(pod, "PodScheduled") or {}
        if known.get("status") == "False" and known.get("message") == message:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entry = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": known.get("lastTransitionTime") or now,
        }
        namespace, name = object_key(pod)
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        try:
            async with self._limit:
                await self._client.patch(path, {"status": {"conditions": [entry]}}, STRATEGIC_PATCH)
        except (ApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.debug("status of %s/%s: %s", namespace, name, error)


def _is_ours(pod: Object) -> bool:
    spec = pod["spec"]
    return (spec.get("schedulerName") or "default-scheduler") == "default-scheduler" and not spec.get("schedulingGates")


def _anti_affinity(pod: Object) -> list[Object]:
    rules = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    terms: list[Object] = rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []
    return terms


def _term_selects(term: Object, pod: Object) -> bool:
    selector = selector_from_object(term.get("labelSelector"))
    return selector is not None and selector.matches(pod["metadata"].get("labels") or {})


def _objection(pod: Object, node: NodeFacts, load: int, avoided: set[tuple[str, str]]) -> str:
    """Why the node will not do, in the scheduler's words; empty when it will."""
    spec = pod["spec"]
    if shut_out_by_cordon(spec, node):
        return "were unschedulable"
    taint = repelled_by(spec, node, ("NoSchedule", "NoExecute"))
    if taint is not None:
        if taint["key"] == UNSCHEDULABLE:
            return "were unschedulable"
        value = f": {taint['value']}" if taint.get("value") else ""
        return f"had untolerated taint {{{taint['key']}{value}}}"
    if not selects(spec, node):
        return "didn't match Pod's node affinity/selector"
    if any(node.labels.get(label) == value for label, value in avoided):
        return "didn't match pod anti-affinity rules"
    return "had too many pods" if load >= node.pods else ""
