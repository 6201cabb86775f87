# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as JSON bytes, one revision counter for all of them, and the events that watches are fed from.

Bytes instead of dictionaries keep tens of thousands of objects small, make lists a matter of joining, and rule out that
one request changes what another one reads.
"""

from __future__ import annotations

import bisect
import json
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .resources import EVENTS, EVENTS_V1, STORED, JsonObject, Resource, field_text
from .selectors import EVERY_FIELD, EVERY_LABEL, FieldSelector, LabelSelector

Key = tuple[str, str]
"""Namespace (empty for cluster-wide objects) and name."""

EVENT_LOG_LENGTH = 4096
# A snapshot keeps old revisions in memory: some for lists that go on, few for the retry of a last page.
SNAPSHOTS_OPEN, SNAPSHOTS_READ = 64, 4


def encode(obj: object) -> bytes:
    """Compact JSON."""
    return json.dumps(obj, separators=(",", ":"), ensure_ascii=False).encode()


class Stored:
    """One revision of one object; never changed. ``raw`` is its JSON without kind and apiVersion."""

    __slots__ = ("fields", "key", "labels", "owners", "raw", "resource", "revision", "uid")

    def __init__(self, resource: Resource, obj: JsonObject, revision: int) -> None:
        metadata = obj["metadata"]
        self.resource = resource
        self.revision = revision
        self.key: Key = (sys.intern(metadata.get("namespace", "")), metadata["name"])
        self.uid: str = metadata["uid"]
        self.labels: dict[str, str] = metadata.get("labels") or {}
        self.owners: tuple[str, ...] = tuple(owner.get("uid", "") for owner in metadata.get("ownerReferences") or ())
        self.fields: dict[str, str] = {name: sys.intern(field_text(obj, name)) for name in resource.selectable}
        self.raw = encode({name: value for name, value in obj.items() if name not in ("kind", "apiVersion")})

    def parse(self) -> JsonObject:
        """The object with kind and apiVersion, as a copy that may be changed."""
        whole: JsonObject = {"kind": self.resource.kind, "apiVersion": self.resource.api_version}
        whole.update(json.loads(self.raw))
        return whole

    def whole(self) -> bytes:
        """The JSON of the object with kind and apiVersion."""
        return self.resource.prefix + self.raw[1:]

    def field(self, name: str) -> str:
        if name == "metadata.name":
            return self.key[1]
        if name == "metadata.namespace":
            return self.key[0]
        return self.fields.get(name, "")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a list or a watch is about."""

    namespace: str = ""
    labels: LabelSelector = EVERY_LABEL
    fields: FieldSelector = EVERY_FIELD

    def matches(self, stored: Stored) -> bool:
        if self.namespace and stored.key[0] != self.namespace:
            return False
        if self.labels.requirements and not self.labels.matches(stored.labels):
            return False
        return self.fields.matches(stored.field)


@dataclass(frozen=True, slots=True)
class Change:
    """One write: ``current`` is the object after it (for DELETED its last state), ``previous`` the one before it."""

    kind: str
    revision: int
    current: Stored
    previous: Stored | None

    def seen_by(self, selection: Selection) -> tuple[str, Stored] | None:
        """The event that a watch of ``selection`` gets, or None when it concerns it in no way."""
        was = self.previous is not None and selection.matches(self.previous)
        if self.kind == "DELETED":
            return ("DELETED", self.current) if was else None
        if selection.matches(self.current):
            return ("MODIFIED" if was else "ADDED", self.current)
        if was and self.previous is not None:
            return ("DELETED", at_revision(self.previous, self.revision))
        return None


def at_revision(stored: Stored, revision: int) -> Stored:
    """The same object with another resourceVersion."""
    obj = stored.parse()
    obj["metadata"]["resourceVersion"] = str(revision)
    return Stored(stored.resource, obj, revision)


Listener = Callable[[Change], None]
# Fields for which one watch per value is common (one per node, one per object), so that a write must not try them all.
_BUCKET_FIELDS = ("spec.nodeName", "metadata.name")


