# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking the API server to evict one pod."""

from __future__ import annotations

import contextlib
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.eviction import Budget
from .._decisions.pods import Pod
from .._errors import KubernetesError
from .context import Guard


def evict(client: KubernetesClient, pod: Pod, grace_period: int, guard: Guard) -> None:
    """Request the eviction of exactly this pod, by its UID: never of a younger one of the same name.

    ``grace_period`` is in seconds, below 0 for the pod's own. Raises KubernetesError, and what ``guard`` raises.
    """
    delete_options: dict[str, Any] = {"preconditions": {"uid": pod.uid}}
    if grace_period >= 0:
        delete_options["gracePeriodSeconds"] = grace_period
    guard()
    client.create(
        f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction",
        {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": delete_options,
        },
    )


def budgets_path(namespace: str) -> str:
    return f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"


def covering_budgets(client: KubernetesClient, pod: Pod) -> list[str]:
    """The names of the PodDisruptionBudgets that cover ``pod``; none when they cannot be read."""
    with contextlib.suppress(KubernetesError):
        budgets = [Budget(item) for item in client.items(budgets_path(pod.namespace))]
        return [budget.key for budget in budgets if budget.covers(pod)]
    return []
