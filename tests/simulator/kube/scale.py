# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scale subresource of workloads."""

from __future__ import annotations

from .resources import JsonObject


def scale_of(obj: JsonObject) -> JsonObject:
    """The autoscaling/v1 Scale of a workload."""
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = ((obj["spec"].get("selector") or {}).get("matchLabels") or {}).items()
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: obj["metadata"][name] for name in kept if name in obj["metadata"]},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels)),
        },
    }


def with_scale(obj: JsonObject, scale: JsonObject) -> JsonObject:
    """A workload with the replicas of a Scale."""
    obj["spec"]["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
    for name in ("resourceVersion", "uid"):
        given = (scale.get("metadata") or {}).get(name)
        if given:
            obj["metadata"][name] = given
    return obj
