# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What controllers read from a pod, and how they make one from a template."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from ..kube_client import Object

# Kubernetes leaves vowels and look-alikes out of generated names.
_SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def random_suffix(length: int = 5) -> str:
    """The end of a generated name."""
    return "".join(secrets.choice(_SAFE_LETTERS) for dummy in range(length))


def controller_of(item: Object) -> Object | None:
    """The owner reference of the object that manages `item`, if any."""
    for reference in item["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            found: Object = reference
            return found
    return None


def controller_reference(owner: Object, api_version: str, kind: str) -> Object:
    """The owner reference that marks `owner` as the manager of a new object."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(item: Object, kind: str) -> Object | None:
    """The condition of this type in the object's status."""
    for entry in (item.get("status") or {}).get("conditions") or []:
        if entry.get("type") == kind:
            found: Object = entry
            return found
    return None


def phase(pod: Object) -> str:
    """Pending, Running, Succeeded or Failed."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_ready(pod: Object) -> bool:
    """Whether the pod counts as ready for services, budgets and owners."""
    ready = condition(pod, "Ready")
    return ready is not None and ready.get("status") == "True"


def is_terminating(pod: Object) -> bool:
    """Whether the pod was deleted and only waits for its end."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_finished(pod: Object) -> bool:
    """Whether the pod's containers ended for good."""
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """Whether the pod counts as one of its owner's replicas."""
    return not is_finished(pod) and not is_terminating(pod)


def node_of(pod: Object) -> str:
    """The node that the pod is bound to; empty before."""
    return pod["spec"].get("nodeName") or ""


def from_template(name: str, namespace: str, template: Object, owner: Object) -> Object:
    """A new pod. owner: its controller reference."""
    source = template.get("metadata") or {}
    metadata: Object = {
        "name": name,
        "generateName": name.rpartition("-")[0] + "-",
        "namespace": namespace,
        "labels": dict(source.get("labels") or {}),
        "ownerReferences": [owner],
    }
    if source.get("annotations"):
        metadata["annotations"] = dict(source["annotations"])
    spec: dict[str, Any] = copy.deepcopy(template.get("spec") or {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
