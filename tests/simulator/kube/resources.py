# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources that the server offers, with what sets each apart from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one API version. ``selectable`` are the fields that field selectors may name."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    generation: bool = False
    unconditional_update: bool = True
    create_on_update: bool = False
    returns_deleted: bool = False
    # Label and annotation edits through /status are dropped by some kinds and kept by others.
    status_keeps_metadata: bool = False
    create_only: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name in messages, such as ``leases.coordination.k8s.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def prefix(self) -> bytes:
        """What goes in front of a stored object to make it a whole one."""
        return f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    @property
    def verbs(self) -> tuple[str, ...]:
        if self.create_only:
            return ("create",)
        return ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


PODS = Resource(
    "",
    "v1",
    "pods",
    "Pod",
    True,
    ("po",),
    ("all",),
    ("binding", "eviction", "status"),
    (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    generation=True,
    returns_deleted=True,
    status_keeps_metadata=True,
)
NODES = Resource(
    "", "v1", "nodes", "Node", False, ("no",), (), ("status",), ("spec.unschedulable",), status_keeps_metadata=True
)
NAMESPACES = Resource(
    "",
    "v1",
    "namespaces",
    "Namespace",
    False,
    ("ns",),
    (),
    ("finalize", "status"),
    ("status.phase",),
    returns_deleted=True,
)
EVENTS = Resource(
    "",
    "v1",
    "events",
    "Event",
    True,
    ("ev",),
    (),
    (),
    (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    create_on_update=True,
)
EVENTS_V1 = Resource(
    "events.k8s.io",
    "v1",
    "events",
    "Event",
    True,
    ("ev",),
    (),
    (),
    (
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "regarding.apiVersion",
        "regarding.resourceVersion",
        "regarding.fieldPath",
        "reason",
        "reportingController",
        "type",
    ),
    create_on_update=True,
)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", True, ("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret", True, selectable=("type",))
SERVICES = Resource(
    "", "v1", "services", "Service", True, ("svc",), ("all",), ("status",), ("spec.clusterIP", "spec.type")
)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", True, ("sa",), returns_deleted=True)
CLAIMS = Resource(
    "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True, ("pvc",), (), ("status",), returns_deleted=True
)
LEASES = Resource(
    "coordination.k8s.io", "v1", "leases", "Lease", True, unconditional_update=False, create_on_update=True
)
DEPLOYMENTS = Resource(
    "apps", "v1", "deployments", "Deployment", True, ("deploy",), ("all",), ("scale", "status"), generation=True
)
REPLICA_SETS = Resource(
    "apps",
    "v1",
    "replicasets",
    "ReplicaSet",
    True,
    ("rs",),
    ("all",),
    ("scale", "status"),
    ("status.replicas",),
    generation=True,
)
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet", True, ("ds",), ("all",), ("status",), generation=True)
STATEFUL_SETS = Resource(
    "apps", "v1", "statefulsets", "StatefulSet", True, ("sts",), ("all",), ("scale", "status"), generation=True
)
JOBS = Resource("batch", "v1", "jobs", "Job", True, (), ("all",), ("status",), ("status.successful",), generation=True)
BUDGETS = Resource(
    "policy",
    "v1",
    "poddisruptionbudgets",
    "PodDisruptionBudget",
    True,
    ("pdb",),
    (),
    ("status",),
    generation=True,
    unconditional_update=False,
    status_keeps_metadata=True,
)
ATTACHMENTS = Resource(
    "storage.k8s.io",
    "v1",
    "volumeattachments",
    "VolumeAttachment",
    False,
    (),
    (),
    ("status",),
    unconditional_update=False,
)
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, create_only=True
)
SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False, create_only=True
)

ALL: tuple[Resource, ...] = (
    CONFIG_MAPS,
    EVENTS,
    NAMESPACES,
    NODES,
    CLAIMS,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    SUBJECT_REVIEWS,
    ACCESS_REVIEWS,
    JOBS,
    LEASES,
    EVENTS_V1,
    BUDGETS,
    ATTACHMENTS,
)
# Both event APIs show the same stored objects, kept in the core form.
STORED: tuple[Resource, ...] = tuple(r for r in ALL if not r.create_only and r is not EVENTS_V1)
BY_PATH: dict[tuple[str, str, str], Resource] = {(r.group, r.version, r.plural): r for r in ALL}


def field_text(obj: JsonObject, path: str) -> str:
    """The value of a selectable field as a selector compares it; a missing field is an empty string, or false."""
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if path == "source":
        value = (obj.get("source") or {}).get("component") or obj.get("reportingComponent")
    if path in ("spec.unschedulable", "spec.hostNetwork"):
        return "true" if value else "false"
    return "" if value is None else str(value)
