# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests of workloads for simulated clusters."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def template(app: str, **spec: Any) -> Object:
    """A pod template, quick to stop, with ``app`` as its label and the name of its image."""
    return {
        "metadata": {"labels": {"app": app}, "annotations": {"simulator.kubeops/stop-seconds": "0.2"}},
        "spec": {"containers": [{"name": "c", "image": f"{app}:1"}], **spec},
    }


def deployment(app: str, replicas: int, namespace: str = "default", **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": template(app, **spec),
        },
    }


def budget(app: str, name: str = "", namespace: str = "default", **spec: Any) -> Object:
    """A PodDisruptionBudget for the pods of ``app``: ``maxUnavailable=1`` or ``minAvailable=2``, say."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name or app, "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": app}}, **spec},
    }


def pod(app: str, node: str, namespace: str = "default", **changes: Any) -> Object:
    """A pod bound to ``node`` that nobody looks after. ``changes`` are more of its metadata, or its ``spec``."""
    made = template(app)
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 5, **made["spec"], **changes.pop("spec", {})}
    annotations = {**made["metadata"]["annotations"], **changes.pop("annotations", {})}
    metadata = {"name": app, "namespace": namespace, **made["metadata"], **changes, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def owned(kind: str, name: str, *, api: str = "apps/v1", controller: bool = True) -> list[Object]:
    """The ownerReferences of a pod whose owner is not in the cluster (any more)."""
    reference = {"apiVersion": api, "kind": kind, "name": name, "uid": f"uid-of-{name}"}
    return [{**reference, **({"controller": True} if controller else {})}]
