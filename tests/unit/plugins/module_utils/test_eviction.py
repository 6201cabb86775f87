# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to an eviction means, and what a PodDisruptionBudget says."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.eviction import (
    Budget,
    Refusal,
    judge_refusal,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import KubernetesError
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_pod

BUDGET_CAUSE = {"details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 3"}]}}
TERMINATING_CAUSE = {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (404, {}, Refusal.GONE),
        (429, BUDGET_CAUSE, Refusal.BUDGET),
        (429, {}, Refusal.LATER),  # the API server throttles
        (429, {"details": {"retryAfterSeconds": 5}}, Refusal.LATER),
        (429, {"message": "Cannot evict pod as it would violate the pod's disruption budget."}, Refusal.LATER),
        (429, {"details": {"causes": None}}, Refusal.LATER),
        (409, {}, Refusal.LATER),  # another pod of that name: the watch will tell
        (500, {"message": "This pod has more than one PodDisruptionBudget"}, Refusal.LATER),
        (503, {}, Refusal.LATER),
        (0, {}, Refusal.LATER),  # no answer
        (403, TERMINATING_CAUSE, Refusal.LATER),
        (403, {}, Refusal.NEVER),
        (403, BUDGET_CAUSE, Refusal.NEVER),
        (401, {}, Refusal.NEVER),
        (400, {}, Refusal.NEVER),
        (422, BUDGET_CAUSE, Refusal.NEVER),
    ],
)
def test_refusals(status: int, body: dict[str, Any], refusal: Refusal) -> None:
    assert judge_refusal(KubernetesError("no", reason="x", status=status, body=body)) is refusal


def budget(**status: int) -> Budget:
    return Budget(
        {
            "metadata": {"namespace": "shop", "name": "db", "generation": 2},
            "spec": {"selector": {"matchLabels": {"app": "db"}}},
            "status": {"observedGeneration": 2, "disruptionsAllowed": 1, **status},
        }
    )


def test_what_a_budget_allows() -> None:
    assert budget().allowed == 1
    assert budget(disruptionsAllowed=0).allowed == 0
    assert budget(observedGeneration=3).allowed == 1


def test_a_budget_whose_controller_has_not_caught_up_allows_nothing() -> None:
    assert budget(observedGeneration=1, disruptionsAllowed=5).allowed == 0
    assert Budget({"metadata": {"namespace": "shop", "name": "db", "generation": 1}}).allowed == 0


def test_whom_a_budget_covers() -> None:
    assert budget().covers(make_pod(namespace="shop", labels={"app": "db"}))
    assert not budget().covers(make_pod(namespace="shop", labels={"app": "web"}))
    assert not budget().covers(make_pod(namespace="other", labels={"app": "db"}))


def test_a_budget_without_a_selector_covers_nobody_and_with_an_empty_one_all() -> None:
    meta = {"namespace": "shop", "name": "db"}
    assert not Budget({"metadata": meta}).covers(make_pod(namespace="shop"))
    assert Budget({"metadata": meta, "spec": {"selector": {}}}).covers(make_pod(namespace="shop"))


def test_a_budget_tells_its_numbers() -> None:
    told = budget(disruptionsAllowed=0, currentHealthy=1, desiredHealthy=2, expectedPods=3)
    assert told.numbers() == {
        "name": "shop/db",
        "disruptions_allowed": 0,
        "current_healthy": 1,
        "desired_healthy": 2,
        "expected_pods": 3,
    }
    assert str(told) == "PDB shop/db (1 healthy, 2 needed, 0 disruptions allowed)"
