# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients do to pods beside plain writes: binding one to a node, and evicting one."""

from __future__ import annotations

from typing import Any

from . import metadata as meta
from .registry import Registry, check_delete_preconditions
from .resources import BUDGETS, PODS, JsonObject
from .selectors import selector_from_object
from .status_errors import StatusError, bad_request, conflict, forbidden, invalid, required, success, too_many_requests
from .store import Selection, Store, Stored

_DISRUPTED_PODS_MAX = 2000
_BUDGET_PENDING_RETRY_SECONDS = 10
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def set_condition(obj: JsonObject, kind: str, status: str, reason: str = "", message: str = "") -> None:
    """Sets a condition of an object; its transition time moves only when the status does."""
    conditions: list[JsonObject] = obj.setdefault("status", {}).setdefault("conditions", [])
    condition: JsonObject = {"type": kind, "status": status, "lastTransitionTime": meta.now()}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    for index, old in enumerate(conditions):
        if old.get("type") == kind:
            if old.get("status") == status:
                condition["lastTransitionTime"] = old.get("lastTransitionTime", condition["lastTransitionTime"])
            conditions[index] = {**old, **condition}
            return
    conditions.append(condition)


def bind(registry: Registry, store: Store, namespace: str, name: str, binding: JsonObject, dry_run: bool) -> JsonObject:
    """Assigns a pod to the node of a Binding. Raises StatusError 404, 409 or 422."""
    target = (binding.get("target") or {}).get("name")
    if not target:
        raise invalid("Binding", "", name, [required("target.name")])
    registry.check_namespace(PODS, namespace, name)
    pod = registry.get(PODS, namespace, name).parse()
    if "deletionTimestamp" in pod["metadata"]:
        why = f"pod {name} is being deleted, cannot be assigned to a host"
        raise conflict("", "pods/binding", name, why)
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise conflict("", "pods/binding", name, why)
    pod["spec"]["nodeName"] = target
    for part in ("annotations", "labels"):
        given = (binding.get("metadata") or {}).get(part)
        if given:
            pod["metadata"].setdefault(part, {}).update(given)
    set_condition(pod, "PodScheduled", "True")
    if not dry_run:
        store.put(PODS, pod)
    return success(code=201)


def evict(
    registry: Registry, store: Store, namespace: str, name: str, eviction: JsonObject, dry_run: bool
) -> JsonObject:
    """Deletes a pod as far as its disruption budget allows.

    Raises StatusError: 403 in a terminating namespace, 404, 409 for a precondition, 429 with the cause
    ``DisruptionBudget`` for a spent budget, 500 when two budgets cover the pod.
    """
    given_name = (eviction.get("metadata") or {}).get("name")
    if given_name != name:
        raise bad_request("name in URL does not match name in Eviction object")
    registry.check_namespace(PODS, namespace, name)
    options: JsonObject = dict(eviction.get("deleteOptions") or {})
    dry_run = dry_run or "All" in (options.get("dryRun") or ())
    stored = registry.get(PODS, namespace, name)
    pod = stored.parse()
    phase = pod["status"].get("phase")
    if phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]:
        registry.delete(PODS, namespace, name, options, dry_run)
        return success(code=201)
    budgets = _budgets_of(store, stored)
    if len(budgets) > 1:
        raise StatusError(
            500, "", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    if budgets and not _free_to_go(pod, budgets[0]):
        _spend(store, budgets[0], name, dry_run)
    # The server looks at the preconditions only now, after the budget has been charged.
    check_delete_preconditions(PODS, pod, options)
    if not dry_run:
        _mark_disrupted(store, pod, options)
    registry.delete(PODS, namespace, name, options, dry_run)
    return success(code=201)


def _budgets_of(store: Store, pod: Stored) -> list[JsonObject]:
    found: list[JsonObject] = []
    for stored in store.collection(BUDGETS).select(Selection(namespace=pod.key[0])):
        budget = stored.parse()
        selector = selector_from_object((budget.get("spec") or {}).get("selector"))
        if selector is not None and selector.matches(pod.labels):
            found.append(budget)
    return found


def _free_to_go(pod: JsonObject, budget: JsonObject) -> bool:
    conditions: list[dict[str, Any]] = pod["status"].get("conditions") or []
    if any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired, current = int(status.get("desiredHealthy", 0)), int(status.get("currentHealthy", 0))
    return 0 < desired <= current


def _spend(store: Store, budget: JsonObject, pod_name: str, dry_run: bool) -> None:
    name, status = budget["metadata"]["name"], budget.setdefault("status", {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _refused(
            f"The disruption budget {name} is still being processed by the server.", _BUDGET_PENDING_RETRY_SECONDS
        )
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise forbidden(BUDGETS, name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or {}) > _DISRUPTED_PODS_MAX:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise forbidden(BUDGETS, name, why)
    if allowed == 0:
        raise _refused(_why_refused(name, status), 0)
    status["disruptionsAllowed"] = allowed - 1
    if allowed == 1:
        set_condition(budget, "DisruptionAllowed", "False", "InsufficientPods")
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod_name: meta.now()}
    if not dry_run:
        store.put(BUDGETS, budget)


def _why_refused(name: str, status: JsonObject) -> str:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "DisruptionAllowed" and condition.get("reason") == "SyncFailed":
            return (
                f"The disruption budget {name} does not allow evicting pods currently because it failed sync: "
                f"{condition.get('message', '')}"
            )
    return (
        f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
        f"{status.get('currentHealthy', 0)} currently"
    )


def _refused(why: str, retry_after: int) -> StatusError:
    return too_many_requests(_REFUSED, retry_after, ({"reason": "DisruptionBudget", "message": why},))


def _mark_disrupted(store: Store, pod: JsonObject, options: JsonObject) -> None:
    set_condition(pod, "DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting")
    written = store.put(PODS, pod)
    wanted = options.get("preconditions")
    if wanted and wanted.get("resourceVersion") is not None:
        # The server's own write above must not make the client's precondition fail.
        options["preconditions"] = {**wanted, "resourceVersion": str(written.revision)}
