# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes an object invalid, as far as clients of nodes, pods and budgets come across it."""

from __future__ import annotations

from . import metadata as meta
from .resources import JsonObject, Resource
from .selectors import selector_from_object
from .status_errors import (
    FieldError,
    duplicate_value,
    forbidden_field,
    invalid,
    invalid_value,
    not_supported,
    required,
)

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_POD_SPEC_MUTABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")


def check(resource: Resource, obj: JsonObject) -> None:
    """Raises StatusError 422 with one cause per wrong field."""
    errors = meta.problems(resource, obj["metadata"])
    spec = obj.get("spec") or {}
    if resource.plural == "pods":
        errors += pod_spec_problems(spec, "spec")
    elif resource.plural == "nodes":
        errors += _taint_problems(spec.get("taints") or [])
    elif resource.plural == "poddisruptionbudgets":
        errors += _budget_problems(spec)
    elif resource.plural == "leases":
        errors += _lease_problems(spec)
    elif resource.group == "apps":
        errors += _workload_problems(spec)
    elif resource.plural == "jobs" and not isinstance(spec.get("template"), dict):
        errors.append(required("spec.template"))
    if errors:
        raise invalid(resource.kind, resource.group, obj["metadata"].get("name", ""), errors)


def check_update(resource: Resource, old: JsonObject, new: JsonObject) -> None:
    """Raises StatusError 422 for a change that the kind does not allow after creation."""
    errors: list[FieldError] = []
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if resource.plural == "pods" and _pod_spec_core(before) != _pod_spec_core(after):
        errors.append(
            forbidden_field(
                "spec",
                "pod updates may not change fields other than `spec.containers[*].image`,"
                "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
                "(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
                "(allow it to be set to 1 if it was previously negative)",
            )
        )
    if resource.plural == "nodes" and before.get("providerID") and before["providerID"] != after.get("providerID"):
        errors.append(
            forbidden_field("spec.providerID", 'node updates may not change providerID except from "" to valid')
        )
    if resource.group == "apps" and before.get("selector") != after.get("selector"):
        errors.append(invalid_value("spec.selector", after.get("selector"), "field is immutable"))
    if errors:
        raise invalid(resource.kind, resource.group, old["metadata"]["name"], errors)


def _pod_spec_core(spec: JsonObject) -> JsonObject:
    core = {name: value for name, value in spec.items() if name not in _POD_SPEC_MUTABLE}
    for name in ("containers", "initContainers"):
        if name in core:
            core[name] = [{part: value for part, value in item.items() if part != "image"} for item in core[name]]
    return core


def pod_spec_problems(spec: JsonObject, path: str) -> list[FieldError]:
    """What is wrong with the spec of a pod or of a pod template."""
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers:
        return [required(f"{path}.containers")]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        where = f"{path}.containers[{index}]"
        name = container.get("name", "")
        if not name:
            errors.append(required(f"{where}.name"))
        elif name in seen:
            errors.append(duplicate_value(f"{where}.name", name))
        seen.add(name)
        if not container.get("image"):
            errors.append(required(f"{where}.image"))
    if spec.get("restartPolicy", "Always") not in ("Always", "OnFailure", "Never"):
        errors.append(not_supported(f"{path}.restartPolicy", spec["restartPolicy"], ("Always", "OnFailure", "Never")))
    return errors


def _taint_problems(taints: list[JsonObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        where = f"metadata.taints[{index}]"
        key, effect = taint.get("key", ""), taint.get("effect", "")
        if not key:
            errors.append(required(f"{where}.key"))
        if effect not in _EFFECTS:
            errors.append(not_supported(f"{where}.effect", effect, _EFFECTS))
        if (key, effect) in seen:
            errors.append(duplicate_value(where, taint, "taints must be unique by key and effect pair"))
        seen.add((key, effect))
    return errors


def _budget_problems(spec: JsonObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if "minAvailable" in spec and "maxUnavailable" in spec:
        errors.append(invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy not in (None, "IfHealthyBudget", "AlwaysAllow"):
        errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget")))
    for name in ("minAvailable", "maxUnavailable"):
        value = spec.get(name)
        if isinstance(value, int) and value < 0:
            errors.append(invalid_value(f"spec.{name}", value, "must be greater than or equal to 0"))
        elif isinstance(value, str) and not (value.endswith("%") and value[:-1].isdigit()):
            errors.append(invalid_value(f"spec.{name}", value, "must be an integer or percentage (e.g '5%')"))
    errors += _selector_problems(spec.get("selector"))
    return errors


def _selector_problems(selector: JsonObject | None) -> list[FieldError]:
    try:
        selector_from_object(selector)
    except (KeyError, TypeError, AttributeError):
        return [invalid_value("spec.selector", selector, "not a valid selector operator")]
    return []


def _lease_problems(spec: JsonObject) -> list[FieldError]:
    errors = [
        invalid_value(f"spec.{name}", spec[name], "must be greater than 0")
        for name in ("leaseDurationSeconds",)
        if isinstance(spec.get(name), int) and spec[name] <= 0
    ]
    transitions = spec.get("leaseTransitions")
    if isinstance(transitions, int) and transitions < 0:
        errors.append(invalid_value("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    if spec.get("holderIdentity") == "":
        errors.append(invalid_value("spec.holderIdentity", "", "must not be empty"))
    return errors


def _workload_problems(spec: JsonObject) -> list[FieldError]:
    selector, template = spec.get("selector"), spec.get("template")
    if not selector:
        return [required("spec.selector")]
    if not isinstance(template, dict):
        return [required("spec.template")]
    errors = _selector_problems(selector)
    if errors:
        return errors
    labels = (template.get("metadata") or {}).get("labels") or {}
    parsed = selector_from_object(selector)
    if parsed is None or not parsed.matches(labels):
        errors.append(
            invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
        )
    replicas = spec.get("replicas", 0)
    if isinstance(replicas, int) and replicas < 0:
        errors.append(invalid_value("spec.replicas", replicas, "must be greater than or equal to 0"))
    return errors + pod_spec_problems(template.get("spec") or {}, "spec.template.spec")