@dataclass(slots=True)
class Collection:
    """All objects of one resource, and the watches of it."""

    resource: Resource
    objects: dict[Key, Stored] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    by_node: dict[str, set[Key]] = field(default_factory=dict)
    log: deque[Change] = field(default_factory=lambda: deque(maxlen=EVENT_LOG_LENGTH))
    forgotten: int = 0
    listeners: dict[tuple[str, str], set[Listener]] = field(default_factory=dict)

    def put(self, stored: Stored) -> None:
        previous = self.objects.get(stored.key)
        if previous is None:
            bisect.insort(self.keys, stored.key)
        self._index(previous, stored)
        self.objects[stored.key] = stored

    def drop(self, stored: Stored) -> None:
        del self.objects[stored.key]
        del self.keys[bisect.bisect_left(self.keys, stored.key)]
        self._index(stored, None)

    def _index(self, previous: Stored | None, current: Stored | None) -> None:
        before = previous.fields.get("spec.nodeName", "") if previous else ""
        after = current.fields.get("spec.nodeName", "") if current else ""
        if before == after:
            return
        if before and previous:
            self.by_node[before].discard(previous.key)
            if not self.by_node[before]:
                del self.by_node[before]
        if after and current:
            self.by_node.setdefault(after, set()).add(current.key)

    def select(self, selection: Selection) -> Iterator[Stored]:
        """The objects of a selection in the order of their keys."""
        for key in self._candidates(selection):
            stored = self.objects.get(key)
            if stored is not None and selection.matches(stored):
                yield stored

    def _candidates(self, selection: Selection) -> Iterable[Key]:
        name = selection.fields.exact("metadata.name")
        if name is not None and (selection.namespace or not self.resource.namespaced):
            return ((selection.namespace, name),)
        node = selection.fields.exact("spec.nodeName")
        if node:
            return sorted(self.by_node.get(node, ()))
        if selection.namespace:
            first = bisect.bisect_left(self.keys, (selection.namespace, ""))
            last = bisect.bisect_left(self.keys, (selection.namespace + "\0", ""))
            return self.keys[first:last]
        return self.keys

    def publish(self, change: Change) -> None:
        if len(self.log) == EVENT_LOG_LENGTH:
            self.forgotten = self.log[0].revision
        self.log.append(change)
        buckets = {("", "")}
        for stored in (change.current, change.previous):
            if stored is not None:
                buckets.update((name, stored.field(name)) for name in _BUCKET_FIELDS)
        for bucket in buckets:
            for listener in tuple(self.listeners.get(bucket, ())):
                listener(change)

    def subscribe(self, selection: Selection, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` for the changes that may concern ``selection``; returns what ends that."""
        bucket = ("", "")
        for name in _BUCKET_FIELDS:
            value = selection.fields.exact(name)
            if value is not None:
                bucket = (name, value)
        self.listeners.setdefault(bucket, set()).add(listener)

        def unsubscribe() -> None:
            remaining = self.listeners.get(bucket, set())
            remaining.discard(listener)
            if not remaining:
                self.listeners.pop(bucket, None)

        return unsubscribe

    def since(self, revision: int) -> list[Change]:
        """The changes after ``revision``, which must not be older than ``forgotten``."""
        later: list[Change] = []
        for change in reversed(self.log):
            if change.revision <= revision:
                break
            later.append(change)
        later.reverse()
        return later


class Store:
    """Every object of the cluster."""

    def __init__(self) -> None:
        self.revision = 1
        self._collections: dict[tuple[str, str], Collection] = {
            (resource.group, resource.plural): Collection(resource) for resource in STORED
        }
        self._dependents: dict[str, set[tuple[Resource, Key]]] = {}
        self._by_uid: dict[str, Stored] = {}
        self._snapshots: OrderedDict[str, list[Stored]] = OrderedDict()
        self._read_snapshots: OrderedDict[str, list[Stored]] = OrderedDict()

    def collection(self, resource: Resource) -> Collection:
        stored = EVENTS if resource is EVENTS_V1 else resource
        return self._collections[(stored.group, stored.plural)]

    def collections(self) -> Iterable[Collection]:
        return self._collections.values()

    def get(self, resource: Resource, namespace: str, name: str) -> Stored | None:
        return self.collection(resource).objects.get((namespace, name))

    def put(self, resource: Resource, obj: JsonObject) -> Stored:
        """Writes an object (its key and UID are in its metadata) as the next revision."""
        collection = self.collection(resource)
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        current = Stored(collection.resource, obj, self.revision)
        previous = collection.objects.get(current.key)
        collection.put(current)
        self._own(previous, current)
        collection.publish(Change("MODIFIED" if previous else "ADDED", self.revision, current, previous))
        return current

    def remove(self, stored: Stored) -> Stored:
        """Removes an object; returns its last state, with the revision of the removal."""
        collection = self.collection(stored.resource)
        self.revision += 1
        collection.drop(stored)
        self._own(stored, None)
        last = at_revision(stored, self.revision)
        collection.publish(Change("DELETED", self.revision, last, stored))
        return last

    def dependents(self, uid: str) -> list[Stored]:
        """The objects that name ``uid`` as one of their owners."""
        found = (self.collection(resource).objects.get(key) for resource, key in self._dependents.get(uid, ()))
        return sorted((stored for stored in found if stored), key=lambda stored: stored.key)

    def by_uid(self, uid: str) -> Stored | None:
        return self._by_uid.get(uid)

    def _own(self, previous: Stored | None, current: Stored | None) -> None:
        if previous is not None:
            del self._by_uid[previous.uid]
            for uid in set(previous.owners):
                entries = self._dependents[uid]
                entries.discard((previous.resource, previous.key))
                if not entries:
                    del self._dependents[uid]
        if current is not None:
            self._by_uid[current.uid] = current
            for uid in current.owners:
                self._dependents.setdefault(uid, set()).add((current.resource, current.key))

    def snapshot(self, name: str, objects: list[Stored]) -> None:
        """Keeps the outcome of a list for its later pages; the oldest ones are given up."""
        self._snapshots[name] = objects
        if len(self._snapshots) > SNAPSHOTS_OPEN:
            self._snapshots.popitem(last=False)

    def snapshot_of(self, name: str) -> list[Stored] | None:
        """What ``snapshot`` kept, or None when it was given up."""
        return self._snapshots.get(name) or self._read_snapshots.get(name)

    def snapshot_read(self, name: str) -> None:
        """Says that the last page of a list was handed out."""
        objects = self._snapshots.pop(name, None)
        if objects is not None:
            self._read_snapshots[name] = objects
        if len(self._read_snapshots) > SNAPSHOTS_READ:
            self._read_snapshots.popitem(last=False)

    def forget(self) -> None:
        """Makes every resourceVersion and every continue token handed out so far too old."""
        self.revision += 1
        self._snapshots.clear()
        self._read_snapshots.clear()
        for collection in self._collections.values():
            collection.log.clear()
            collection.forgotten = self.revision
