# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side tables: the columns that ``kubectl get`` prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .resources import JsonObject, Resource


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``priority`` 1 is for wide output only."""

    name: str
    cell: Callable[[JsonObject], Any]
    priority: int = 0
    type: str = "string"

    def definition(self) -> JsonObject:
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": self.priority,
        }


def table(
    resource: Resource, objects: Sequence[JsonObject], list_metadata: JsonObject, include: str, with_columns: bool
) -> JsonObject:
    """A meta.k8s.io/v1 Table. ``include`` (Metadata, Object or None) is what a row carries of its object."""
    columns = _COLUMNS.get(resource.plural, _GENERIC)
    rows: list[JsonObject] = []
    for obj in objects:
        row: JsonObject = {"cells": [column.cell(obj) for column in columns]}
        if include == "Object":
            row["object"] = obj
        elif include != "None":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": obj["metadata"],
            }
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": [column.definition() for column in columns] if with_columns else None,
        "rows": rows,
    }


def age(moment: str | None) -> str:
    """The time since a timestamp as kubectl shortens it, such as 45s, 3m20s, 5h or 12d."""
    if not moment:
        return "<unknown>"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    if seconds < -1:
        return "<invalid>"
    return _duration(max(seconds, 0))


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years, rest = days // 365, days % 365
    return f"{years}y{rest}d" if rest and years < 8 else f"{years}y"


def _get(*path: str, default: Any = "") -> Callable[[JsonObject], Any]:
    def cell(obj: JsonObject) -> Any:
        value: Any = obj
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return default if value is None else value

    return cell


def _age(obj: JsonObject) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


_NAME = Column("Name", _get("metadata", "name"))
_AGE = Column("Age", _age)
_GENERIC: tuple[Column, ...] = (_NAME, _AGE)


def _node_status(obj: JsonObject) -> str:
    conditions = obj.get("status", {}).get("conditions") or []
    ready = [condition.get("status") == "True" for condition in conditions if condition.get("type") == "Ready"]
    words = [("Ready" if ready[0] else "NotReady") if ready else "Unknown"]
    if obj.get("spec", {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(obj: JsonObject) -> str:
    prefix, roles = "node-role.kubernetes.io/", set()
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if key.startswith(prefix) and len(key) > len(prefix):
            roles.add(key.removeprefix(prefix))
        elif key == "kubernetes.io/role" and value:
            roles.add(value)
    return ",".join(sorted(roles)) or "<none>"


def _node_address(kind: str) -> Callable[[JsonObject], str]:
    def cell(obj: JsonObject) -> str:
        for address in obj.get("status", {}).get("addresses") or []:
            if address.get("type") == kind:
                return str(address.get("address"))
        return "<none>"

    return cell


def _restarts(obj: JsonObject) -> str:
    statuses = obj.get("status", {}).get("containerStatuses") or []
    count = sum(status.get("restartCount", 0) for status in statuses)
    ends = [
        status["lastState"]["terminated"]["finishedAt"]
        for status in statuses
        if ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
    ]
    return f"{count} ({age(max(ends))} ago)" if count and ends else str(count)


def _pod_ready(obj: JsonObject) -> str:
    statuses = obj.get("status", {}).get("containerStatuses") or []
    ready = sum(1 for s in statuses if s.get("ready") and (s.get("state") or {}).get("running") is not None)
    return f"{ready}/{len(obj.get('spec', {}).get('containers') or [])}"


def _pod_status(obj: JsonObject) -> str:
    status = obj.get("status", {})
    text = str(status.get("reason") or status.get("phase", "Unknown"))
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            text = waiting["reason"]
        elif terminated is not None:
            text = terminated.get("reason") or f"ExitCode:{terminated.get('exitCode', 0)}"
    if "deletionTimestamp" in obj["metadata"]:
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return text


def _readiness_gates(obj: JsonObject) -> str:
    gates = obj.get("spec", {}).get("readinessGates") or []
    if not gates:
        return "<none>"
    true = {c["type"] for c in obj["status"].get("conditions") or [] if c.get("status") == "True"}
    return f"{sum(1 for gate in gates if gate.get('conditionType') in true)}/{len(gates)}"


def _event_seen(obj: JsonObject) -> str:
    series = obj.get("series") or {}
    count = series.get("count") or obj.get("count") or obj.get("deprecatedCount") or 1
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    return f"{age(last)} (x{count} over {age(first)})" if count > 1 else age(last)


def _event_object(obj: JsonObject) -> str:
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _event_source(obj: JsonObject) -> str:
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    host = source.get("host") or ""
    return f"{component}, {host}" if host else str(component)


def _images(obj: JsonObject) -> str:
    return ",".join(container.get("image", "") for container in _containers(obj))


def _container_names(obj: JsonObject) -> str:
    return ",".join(container.get("name", "") for container in _containers(obj))


def _containers(obj: JsonObject) -> list[JsonObject]:
    template = obj.get("spec", {}).get("template") or {}
    return list((template.get("spec") or {}).get("containers") or [])


def _selector(obj: JsonObject) -> str:
    selector = obj.get("spec", {}).get("selector") or {}
    labels = (
        selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else selector
    )
    texts = [f"{key}={value}" for key, value in sorted(labels.items())]
    expressions = selector.get("matchExpressions") or []
    texts += [
        f"{item['key']} {item['operator'].lower()} ({','.join(item.get('values') or ())})" for item in expressions
    ]
    return ",".join(texts) or "<none>"


def _node_selector(obj: JsonObject) -> str:
    spec = (obj.get("spec", {}).get("template") or {}).get("spec") or {}
    return ",".join(f"{key}={value}" for key, value in sorted((spec.get("nodeSelector") or {}).items())) or "<none>"


def _deployment_ready(obj: JsonObject) -> str:
    return f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj.get('spec', {}).get('replicas', 0)}"


def _job_completions(obj: JsonObject) -> str:
    return f"{obj.get('status', {}).get('succeeded', 0)}/{obj.get('spec', {}).get('completions', 1)}"


def _job_status(obj: JsonObject) -> str:
    for condition in obj.get("status", {}).get("conditions") or []:
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed", "Suspended"):
            return str(condition["type"])
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else "Running"


def _service_ports(obj: JsonObject) -> str:
    ports = obj.get("spec", {}).get("ports") or []
    texts = [
        f"{port['port']}:{port['nodePort']}/{port['protocol']}"
        if port.get("nodePort")
        else f"{port['port']}/{port['protocol']}"
        for port in ports
    ]
    return ",".join(texts) or "<none>"


_WORKLOAD_WIDE = (
    Column("Containers", _container_names, 1),
    Column("Images", _images, 1),
    Column("Selector", _selector, 1),
)

_EVENT_COLUMNS = (
    Column("Last Seen", _event_seen),
    Column("Type", _get("type")),
    Column("Reason", _get("reason")),
    Column("Object", _event_object),
    Column("Subobject", lambda e: (e.get("involvedObject") or e.get("regarding") or {}).get("fieldPath", ""), 1),
    Column("Source", _event_source, 1),
    Column("Message", lambda e: str(e.get("message") or e.get("note") or "").strip()),
    Column(
        "First Seen",
        lambda e: age(e.get("firstTimestamp") or e.get("deprecatedFirstTimestamp") or e.get("eventTime")),
        1,
    ),
    Column("Count", lambda e: e.get("count") or e.get("deprecatedCount") or 1, 1, "integer"),
    Column("Name", _get("metadata", "name"), 1),
)

_COLUMNS: dict[str, tuple[Column, ...]] = {
    "nodes": (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _get("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _node_address("InternalIP"), 1),
        Column("External-IP", _node_address("ExternalIP"), 1),
        Column("OS-Image", _get("status", "nodeInfo", "osImage", default="<unknown>"), 1),
        Column("Kernel-Version", _get("status", "nodeInfo", "kernelVersion", default="<unknown>"), 1),
        Column("Container-Runtime", _get("status", "nodeInfo", "containerRuntimeVersion", default="<unknown>"), 1),
    ),
    "pods": (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        _AGE,
        Column("IP", _get("status", "podIP", default="<none>"), 1),
        Column("Node", lambda pod: pod.get("spec", {}).get("nodeName") or "<none>", 1),
        Column("Nominated Node", _get("status", "nominatedNodeName", default="<none>"), 1),
        Column("Readiness Gates", _readiness_gates, 1),
    ),
    "leases": (_NAME, Column("Holder", _get("spec", "holderIdentity")), _AGE),
    "events": _EVENT_COLUMNS,
    "poddisruptionbudgets": (
        _NAME,
        Column("Min Available", lambda pdb: str(pdb.get("spec", {}).get("minAvailable", "N/A"))),
        Column("Max Unavailable", lambda pdb: str(pdb.get("spec", {}).get("maxUnavailable", "N/A"))),
        Column("Allowed Disruptions", _get("status", "disruptionsAllowed", default=0), 0, "integer"),
        _AGE,
    ),
    "deployments": (
        _NAME,
        Column("Ready", _deployment_ready),
        Column("Up-to-date", _get("status", "updatedReplicas", default=0), 0, "integer"),
        Column("Available", _get("status", "availableReplicas", default=0), 0, "integer"),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    "replicasets": (
        _NAME,
        Column("Desired", _get("spec", "replicas", default=0), 0, "integer"),
        Column("Current", _get("status", "replicas", default=0), 0, "integer"),
        Column("Ready", _get("status", "readyReplicas", default=0), 0, "integer"),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    "daemonsets": (
        _NAME,
        Column("Desired", _get("status", "desiredNumberScheduled", default=0), 0, "integer"),
        Column("Current", _get("status", "currentNumberScheduled", default=0), 0, "integer"),
        Column("Ready", _get("status", "numberReady", default=0), 0, "integer"),
        Column("Up-to-date", _get("status", "updatedNumberScheduled", default=0), 0, "integer"),
        Column("Available", _get("status", "numberAvailable", default=0), 0, "integer"),
        Column("Node Selector", _node_selector),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    "statefulsets": (
        _NAME,
        Column("Ready", _deployment_ready),
        _AGE,
        Column("Containers", _container_names, 1),
        Column("Images", _images, 1),
    ),
    "jobs": (
        _NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column(
            "Duration", lambda job: age(job["status"]["startTime"]) if job.get("status", {}).get("startTime") else ""
        ),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    "namespaces": (_NAME, Column("Status", _get("status", "phase")), _AGE),
    "configmaps": (
        _NAME,
        Column("Data", lambda obj: str(len(obj.get("data") or {}) + len(obj.get("binaryData") or {}))),
        _AGE,
    ),
    "secrets": (_NAME, Column("Type", _get("type")), Column("Data", lambda obj: str(len(obj.get("data") or {}))), _AGE),
    "services": (
        _NAME,
        Column("Type", _get("spec", "type")),
        Column("Cluster-IP", _get("spec", "clusterIP", default="<none>")),
        Column("External-IP", lambda obj: ",".join(obj.get("spec", {}).get("externalIPs") or ()) or "<none>"),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", _selector, 1),
    ),
    "serviceaccounts": (_NAME, Column("Secrets", lambda obj: str(len(obj.get("secrets") or ()))), _AGE),
}
