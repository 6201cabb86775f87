# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a pod behind a PodDisruptionBudget is tried again."""

from __future__ import annotations

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.budgets import Budgets, pause
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.eviction import Budget
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_pod

A, B, C = (make_pod(name, labels={"app": "db"}) for name in "abc")
OTHER = make_pod("other", labels={"app": "web"})


def budget(allowed: int, name: str = "db", namespace: str = "shop", app: str = "db") -> Budget:
    return Budget(
        {
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"selector": {"matchLabels": {"app": app}}},
            "status": {"disruptionsAllowed": allowed},
        }
    )


def refused(allowed: int = 0, now: float = 0.0) -> Budgets:
    """Budgets after the first refusal, at ``now``."""
    budgets = Budgets()
    budgets.update(budget(allowed))
    budgets.refused(A, now, 0.0)
    return budgets


def test_the_pause_doubles_up_to_ten_seconds() -> None:
    assert [pause(attempt) for attempt in range(6)] == [1, 2, 4, 8, 10, 10]
    assert pause(10**6) == 10


def test_a_pod_without_a_budget_is_always_tried() -> None:
    assert Budgets().admit(A, 0.0)
    assert refused().admit(OTHER, 0.0)


def test_after_a_refusal_one_pod_at_a_time_tries_and_only_when_it_is_due() -> None:
    budgets = refused()
    assert not budgets.admit(A, 0.9)
    assert not budgets.admit(B, 0.9)
    assert budgets.admit(B, 1.0)
    assert not budgets.admit(A, 1.0)
    assert not budgets.admit(A, 99.0)


def test_further_refusals_make_the_pause_longer() -> None:
    budgets = refused()
    assert budgets.admit(A, 1.0)
    budgets.refused(A, 1.0, 0.0)
    assert not budgets.admit(A, 2.9)
    assert budgets.admit(A, 3.0)


def test_the_servers_own_wish_counts_when_it_is_longer() -> None:
    budgets = Budgets()
    budgets.update(budget(0))
    budgets.refused(A, 0.0, 7.0)
    assert not budgets.admit(A, 6.9)
    assert budgets.admit(A, 7.0)


def test_room_lets_as_many_through_as_there_is() -> None:
    budgets = refused()
    budgets.update(budget(2))
    assert [budgets.admit(pod, 0.1) for pod in (A, B, C)] == [True, True, False]


def test_a_lone_try_that_went_through_is_followed_at_once() -> None:
    budgets = refused()
    assert budgets.admit(A, 1.0)
    budgets.accepted(A)
    # one that follows, and one that tries its luck, but not all
    assert [budgets.admit(pod, 1.1) for pod in (B, C, A)] == [True, True, False]


def test_a_lone_try_that_failed_for_another_reason_blocks_nobody() -> None:
    budgets = refused()
    assert budgets.admit(A, 1.0)
    budgets.undecided(A, 1.0)
    assert not budgets.admit(B, 1.9)
    assert budgets.admit(B, 2.0)


def test_a_pod_behind_two_budgets_is_tried_because_the_server_has_to_say_so() -> None:
    budgets = refused()
    budgets.update(budget(0, name="second"))
    assert budgets.admit(A, 0.1)


def test_a_budget_that_is_gone_holds_nobody() -> None:
    budgets = refused()
    budgets.remove(budget(0))
    assert budgets.admit(A, 0.1)
    assert budgets.of(A) == []
    assert budgets.next_try(0.1) == float("inf")


def test_a_fresh_list_replaces_the_budgets_of_its_namespace_only() -> None:
    budgets = refused()
    budgets.update(budget(0, name="elsewhere", namespace="other"))
    budgets.replace("shop", [budget(0, name="new", app="web")])
    assert sorted(budgets.known) == ["other/elsewhere", "shop/new"]


def test_when_to_look_again() -> None:
    budgets = Budgets()
    assert budgets.next_try(0.0) == float("inf")
    budgets.update(budget(0))
    budgets.refused(A, 10.0, 4.0)
    assert budgets.next_try(11.0) == 3.0
    assert budgets.next_try(99.0) == 0.0
    assert budgets.admit(A, 14.0)
    assert budgets.next_try(99.0) == float("inf")
