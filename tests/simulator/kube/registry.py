# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating, changing and deleting objects by the rules of an API server, without any HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import metadata as meta
from . import validation
from .defaults import apply_defaults, first_status
from .resources import EVENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS, JsonObject, Resource
from .shapes import check_shape
from .status_errors import StatusError, already_exists, conflict, forbidden, invalid, invalid_value, modified, not_found
from .store import Selection, Store, Stored

Change = Callable[[JsonObject], JsonObject]
"""From the current object to the wanted one; may change its argument."""

_IMMORTAL = ("default", "kube-system", "kube-public")
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write led to: the object, and whether the write created or removed it."""

    stored: Stored
    created: bool = False
    removed: bool = False


class Registry:
    """The rules on top of a store. Every write is atomic: nothing else runs between reading and writing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, resource: Resource, namespace: str, name: str) -> Stored:
        """Raises StatusError 404."""
        stored = self._store.get(resource, namespace, name)
        if stored is None:
            raise not_found(resource, name)
        return stored

    def create(self, resource: Resource, namespace: str, obj: JsonObject, dry_run: bool = False) -> Stored:
        """Defaults, checks and stores a new object. Raises StatusError 404, 403, 409, 422 or 500."""
        metadata = obj["metadata"]
        if metadata.get("resourceVersion"):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        self.check_namespace(resource, namespace, metadata.get("name", ""))
        meta.fill_in(resource, obj, namespace)
        apply_defaults(resource, obj)
        validation.check(resource, obj)
        if self._store.get(resource, namespace, metadata["name"]) is not None:
            raise already_exists(resource, metadata["name"])
        first_status(resource, obj)
        if dry_run:
            return Stored(self._store.collection(resource).resource, obj, self._store.revision)
        stored = self._store.put(resource, obj)
        if resource is NAMESPACES:
            self._add_default_account(stored.key[1])
        return stored

    def _add_default_account(self, namespace: str) -> None:
        self.create(SERVICE_ACCOUNTS, namespace, {"metadata": {"name": "default"}})

    def check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        """Raises StatusError when nothing can be created in a namespace: 404 without it, 403 while it terminates."""
        if not resource.namespaced:
            return
        found = self._store.get(NAMESPACES, "", namespace)
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if found.field("status.phase") == "Terminating":
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource, name, why, (cause,))

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Change,
        *,
        subresource: str = "",
        replace: bool = False,
        dry_run: bool = False,
    ) -> Answer:
        """Applies a change to an object.

        ``replace`` says that the change is a whole object sent by the client (PUT), for which resourceVersion and UID
        are preconditions. Raises StatusError 404, 409 or 422. A change that leaves everything as it was writes nothing.
        """
        stored = self._store.get(resource, namespace, name)
        if stored is None:
            if replace and resource.create_on_update and not subresource:
                return self._create_by_update(resource, namespace, name, change({}), dry_run)
            raise not_found(resource, name)
        old = stored.parse()
        new = change(stored.parse())
        check_shape(resource, new)
        self._check_preconditions(resource, old["metadata"], new["metadata"], replace)
        meta.keep_system_fields(old["metadata"], new["metadata"])
        if not replace:
            meta.check_unchanged(resource, old["metadata"], new["metadata"])
        self._restrict(resource, subresource, old, new)
        new["kind"], new["apiVersion"] = old["kind"], old["apiVersion"]
        if not subresource:
            apply_update_defaults(resource, old, new)
            validation.check(resource, new)
            validation.check_update(resource, old, new)
        if new == old:
            return Answer(stored)
        if resource.generation and new.get("spec") != old.get("spec") and subresource != "status":
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if dry_run:
            return Answer(Stored(stored.resource, new, stored.revision))
        written = self._store.put(resource, new)
        if self._may_go(new):
            return Answer(self._remove(written), removed=True)
        return Answer(written)

    def _create_by_update(
        self, resource: Resource, namespace: str, name: str, obj: JsonObject, dry_run: bool
    ) -> Answer:
        given = obj["metadata"]
        if given.get("uid"):
            why = (
                f"StorageError: invalid object, Code: 4, Key: /registry/{resource.plural}/{namespace}/{name}, "
                f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given['uid']}, "
                "UID in object meta: "
            )
            raise conflict(resource.group, resource.plural, name, why)
        if given.get("resourceVersion"):
            raise not_found(resource, name)
        return Answer(self.create(resource, namespace, obj, dry_run), created=True)

    @staticmethod
    def _check_preconditions(resource: Resource, old: JsonObject, new: JsonObject, replace: bool) -> None:
        uid, revision = new.get("uid"), new.get("resourceVersion")
        if replace and uid and uid != old["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['uid']}"
            raise conflict(resource.group, resource.plural, old["name"], why)
        if revision and not str(revision).isdigit():
            raise invalid(
                resource.plural,
                resource.group,
                old["name"],
                [invalid_value("metadata.resourceVersion", revision, "must be an unsigned integer")],
            )
        if replace and (not revision or revision == "0") and not resource.unconditional_update:
            problem = invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
            raise invalid(resource.plural, resource.group, old["name"], [problem])
        if revision and revision != "0" and revision != old["resourceVersion"]:
            raise modified(resource, old["name"])

    @staticmethod
    def _restrict(resource: Resource, subresource: str, old: JsonObject, new: JsonObject) -> None:
        if subresource == "status":
            writable = ("metadata", "status") if resource.status_keeps_metadata else ("status",)
            wanted = {name: new[name] for name in writable if name in new}
            new.clear()
            new.update({name: value for name, value in old.items() if name not in writable})
            new.update(wanted)
            if resource is PODS and old["metadata"].get("ownerReferences"):
                new["metadata"]["ownerReferences"] = old["metadata"]["ownerReferences"]
            return
        kept: tuple[str, ...] = ("status",) if resource.has_status else ()
        if resource is NAMESPACES and subresource != "finalize":
            kept = ("spec", "status")
        for name in kept:
            new.pop(name, None)
            if name in old:
                new[name] = old[name]

    @staticmethod
    def _may_go(obj: JsonObject) -> bool:
        metadata = obj["metadata"]
        if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
            return False
        if obj["kind"] == "Namespace" and (obj.get("spec") or {}).get("finalizers"):
            return False
        return not metadata.get("deletionGracePeriodSeconds")

    def delete(
        self, resource: Resource, namespace: str, name: str, options: JsonObject | None = None, dry_run: bool = False
    ) -> Answer:
        """Deletes at once, or marks for deletion while a grace period (seconds), finalizers or contents remain.

        ``options`` are DeleteOptions. Raises StatusError 403, 404 or 409.
        """
        options = options or {}
        stored = self.get(resource, namespace, name)
        obj = stored.parse()
        check_delete_preconditions(resource, obj, options)
        if resource is NAMESPACES:
            return self._delete_namespace(stored, obj, dry_run)
        metadata = obj["metadata"]
        before = dict(metadata)
        grace = self._grace(resource, obj, options)
        if "deletionTimestamp" in metadata:
            self._shorten(metadata, options.get("gracePeriodSeconds"))
        else:
            self._add_propagation(stored, metadata, options)
            if grace > 0 or metadata.get("finalizers"):
                metadata["deletionTimestamp"] = meta.timestamp(datetime.now(UTC) + timedelta(seconds=grace))
                metadata["deletionGracePeriodSeconds"] = grace
                if metadata.get("generation"):
                    metadata["generation"] += 1
        waits = "deletionTimestamp" in metadata and not self._may_go(obj)
        if dry_run:
            return Answer(Stored(stored.resource, obj, stored.revision), removed=not waits)
        if not waits:
            return Answer(self._remove(stored), removed=True)
        if metadata != before:
            stored = self._store.put(resource, obj)
            self._release_dependents(stored)
        current = self._store.get(resource, namespace, name)
        return Answer(current or stored, removed=current is None)

    @staticmethod
    def _grace(resource: Resource, obj: JsonObject, options: JsonObject) -> int:
        if resource is not PODS:
            return 0
        spec, given = obj.get("spec") or {}, options.get("gracePeriodSeconds")
        finished = (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if not spec.get("nodeName") or finished:
            return 0
        grace = int(spec.get("terminationGracePeriodSeconds", 0) if given is None else given)
        return 1 if grace < 0 else grace

    @staticmethod
    def _shorten(metadata: JsonObject, given: int | None) -> None:
        current = int(metadata.get("deletionGracePeriodSeconds", 0))
        if given is None or given >= current:
            return
        ends = datetime.fromisoformat(metadata["deletionTimestamp"])
        metadata["deletionTimestamp"] = meta.timestamp(ends - timedelta(seconds=current - given))
        metadata["deletionGracePeriodSeconds"] = given

    def _add_propagation(self, stored: Stored, metadata: JsonObject, options: JsonObject) -> None:
        policy = options.get("propagationPolicy")
        if policy == "Orphan" or options.get("orphanDependents") is True:
            metadata["finalizers"] = [*(metadata.get("finalizers") or []), _ORPHAN]
        elif policy == "Foreground" and self._store.dependents(stored.uid):
            metadata["finalizers"] = [*(metadata.get("finalizers") or []), _FOREGROUND]

    def _release_dependents(self, owner: Stored) -> None:
        """The part of the garbage collector that precedes the owner's end: orphaning, and foreground deletion."""
        finalizers = owner.parse()["metadata"].get("finalizers") or []
        if _ORPHAN in finalizers:
            for dependent in self._store.dependents(owner.uid):
                self._drop_owner(dependent, owner.uid)
            self.drop_finalizer(owner, _ORPHAN)
        elif _FOREGROUND in finalizers:
            for dependent in self._store.dependents(owner.uid):
                self.delete(dependent.resource, *dependent.key, {"propagationPolicy": "Foreground"})
            self._finish_foreground(owner.uid)

    def _finish_foreground(self, uid: str) -> None:
        owner = self._store.by_uid(uid)
        if owner is None or not owner.resource.generation or self._store.dependents(uid):
            return
        if _FOREGROUND in (owner.parse()["metadata"].get("finalizers") or []):
            self.drop_finalizer(owner, _FOREGROUND)

    def drop_finalizer(self, stored: Stored, finalizer: str) -> None:
        """Takes one finalizer away; removes the object when nothing else keeps it."""

        def without(obj: JsonObject) -> JsonObject:
            remaining = [item for item in obj["metadata"].get("finalizers") or [] if item != finalizer]
            obj["metadata"]["finalizers"] = remaining
            return obj

        self.update(stored.resource, *stored.key, without)

    def _drop_owner(self, dependent: Stored, uid: str) -> None:
        obj = dependent.parse()
        owners = [owner for owner in obj["metadata"].get("ownerReferences") or [] if owner.get("uid") != uid]
        obj["metadata"]["ownerReferences"] = owners
        meta.drop_empty(obj["metadata"])
        self._store.put(dependent.resource, obj)

    def _remove(self, stored: Stored) -> Stored:
        last = self._store.remove(stored)
        for dependent in self._store.dependents(stored.uid):
            remaining = [uid for uid in dependent.owners if uid != stored.uid]
            if remaining:
                self._drop_owner(dependent, stored.uid)
            else:
                self.delete(dependent.resource, *dependent.key, {"propagationPolicy": "Background"})
        for uid in stored.owners:
            self._finish_foreground(uid)
        if stored.key[0]:
            self._finish_namespace(stored.key[0])
        return last

    def _delete_namespace(self, stored: Stored, obj: JsonObject, dry_run: bool) -> Answer:
        name = stored.key[1]
        if name in _IMMORTAL:
            raise forbidden(NAMESPACES, name, "this namespace may not be deleted")
        if "deletionTimestamp" in obj["metadata"]:
            return Answer(stored)
        obj["metadata"]["deletionTimestamp"] = meta.now()
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        if dry_run:
            return Answer(Stored(stored.resource, obj, stored.revision))
        terminating = self._store.put(NAMESPACES, obj)
        for collection in self._store.collections():
            # Deleted last, as events about the deletion of the others would otherwise appear after it.
            if collection.resource is not EVENTS:
                self._empty(collection.resource, name)
        self._empty(EVENTS, name)
        self._finish_namespace(name)
        return Answer(terminating, removed=self._store.get(NAMESPACES, "", name) is None)

    def _empty(self, resource: Resource, namespace: str) -> None:
        if not resource.namespaced:
            return
        for stored in list(self._store.collection(resource).select(Selection(namespace=namespace))):
            if self._store.get(resource, *stored.key) is not None:
                self.delete(resource, *stored.key, {"propagationPolicy": "Background"})

    def _finish_namespace(self, name: str) -> None:
        stored = self._store.get(NAMESPACES, "", name)
        if stored is None or stored.field("status.phase") != "Terminating":
            return
        selection = Selection(namespace=name)
        for collection in self._store.collections():
            if collection.resource.namespaced and next(collection.select(selection), None) is not None:
                return
        obj = stored.parse()
        obj.get("spec", {}).pop("finalizers", None)
        if obj["metadata"].get("finalizers"):
            self._store.put(NAMESPACES, obj)
        else:
            self._store.remove(stored)


def apply_update_defaults(resource: Resource, old: JsonObject, new: JsonObject) -> None:
    """Defaults for an update: fields that the client left out keep the values which the server had put in."""
    if resource is NAMESPACES or resource.plural == "persistentvolumeclaims":
        new.setdefault("spec", old.get("spec", {}))
        return
    if resource.plural == "services":
        for name in ("clusterIP", "clusterIPs"):
            if name in old["spec"]:
                new.setdefault("spec", {}).setdefault(name, old["spec"][name])
    if resource is PODS:
        for name in (
            "nodeName",
            "serviceAccountName",
            "tolerations",
            "priority",
            "preemptionPolicy",
            "enableServiceLinks",
        ):
            if name in old["spec"]:
                new.setdefault("spec", {}).setdefault(name, old["spec"][name])
    apply_defaults(resource, new)


def check_delete_preconditions(resource: Resource, obj: JsonObject, options: JsonObject) -> None:
    """Raises StatusError 409 when the UID or the resourceVersion that a deletion demands is not the object's."""
    wanted, metadata = options.get("preconditions") or {}, obj["metadata"]
    uid, revision = wanted.get("uid"), wanted.get("resourceVersion")
    if uid is not None and uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict(resource.group, resource.kind, metadata["name"], why)
    if revision is not None and revision != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({revision}) does not match the ResourceVersion in record "
            f"({metadata['resourceVersion']}). The object might have been modified"
        )
        raise conflict(resource.group, resource.kind, metadata["name"], why)
