# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the server puts in for what a manifest leaves out, as far as clients rely on them."""

from __future__ import annotations

import base64
import random
from typing import Any

from .resources import JsonObject, Resource

_PRIORITIES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}
_EVICTED_AFTER = (("node.kubernetes.io/not-ready", 300), ("node.kubernetes.io/unreachable", 300))


def apply_defaults(resource: Resource, obj: JsonObject) -> None:
    """Completes a new object in place."""
    name = resource.plural
    if name == "pods":
        _pod(obj)
    elif name in ("deployments", "replicasets", "statefulsets", "daemonsets", "jobs"):
        _workload(name, obj)
    elif name == "services":
        _service(obj)
    elif name == "secrets":
        _secret(obj)
    elif name == "namespaces":
        obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        obj["status"] = {"phase": "Active"}
    elif name == "persistentvolumeclaims":
        obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        obj["status"] = {"phase": "Pending"}
    elif name == "nodes":
        obj.setdefault("spec", {})
        obj.setdefault("status", {})


def first_status(resource: Resource, obj: JsonObject) -> None:
    """The status of an object at its creation; only nodes bring their own."""
    if resource.plural == "pods":
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
    elif resource.plural == "poddisruptionbudgets":
        obj["status"] = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    elif resource.plural == "daemonsets":
        obj["status"] = {
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        }
    elif resource.plural in ("replicasets", "statefulsets"):
        obj["status"] = {"replicas": 0}
    elif resource.plural == "volumeattachments":
        obj["status"] = {"attached": False}
    elif resource.plural in ("deployments", "jobs"):
        obj["status"] = {}
    elif resource.plural == "services":
        obj["status"] = {"loadBalancer": {}}


def default_pod_spec(spec: JsonObject) -> None:
    """What holds for pods and for the templates of pods alike."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
        if not isinstance(container, dict):
            continue
        image = str(container.get("image", ""))
        tag = image.rpartition("/")[2].partition(":")[2]
        container.setdefault("imagePullPolicy", "Always" if tag in ("", "latest") else "IfNotPresent")
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        for port in container.get("ports") or []:
            port.setdefault("protocol", "TCP")
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])


def _pod(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    default_pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", _PRIORITIES.get(spec.get("priorityClassName", ""), 0))
    tolerations = spec.setdefault("tolerations", [])
    for key, seconds in _EVICTED_AFTER:
        if not any(_tolerates_no_execute(toleration, key) for toleration in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds})


def _tolerates_no_execute(toleration: JsonObject, key: str) -> bool:
    return toleration.get("key") in (key, None, "") and toleration.get("effect") in ("NoExecute", None, "")


def qos_class(spec: JsonObject) -> str:
    """Guaranteed, Burstable or BestEffort, from the resources of the containers."""
    guaranteed, any_given = True, False
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        resources = container.get("resources") or {}
        limits = resources.get("limits") or {}
        requests = {**limits, **(resources.get("requests") or {})}
        for name in ("cpu", "memory"):
            any_given = any_given or name in requests
            guaranteed = guaranteed and name in limits and requests.get(name) == limits[name]
    if not any_given:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _workload(name: str, obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    template = spec.get("template")
    if isinstance(template, dict):
        template.setdefault("metadata", {})
        default_pod_spec(template.setdefault("spec", {}))
    if name in ("deployments", "replicasets", "statefulsets"):
        spec.setdefault("replicas", 1)
    if name in ("deployments", "statefulsets", "daemonsets"):
        spec.setdefault("revisionHistoryLimit", 10)
    if name == "deployments":
        spec.setdefault("progressDeadlineSeconds", 600)
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxSurge", "25%")
            rolling.setdefault("maxUnavailable", "25%")
    elif name == "statefulsets":
        spec.setdefault("podManagementPolicy", "OrderedReady")
        _update_strategy(spec, {"partition": 0})
    elif name == "daemonsets":
        _update_strategy(spec, {"maxSurge": 0, "maxUnavailable": 1})
    elif name == "jobs":
        _job(obj, spec)


def _update_strategy(spec: JsonObject, rolling: dict[str, Any]) -> None:
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        given = strategy.setdefault("rollingUpdate", {})
        for key, value in rolling.items():
            given.setdefault(key, value)


def _job(obj: JsonObject, spec: JsonObject) -> None:
    for key, value in (
        ("parallelism", 1),
        ("completions", 1),
        ("backoffLimit", 6),
        ("completionMode", "NonIndexed"),
        ("suspend", False),
    ):
        spec.setdefault(key, value)
    uid = obj["metadata"].get("uid")
    if uid and not spec.get("manualSelector") and isinstance(spec.get("template"), dict):
        labels = {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": obj["metadata"].get("name", ""),
            "controller-uid": uid,
            "job-name": obj["metadata"].get("name", ""),
        }
        spec["template"]["metadata"].setdefault("labels", {}).update(labels)
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def _service(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    if spec["type"] != "ExternalName" and not spec.get("clusterIP"):
        spec["clusterIP"] = f"10.0.{random.randint(0, 255)}.{random.randint(1, 254)}"
    if spec.get("clusterIP"):
        spec["clusterIPs"] = [spec["clusterIP"]]


def _secret(obj: JsonObject) -> None:
    obj.setdefault("type", "Opaque")
    plain = obj.pop("stringData", None) or {}
    if plain:
        data = obj.get("data") or {}
        obj["data"] = {**data, **{key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}}
