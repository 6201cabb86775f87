# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caches that the controllers share: pods by owner, node and namespace; nodes by what matters for placing pods."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection
from typing import Any

from ..kube_client import Informer, Object, object_key
from .pods import controller_of, is_ready, is_terminating, node_of, phase
from .work import Key

_TOMBSTONES = 10_000

Change = Callable[[Object | None, Object | None], None]
"""Called with the object before (None: new) and after (None: gone)."""


class PodCache:
    """Pods as the server's events show them, and ahead of the events by what the controllers here wrote themselves.

    Without the latter a controller would create a pod twice: it decides again before the event of the first arrives.
    Subscribers hear only of changes that a controller could care about.
    """

    def __init__(self, informer: Informer) -> None:
        self.objects: dict[Key, Object] = {}
        self._informer = informer
        self._by_owner: defaultdict[str, dict[Key, Object]] = defaultdict(dict)
        self._by_node: defaultdict[str, dict[Key, Object]] = defaultdict(dict)
        self._by_namespace: defaultdict[str, dict[Key, Object]] = defaultdict(dict)
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._subscribers: list[Change] = []
        informer.subscribe(self._event)

    def subscribe(self, callback: Change) -> None:
        """Call `callback` for each change from now on; pods that are known already are announced at once."""
        self._subscribers.append(callback)
        for pod in list(self.objects.values()):
            callback(None, pod)

    def owned_by(self, uid: str) -> Collection[Object]:
        """The pods whose controller has this UID."""
        return self._by_owner[uid].values() if uid in self._by_owner else ()

    def on_node(self, name: str) -> Collection[Object]:
        """The pods bound to this node."""
        return self._by_node[name].values() if name in self._by_node else ()

    def in_namespace(self, namespace: str) -> Collection[Object]:
        """The pods of this namespace."""
        return self._by_namespace[namespace].values() if namespace in self._by_namespace else ()

    def assume(self, pod: Object) -> None:
        """Take over what the server answered to a write of ours, unless something newer is known already."""
        if pod["metadata"]["uid"] not in self._gone and self._lead(pod) <= 0:
            self._put(object_key(pod), pod)

    def assume_bound(self, pod: Object, node: str) -> None:
        """Count `pod` as bound to `node` from now on."""
        self.assume({**pod, "spec": {**pod["spec"], "nodeName": node}})

    def forget(self, key: Key) -> None:
        """Go back to what the events say, after a write that failed."""
        self._put(key, self._informer.objects.get(key))

    def _lead(self, pod: Object) -> int:
        """How much newer the pod is that is known here; negative when it is older, or another one of the same name."""
        known = self.objects.get(object_key(pod))
        if known is None or known["metadata"]["uid"] != pod["metadata"]["uid"]:
            return -1
        return int(known["metadata"]["resourceVersion"]) - int(pod["metadata"]["resourceVersion"])

    def _event(self, kind: str, pod: Object) -> None:
        key = object_key(pod)
        if kind != "DELETED":
            # The event of a version that is known already must not undo what was assumed about it.
            if self._lead(pod) < 0:
                self._put(key, pod)
            return
        self._gone[pod["metadata"]["uid"]] = None
        if len(self._gone) > _TOMBSTONES:
            self._gone.popitem(last=False)
        known = self.objects.get(key)
        if known is not None and known["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._put(key, None)

    def _put(self, key: Key, new: Object | None) -> None:
        old = self.objects.pop(key, None)
        if old is not None:
            for index, value in self._places(old):
                entries = index[value]
                entries.pop(key, None)
                if not entries:
                    del index[value]
        if new is not None:
            self.objects[key] = new
            for index, value in self._places(new):
                index[value][key] = new
        if _vital(old) != _vital(new):
            for callback in self._subscribers:
                callback(old, new)

    def _places(self, pod: Object) -> list[tuple[defaultdict[str, dict[Key, Object]], str]]:
        places = [(self._by_namespace, pod["metadata"].get("namespace", ""))]
        owner = controller_of(pod)
        if owner is not None:
            places.append((self._by_owner, owner["uid"]))
        if node_of(pod):
            places.append((self._by_node, node_of(pod)))
        return places


def _vital(pod: Object | None) -> tuple[Any, ...] | None:
    if pod is None:
        return None
    metadata = pod["metadata"]
    return metadata["uid"], phase(pod), is_ready(pod), is_terminating(pod), node_of(pod), metadata.get("labels")


@dataclasses.dataclass(frozen=True)
class NodeFacts:
    """What decides whether a pod may go to a node. pods: how many it takes."""

    name: str
    labels: dict[str, str]
    taints: tuple[Object, ...]
    unschedulable: bool
    pods: int


class NodeCache:
    """Facts of all nodes; subscribers hear only of nodes whose facts changed, not of every heartbeat."""

    def __init__(self, informer: Informer) -> None:
        self.facts: dict[str, NodeFacts] = {}
        self._subscribers: list[Callable[[], None]] = []
        informer.subscribe(self._event)

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call `callback` now and after each change of any node's facts."""
        self._subscribers.append(callback)
        callback()

    def _event(self, kind: str, node: Object) -> None:
        name = node["metadata"]["name"]
        old = self.facts.get(name)
        if kind == "DELETED":
            self.facts.pop(name, None)
        else:
            self.facts[name] = _facts(node)
        if self.facts.get(name) != old:
            for callback in self._subscribers:
                callback()


def _facts(node: Object) -> NodeFacts:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    return NodeFacts(
        name=node["metadata"]["name"],
        labels=node["metadata"].get("labels") or {},
        taints=tuple(spec.get("taints") or ()),
        unschedulable=bool(spec.get("unschedulable")),
        pods=int((status.get("allocatable") or status.get("capacity") or {}).get("pods", 110)),
    )


class OwnerIndex:
    """Objects of one kind by the UID of their controller."""

    def __init__(self, informer: Informer) -> None:
        self._by_owner: defaultdict[str, dict[Key, Object]] = defaultdict(dict)
        informer.subscribe(self._event)

    def owned_by(self, uid: str) -> Collection[Object]:
        """The objects whose controller has this UID."""
        return self._by_owner[uid].values() if uid in self._by_owner else ()

    def _event(self, kind: str, item: Object) -> None:
        owner = controller_of(item)
        if owner is None:
            return
        if kind == "DELETED":
            self._by_owner[owner["uid"]].pop(object_key(item), None)
        else:
            self._by_owner[owner["uid"]][object_key(item)] = item
