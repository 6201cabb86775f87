# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of fields: what a real server could not decode is refused before any rule looks at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from .resources import JsonObject, Resource
from .status_errors import StatusError, bad_request

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")


class _Mismatch(Exception):
    """A value of the wrong type; the text says why."""


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    for kind, name in ((str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "null"


def _typed(wanted: type, name: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise _Mismatch(f"json: cannot unmarshal {_type_name(value)} into Go value of type {name}")
        return value

    return convert


def _strings(value: Any) -> Any:
    _OBJECT(value)
    for item in value.values():
        _STRING(item)
    return value


def _time(value: Any) -> str:
    """A metav1.Time is kept to the second, in UTC."""
    return _moment(value, _TIME, "2006-01-02T15:04:05Z07:00").strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: Any) -> str:
    """A metav1.MicroTime has exactly six digits after the second: a plain time is refused."""
    return _moment(value, _MICRO_TIME, "2006-01-02T15:04:05.000000Z07:00").strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(value: Any, pattern: re.Pattern[str], layout: str) -> datetime:
    text = str(_STRING(value))
    try:
        if not pattern.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise _Mismatch(f'parsing time "{text}" as "{layout}": cannot parse "{text}"') from error


_STRING, _NUMBER, _BOOL = _typed(str, "string"), _typed(int, "int32"), _typed(bool, "bool")
_OBJECT, _LIST = _typed(dict, "object"), _typed(list, "array")

# Parents come before what they contain; ``[]`` stands for each item of a list.
_EVERYWHERE: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("metadata", _OBJECT),
    ("metadata.name", _STRING),
    ("metadata.generateName", _STRING),
    ("metadata.namespace", _STRING),
    ("metadata.uid", _STRING),
    ("metadata.resourceVersion", _STRING),
    ("metadata.labels", _strings),
    ("metadata.annotations", _strings),
    ("metadata.finalizers", _LIST),
    ("metadata.finalizers[]", _STRING),
    ("metadata.ownerReferences", _LIST),
    ("metadata.ownerReferences[]", _OBJECT),
    ("spec", _OBJECT),
    ("status", _OBJECT),
    ("status.conditions", _LIST),
    ("status.conditions[]", _OBJECT),
    ("status.conditions[].type", _STRING),
    ("status.conditions[].status", _STRING),
    ("status.conditions[].lastHeartbeatTime", _time),
    ("status.conditions[].lastTransitionTime", _time),
)


def _pod_spec(path: str) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    lists = ("containers", "initContainers", "volumes", "tolerations", "readinessGates")
    return (
        *((f"{path}.{name}{item}", kind) for name in lists for item, kind in (("", _LIST), ("[]", _OBJECT))),
        (f"{path}.containers[].name", _STRING),
        (f"{path}.containers[].image", _STRING),
        (f"{path}.containers[].resources", _OBJECT),
        (f"{path}.containers[].ports", _LIST),
        (f"{path}.containers[].ports[]", _OBJECT),
        (f"{path}.nodeName", _STRING),
        (f"{path}.nodeSelector", _strings),
        (f"{path}.hostNetwork", _BOOL),
        (f"{path}.terminationGracePeriodSeconds", _NUMBER),
        (f"{path}.restartPolicy", _STRING),
    )


_TEMPLATED = (
    ("spec.selector", _OBJECT),
    ("spec.selector.matchLabels", _strings),
    ("spec.replicas", _NUMBER),
    ("spec.template", _OBJECT),
    ("spec.template.metadata", _OBJECT),
    ("spec.template.metadata.labels", _strings),
    ("spec.template.spec", _OBJECT),
    *_pod_spec("spec.template.spec"),
    ("spec.strategy", _OBJECT),
    ("spec.strategy.rollingUpdate", _OBJECT),
    ("spec.updateStrategy", _OBJECT),
    ("spec.updateStrategy.rollingUpdate", _OBJECT),
)
_BY_PLURAL: dict[str, tuple[tuple[str, Callable[[Any], Any]], ...]] = {
    "pods": (
        *_pod_spec("spec"),
        ("status.phase", _STRING),
        ("status.podIP", _STRING),
        ("status.startTime", _time),
        ("status.containerStatuses", _LIST),
        ("status.containerStatuses[]", _OBJECT),
    ),
    "nodes": (
        ("spec.taints", _LIST),
        ("spec.taints[]", _OBJECT),
        ("spec.taints[].key", _STRING),
        ("spec.taints[].value", _STRING),
        ("spec.taints[].effect", _STRING),
        ("spec.taints[].timeAdded", _time),
        ("spec.unschedulable", _BOOL),
        ("spec.providerID", _STRING),
        ("status.addresses", _LIST),
        ("status.addresses[]", _OBJECT),
        ("status.nodeInfo", _OBJECT),
    ),
    "leases": (
        ("spec.holderIdentity", _STRING),
        ("spec.leaseDurationSeconds", _NUMBER),
        ("spec.leaseTransitions", _NUMBER),
        ("spec.acquireTime", _micro_time),
        ("spec.renewTime", _micro_time),
    ),
    "events": (
        ("eventTime", _micro_time),
        ("series", _OBJECT),
        ("series.lastObservedTime", _micro_time),
        *((name, _OBJECT) for name in ("involvedObject", "regarding", "source", "deprecatedSource")),
        *((name, _time) for name in ("firstTimestamp", "lastTimestamp")),
        *((name, _time) for name in ("deprecatedFirstTimestamp", "deprecatedLastTimestamp")),
        ("count", _NUMBER),
        ("deprecatedCount", _NUMBER),
    ),
    "poddisruptionbudgets": (
        ("spec.selector", _OBJECT),
        ("spec.selector.matchLabels", _strings),
        ("spec.unhealthyPodEvictionPolicy", _STRING),
        ("status.disruptionsAllowed", _NUMBER),
        ("status.currentHealthy", _NUMBER),
        ("status.desiredHealthy", _NUMBER),
        ("status.disruptedPods", _OBJECT),
    ),
    "configmaps": (("data", _strings),),
    "secrets": (("data", _strings), ("stringData", _strings)),
    "services": (("spec.selector", _strings), ("spec.ports", _LIST), ("spec.ports[]", _OBJECT)),
    **dict.fromkeys(("deployments", "replicasets", "daemonsets", "statefulsets", "jobs"), _TEMPLATED),
}
# Bodies that are not objects of a resource of their own.
EVICTION = (
    ("metadata", _OBJECT),
    ("deleteOptions", _OBJECT),
    ("deleteOptions.gracePeriodSeconds", _NUMBER),
    ("deleteOptions.preconditions", _OBJECT),
)
BINDING = (
    ("metadata", _OBJECT),
    ("target", _OBJECT),
    ("metadata.labels", _strings),
    ("metadata.annotations", _strings),
)
DELETE_OPTIONS = (
    ("gracePeriodSeconds", _NUMBER),
    ("preconditions", _OBJECT),
    ("propagationPolicy", _STRING),
    ("orphanDependents", _BOOL),
    ("dryRun", _LIST),
)
SCALE = (("metadata", _OBJECT), ("spec", _OBJECT), ("spec.replicas", _NUMBER))

Shape = tuple[tuple[str, Callable[[Any], Any]], ...]


def check_shape(resource: Resource, obj: Any) -> None:
    """Checks and normalises the body of a resource in place; nulls are dropped.

    Raises StatusError 400 for what could not even be decoded into an object of the resource.
    """
    if not isinstance(obj, dict):
        raise _cannot_handle(resource.kind, resource.version, f"json: cannot unmarshal {_type_name(obj)}")
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    shape = _EVERYWHERE + _BY_PLURAL.get(resource.plural, ())
    _check(resource.kind, resource.version, shape, obj)


def check_body(kind: str, shape: Shape, obj: Any) -> JsonObject:
    """The same for a body that is no object of a resource; returns it."""
    if not isinstance(obj, dict):
        raise _cannot_handle(kind, "v1", f"json: cannot unmarshal {_type_name(obj)}")
    _check(kind, "v1", shape, obj)
    return obj


def _check(kind: str, version: str, shape: Shape, obj: JsonObject) -> None:
    for path, convert in shape:
        try:
            _convert(obj, _parts(path), convert)
        except _Mismatch as mismatch:
            raise _cannot_handle(kind, version, f"{mismatch} (field {path})") from mismatch


@cache
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _convert(value: Any, path: Sequence[str], convert: Callable[[Any], Any]) -> None:
    name, rest = path[0].removesuffix("[]"), path[1:]
    found = value.get(name)
    if found is None:
        value.pop(name, None)
    elif path[0] != name:
        for index, item in enumerate(found):
            if rest:
                _convert(item, rest, convert)
            else:
                found[index] = convert(item)
    elif rest:
        _convert(found, rest, convert)
    else:
        value[name] = convert(found)


def _cannot_handle(kind: str, version: str, why: str) -> StatusError:
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')
