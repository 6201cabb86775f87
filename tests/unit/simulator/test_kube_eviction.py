# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evictions, by the rules of the real API server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.unit.simulator.kube_requests import BUDGETS, PODS, Client, Reply, pod

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


async def make_budget(client: Client, name: str = "b", selector: Any = None, spec: Any = None, **status: Any) -> None:
    """A budget whose controller has already been there."""
    body = {"metadata": {"name": name}, "spec": {"minAvailable": 1, "selector": selector or {}, **(spec or {})}}
    await client.make(BUDGETS, body)
    numbers = {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    await client.patch(f"{BUDGETS}/{name}/status", {"status": {"observedGeneration": 1, **numbers, **status}})


async def evict(client: Client, name: str = "p", options: Any = None, **query: Any) -> Reply:
    body: dict[str, Any] = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    if options is not None:
        body["deleteOptions"] = options
    return await client.post(f"{PODS}/{name}/eviction", body, **query)


async def terminating(client: Client, name: str = "p") -> bool:
    reply = await client.get(f"{PODS}/{name}")
    return reply.code == 404 or "deletionTimestamp" in reply.body["metadata"]


async def budget_status(client: Client) -> Any:
    return (await client.get(f"{BUDGETS}/b")).body["status"]


async def test_without_a_budget(client: Client) -> None:
    await client.make_pod()
    reply = await evict(client)
    assert (reply.code, reply.body["status"]) == (201, "Success")
    evicted = (await client.get(f"{PODS}/p")).body
    assert evicted["metadata"]["deletionGracePeriodSeconds"] == 30
    condition = next(item for item in evicted["status"]["conditions"] if item["type"] == "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "EvictionByEvictionAPI")


async def test_the_grace_period_can_be_chosen(client: Client) -> None:
    await client.make_pod()
    await evict(client, options={"gracePeriodSeconds": 7})
    assert (await client.get(f"{PODS}/p")).body["metadata"]["deletionGracePeriodSeconds"] == 7
    await client.make_pod("q")
    await evict(client, "q", {"gracePeriodSeconds": 0})
    assert (await client.get(f"{PODS}/q")).code == 404


async def test_a_spent_budget_refuses(client: Client) -> None:
    await client.make_pod()
    await make_budget(client, currentHealthy=2, desiredHealthy=3)
    reply = await evict(client)
    assert (reply.code, reply.body["reason"], reply.body["message"]) == (429, "TooManyRequests", REFUSED)
    assert reply.body["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget b needs 3 healthy pods and has 2 currently",
        }
    ]
    assert "Retry-After" not in reply.headers
    assert not await terminating(client)


async def test_a_budget_is_charged(client: Client) -> None:
    for name in ("p", "q"):
        await client.make_pod(name)
    await make_budget(client, disruptionsAllowed=1, currentHealthy=2)
    assert (await evict(client)).code == 201
    status = await budget_status(client)
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["p"]
    assert status["conditions"][0]["reason"] == "InsufficientPods"
    assert (await evict(client, "q")).code == 429


async def test_a_budget_that_was_not_seen_by_its_controller(client: Client) -> None:
    await client.make_pod()
    await make_budget(client, observedGeneration=0, disruptionsAllowed=1)
    reply = await evict(client)
    assert (reply.code, reply.headers["Retry-After"]) == (429, "10")
    assert reply.body["details"]["retryAfterSeconds"] == 10
    assert (
        reply.body["details"]["causes"][0]["message"]
        == "The disruption budget b is still being processed by the server."
    )


async def test_a_budget_that_failed_to_sync(client: Client) -> None:
    await client.make_pod()
    condition = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}
    await make_budget(client, conditions=[condition])
    assert "because it failed sync: no scale" in (await evict(client)).body["details"]["causes"][0]["message"]


async def test_two_budgets(client: Client) -> None:
    await client.make_pod()
    await make_budget(client, disruptionsAllowed=1)
    await make_budget(client, "c", disruptionsAllowed=1)
    reply = await evict(client)
    assert reply.code == 500
    assert (
        reply.body["message"]
        == "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    )
    assert not await terminating(client)


async def test_budgets_that_select_other_pods(client: Client) -> None:
    await client.make_pod(labels={"app": "web"})
    await make_budget(client, selector={"matchLabels": {"app": "db"}})
    await client.make(BUDGETS, {"metadata": {"name": "none"}, "spec": {"minAvailable": 1}})
    assert (await evict(client)).code == 201


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
async def test_pods_that_do_not_run_need_no_budget(client: Client, phase: str) -> None:
    await client.make_pod(status={"phase": phase})
    await make_budget(client)
    assert (await evict(client)).code == 201
    assert await terminating(client)


async def test_terminating_pods_need_no_budget(client: Client) -> None:
    await client.make_pod()
    await make_budget(client)
    await client.delete(f"{PODS}/p")
    assert (await evict(client)).code == 201


@pytest.mark.parametrize(
    ("spec", "numbers", "code"),
    [
        ({}, {"currentHealthy": 1, "desiredHealthy": 1}, 201),
        ({}, {"currentHealthy": 0, "desiredHealthy": 1}, 429),
        ({}, {"currentHealthy": 0, "desiredHealthy": 0}, 429),
        ({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, {"currentHealthy": 0, "desiredHealthy": 1}, 201),
        ({"unhealthyPodEvictionPolicy": "IfHealthyBudget"}, {"currentHealthy": 0, "desiredHealthy": 1}, 429),
    ],
)
async def test_unhealthy_pods(client: Client, spec: Any, numbers: Any, code: int) -> None:
    await client.make_pod(status={"phase": "Running"})
    await make_budget(client, spec=spec, **numbers)
    assert (await evict(client)).code == code


async def test_preconditions(client: Client) -> None:
    made = await client.make_pod()
    refused = await evict(client, options={"preconditions": {"uid": "other"}})
    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert not await terminating(client)
    stale = {"uid": made["metadata"]["uid"], "resourceVersion": "1"}
    assert (await evict(client, options={"preconditions": stale})).code == 409
    exact = {"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]}
    assert (await evict(client, options={"preconditions": exact})).code == 201


async def test_refusals(client: Client) -> None:
    assert (await evict(client, "none")).code == 404
    await client.make_pod()
    wrong = await client.post(f"{PODS}/p/eviction", {"metadata": {"name": "q"}})
    assert (wrong.code, wrong.body["message"]) == (400, "name in URL does not match name in Eviction object")
    await client.make("/api/v1/namespaces", {"metadata": {"name": "a"}})
    await client.make("/api/v1/namespaces/a/pods", pod("p"))
    await client.delete("/api/v1/namespaces/a")
    refused = await client.post("/api/v1/namespaces/a/pods/p/eviction", {"metadata": {"name": "p"}})
    assert refused.code == 403
    assert refused.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"


@pytest.mark.parametrize("by_query", [True, False])
async def test_dry_run(client: Client, by_query: bool) -> None:
    await client.make_pod()
    await make_budget(client, disruptionsAllowed=1)
    reply = await evict(client, dryRun="All") if by_query else await evict(client, options={"dryRun": ["All"]})
    assert reply.code == 201
    assert not await terminating(client)
    assert (await budget_status(client))["disruptionsAllowed"] == 1
