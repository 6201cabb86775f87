# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controllers against the simulated API server over HTTP, with a kubelet that only starts and ends pods."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from ansible_collections.kubeops.aks_reboot.tests.simulator.controllers import run_controllers
from ansible_collections.kubeops.aks_reboot.tests.simulator.controllers.placement import tolerates
from ansible_collections.kubeops.aks_reboot.tests.simulator.controllers.pods import condition, is_ready, node_of
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube_client import (
    STRATEGIC_PATCH,
    ApiError,
    Informer,
    KubeClient,
    Object,
)
from ansible_collections.kubeops.aks_reboot.tests.simulator.settings import Settings

APPS = "/apis/apps/v1/namespaces/default"
PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
DEADLINE = 10.0


class Cluster:
    """A server, its controllers, and a kubelet for all nodes."""

    def __init__(self, client: KubeClient) -> None:
        self.client = client
        self.starting = True
        self.ending = True
        self._pods = Informer(client, "/api/v1/pods")
        self._tasks: set[asyncio.Task[None]] = set()
        self._pods.subscribe(self._pod_changed)
        self.follow = self._pods.run

    def _pod_changed(self, kind: str, pod: Object) -> None:
        if kind != "DELETED" and node_of(pod):
            task = asyncio.create_task(self._look_after(pod))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look_after(self, pod: Object) -> None:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        with contextlib.suppress(ApiError):
            if pod["metadata"].get("deletionTimestamp"):
                if self.ending:
                    await self.client.delete(path, {"gracePeriodSeconds": 0})
            elif self.starting and pod["status"].get("phase") == "Pending":
                await self.set_ready(path, True)

    async def set_ready(self, path: str, ready: bool) -> None:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
        await self.client.patch(f"{path}/status", {"status": status}, STRATEGIC_PATCH)

    async def add_node(self, name: str, pods: int = 110, ready: str = "True", **metadata: Any) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **metadata.get("labels", {})}},
            "spec": {"taints": metadata["taints"]} if "taints" in metadata else {},
            "status": {
                "allocatable": {"pods": str(pods)},
                "conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-01-01T00:00:00Z"}],
            },
        }
        await self.client.create("/api/v1/nodes", node)

    async def pods(self, selector: str = "") -> list[Object]:
        answer = await self.client.list(PODS, {"labelSelector": selector} if selector else None)
        items: list[Object] = answer["items"]
        return items

    async def running(self, selector: str = "") -> list[Object]:
        pods = await self.pods(selector)
        return [pod for pod in pods if is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]

    async def evict(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
        await self.client.create(f"{PODS}/{name}/eviction", body)


async def until(holds: Callable[[], Awaitable[Any]], deadline: float = DEADLINE) -> float:
    """Wait for the condition; returns the seconds that it took."""
    start = time.monotonic()
    while not await holds():
        assert time.monotonic() - start < deadline, "the condition does not come true"
        await asyncio.sleep(0.005)
    return time.monotonic() - start


@pytest_asyncio.fixture
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    settings = Settings(node_monitor_grace_seconds=getattr(request, "param", 40.0))
    runner = web.AppRunner(KubeApi({"token": "admin"}).application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = KubeClient(f"http://127.0.0.1:{runner.addresses[0][1]}", None, "token")
    cluster = Cluster(client)
    tasks = [asyncio.create_task(run_controllers(client, settings)), asyncio.create_task(cluster.follow())]
    yield cluster
    ended = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    await runner.cleanup()
    assert not ended, ended[0].exception()


def workload(kind: str, name: str, replicas: int = 1, spec: Object | None = None) -> Object:
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "registry.example/app:1"}], **(spec or {})}
    body: Object = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    if kind != "DaemonSet":
        body["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": body}


def budget(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": name}}, **spec},
    }


async def make_deployment(cluster: Cluster, name: str, replicas: int, spec: Object | None = None) -> None:
    await cluster.client.create(f"{APPS}/deployments", workload("Deployment", name, replicas, spec))

    async def complete() -> bool:
        return len(await cluster.running(f"app={name}")) == replicas

    await until(complete)


async def test_deployment_comes_up_in_full_and_reports_it(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    await make_deployment(cluster, "web", 3)

    async def available() -> bool:
        status = (await cluster.client.get(f"{APPS}/deployments/web"))["status"]
        return bool(status.get("availableReplicas") == 3 and status.get("unavailableReplicas") == 0)

    await until(available)
    deployment = await cluster.client.get(f"{APPS}/deployments/web")
    assert (condition(deployment, "Available") or {})["status"] == "True"
    assert deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
    (replica_set,) = (await cluster.client.list(f"{APPS}/replicasets"))["items"]
    assert replica_set["status"]["readyReplicas"] == 3
    owners = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in await cluster.pods()}
    assert owners == {replica_set["metadata"]["uid"]}
    assert len(await cluster.pods()) == 3, "a pod was created twice"


async def test_new_template_replaces_the_pods(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    await make_deployment(cluster, "web", 2)
    before = {pod["metadata"]["uid"] for pod in await cluster.pods()}
    body = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
    await cluster.client.patch(f"{APPS}/deployments/web", body)

    async def replaced() -> bool:
        pods = await cluster.pods()
        return len(pods) == 2 and not before & {pod["metadata"]["uid"] for pod in pods}

    await until(replaced)
    assert len((await cluster.client.list(f"{APPS}/replicasets"))["items"]) == 2


async def test_scaling_down_keeps_the_pods_that_are_ready(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    await make_deployment(cluster, "web", 4)
    lame = (await cluster.pods())[1]["metadata"]["name"]
    await cluster.set_ready(f"{PODS}/{lame}", False)

    async def noticed() -> bool:
        (replica_set,) = (await cluster.client.list(f"{APPS}/replicasets"))["items"]
        return bool(replica_set["status"]["readyReplicas"] == 3)

    await until(noticed)
    await cluster.client.patch(f"{APPS}/deployments/web", {"spec": {"replicas": 3}})

    async def scaled() -> bool:
        return len(await cluster.pods()) == 3

    await until(scaled)
    assert lame not in {pod["metadata"]["name"] for pod in await cluster.pods()}


async def test_evicted_pods_are_replaced_at_once_elsewhere(cluster: Cluster) -> None:
    for name in ("n1", "n2", "n3"):
        await cluster.add_node(name)
    await make_deployment(cluster, "web", 6)
    on_nodes = Counter(node_of(pod) for pod in await cluster.pods())
    assert on_nodes == {"n1": 2, "n2": 2, "n3": 2}
    await cluster.client.patch("/api/v1/nodes/n1", {"spec": {"unschedulable": True}})
    cluster.ending = False
    for pod in await cluster.pods():
        if node_of(pod) == "n1":
            await cluster.evict(pod)

    async def replaced() -> bool:
        return len(await cluster.running("app=web")) == 6

    assert await until(replaced) < 0.5
    assert {node_of(pod) for pod in await cluster.running()} == {"n2", "n3"}
    assert len(await cluster.pods()) == 8, "terminating pods stay until their kubelet ends them, nothing else is added"


async def test_cordon_taints_the_node_and_uncordon_takes_it_back(cluster: Cluster) -> None:
    mine = {"key": "team", "value": "blue", "effect": "NoSchedule"}
    await cluster.add_node("n1", taints=[mine])

    async def taints() -> list[Object]:
        found: list[Object] = (await cluster.client.get("/api/v1/nodes/n1"))["spec"].get("taints") or []
        return found

    async def count(number: int) -> bool:
        return len(await taints()) == number

    await cluster.client.patch("/api/v1/nodes/n1", {"spec": {"unschedulable": True}})
    await until(lambda: count(2))
    assert {taint["key"] for taint in await taints()} == {"team", "node.kubernetes.io/unschedulable"}
    await cluster.client.patch("/api/v1/nodes/n1", {"spec": {"unschedulable": None}})
    await until(lambda: count(1))
    assert await taints() == [mine]


async def test_daemon_set_covers_cordoned_nodes_and_heeds_selectors_and_taints(cluster: Cluster) -> None:
    await cluster.add_node("linux")
    await cluster.add_node("cordoned")
    await cluster.client.patch("/api/v1/nodes/cordoned", {"spec": {"unschedulable": True}})
    await cluster.add_node("windows", labels={"kubernetes.io/os": "windows"})
    await cluster.add_node("reserved", taints=[{"key": "team", "value": "blue", "effect": "NoSchedule"}])
    affinity = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "NotIn", "values": ["windows"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [affinity]}}
    body = workload("DaemonSet", "proxy", spec={"affinity": {"nodeAffinity": required}})
    await cluster.client.create(f"{APPS}/daemonsets", body)

    async def ready(number: int) -> bool:
        status = (await cluster.client.get(f"{APPS}/daemonsets/proxy"))["status"]
        return bool(status.get("numberReady") == number)

    await until(lambda: ready(2))
    assert {node_of(pod) for pod in await cluster.pods()} == {"linux", "cordoned"}
    status = (await cluster.client.get(f"{APPS}/daemonsets/proxy"))["status"]
    assert (status["desiredNumberScheduled"], status["currentNumberScheduled"], status["numberMisscheduled"]) == (
        2,
        2,
        0,
    )

    await cluster.add_node("late")
    await until(lambda: ready(3))
    (pod,) = [pod for pod in await cluster.pods() if node_of(pod) == "linux"]
    await cluster.client.delete(f"{PODS}/{pod['metadata']['name']}")

    async def back() -> bool:
        pods = [item for item in await cluster.running() if node_of(item) == "linux"]
        return len(pods) == 1 and pods[0]["metadata"]["uid"] != pod["metadata"]["uid"]

    await until(back)


async def test_pods_of_a_deleted_node_go_with_it(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    await cluster.add_node("n2")
    cluster.ending = False
    await make_deployment(cluster, "web", 4)
    await cluster.client.delete("/api/v1/nodes/n1")

    async def moved() -> bool:
        pods = await cluster.pods()
        return len(pods) == 4 and {node_of(pod) for pod in pods} == {"n2"}

    await until(moved)


async def test_unschedulable_pod_says_why_and_is_bound_when_room_appears(cluster: Cluster) -> None:
    await cluster.add_node("full", pods=0)
    await cluster.add_node("cordoned")
    await cluster.client.patch("/api/v1/nodes/cordoned", {"spec": {"unschedulable": True}})
    await cluster.add_node("reserved", taints=[{"key": "team", "value": "blue", "effect": "NoSchedule"}])
    await cluster.client.create(f"{APPS}/replicasets", workload("ReplicaSet", "web"))

    async def reported() -> bool:
        pods = await cluster.pods()
        return bool(pods) and "0/3 nodes" in (condition(pods[0], "PodScheduled") or {}).get("message", "")

    await until(reported)
    (pod,) = await cluster.pods()
    verdict = condition(pod, "PodScheduled") or {}
    assert (verdict["status"], verdict["reason"]) == ("False", "Unschedulable")
    assert verdict["message"] == (
        "0/3 nodes are available: 1 node(s) had too many pods, 1 node(s) had untolerated taint {team: blue}, "
        "1 node(s) were unschedulable."
    )
    await cluster.client.patch("/api/v1/nodes/cordoned", {"spec": {"unschedulable": False}})

    async def bound() -> bool:
        return bool(await cluster.running())

    await until(bound)
    assert node_of((await cluster.pods())[0]) == "cordoned"


async def test_room_that_a_pod_leaves_is_used(cluster: Cluster) -> None:
    await cluster.add_node("n1", pods=1)
    await make_deployment(cluster, "first", 1)
    await cluster.client.create(f"{APPS}/deployments", workload("Deployment", "second"))

    async def waiting() -> bool:
        return any(condition(pod, "PodScheduled") for pod in await cluster.pods("app=second"))

    await until(waiting)
    await cluster.client.patch(f"{APPS}/deployments/first", {"spec": {"replicas": 0}})

    async def bound() -> bool:
        return bool(await cluster.running("app=second"))

    await until(bound)


async def test_anti_affinity_keeps_pods_apart_also_from_those_without_it(cluster: Cluster) -> None:
    for name in ("n1", "n2"):
        await cluster.add_node(name)
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    apart = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    await cluster.client.create(f"{APPS}/deployments", workload("Deployment", "db", 3, apart))

    async def settled() -> bool:
        pods = await cluster.pods()
        return len([pod for pod in pods if is_ready(pod)]) == 2 and any(condition(pod, "PodScheduled") for pod in pods)

    await until(settled)
    assert {node_of(pod) for pod in await cluster.running()} == {"n1", "n2"}
    # The label is all that counts for the others' anti-affinity
    plain = {
        "metadata": {"name": "plain", "namespace": "default", "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "main", "image": "registry.example/app:1"}]},
    }
    await cluster.client.create(PODS, plain)

    async def refused() -> bool:
        pod = await cluster.client.get(f"{PODS}/plain")
        return "anti-affinity" in (condition(pod, "PodScheduled") or {}).get("message", "")

    await until(refused)


@pytest.mark.parametrize(
    ("spec", "desired", "allowed", "expected"),
    [
        ({"minAvailable": 3}, 3, 2, 5),
        ({"minAvailable": "50%"}, 3, 2, 5),
        ({"maxUnavailable": 1}, 4, 1, 5),
        ({"maxUnavailable": "30%"}, 3, 2, 5),
        ({"minAvailable": "100%"}, 5, 0, 5),
        ({"maxUnavailable": 9}, 0, 5, 5),
    ],
)
async def test_budget_numbers(cluster: Cluster, spec: Object, desired: int, allowed: int, expected: int) -> None:
    await cluster.add_node("n1")
    await cluster.client.create(BUDGETS, budget("web", **spec))
    await make_deployment(cluster, "web", 5)

    async def settled() -> bool:
        status = (await cluster.client.get(f"{BUDGETS}/web"))["status"]
        return (status["currentHealthy"], status["disruptionsAllowed"]) == (5, allowed)

    await until(settled)
    status = (await cluster.client.get(f"{BUDGETS}/web"))["status"]
    assert (status["desiredHealthy"], status["expectedPods"]) == (desired, expected)
    assert status["observedGeneration"] == 1
    assert status["conditions"][0]["reason"] == ("SufficientPods" if allowed else "InsufficientPods")


async def test_budget_gives_way_again_when_the_replacement_is_ready(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    await cluster.client.create(BUDGETS, budget("web", maxUnavailable=1))
    await make_deployment(cluster, "web", 3)

    async def allows(number: int) -> bool:
        status = (await cluster.client.get(f"{BUDGETS}/web"))["status"]
        return bool(status["disruptionsAllowed"] == number)

    await until(lambda: allows(1))
    cluster.starting = False
    first, second, *dummy = await cluster.running()
    await cluster.evict(first)
    with pytest.raises(ApiError) as refused:
        await cluster.evict(second)
    assert refused.value.status == 429
    await until(lambda: allows(0))

    async def pending() -> list[Object]:
        return [pod for pod in await cluster.pods() if node_of(pod) and not is_ready(pod)]

    await until(pending)
    cluster.starting = True
    (replacement,) = await pending()
    await cluster.set_ready(f"{PODS}/{replacement['metadata']['name']}", True)
    assert await until(lambda: allows(1)) < 0.5
    status = (await cluster.client.get(f"{BUDGETS}/web"))["status"]
    assert not status.get("disruptedPods")
    await cluster.evict(second)


async def test_budget_over_pods_without_a_known_scale_allows_nothing(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    body = workload("DaemonSet", "proxy")
    await cluster.client.create(f"{APPS}/daemonsets", body)
    await cluster.client.create(BUDGETS, budget("proxy", maxUnavailable=1))

    async def failed() -> bool:
        found = await cluster.client.get(f"{BUDGETS}/proxy")
        return (condition(found, "DisruptionAllowed") or {}).get("reason") == "SyncFailed"

    await until(failed)
    assert (await cluster.client.get(f"{BUDGETS}/proxy"))["status"]["disruptionsAllowed"] == 0


@pytest.mark.parametrize("cluster", [0.4], indirect=True)
async def test_silent_node_becomes_unknown_and_its_pods_not_ready(cluster: Cluster) -> None:
    await cluster.add_node("alive")
    await cluster.add_node("silent")
    beats = itertools.count()

    async def beat(name: str) -> None:
        moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=next(beats))
        entry = {"type": "Ready", "status": "True", "lastHeartbeatTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        await cluster.client.patch(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [entry]}}, STRATEGIC_PATCH)

    async def ready(name: str) -> str:
        await beat("alive")
        node = await cluster.client.get(f"/api/v1/nodes/{name}")
        return str((condition(node, "Ready") or {})["status"])

    await make_deployment(cluster, "web", 2)

    async def lost() -> bool:
        pods = [pod for pod in await cluster.pods() if node_of(pod) == "silent"]
        return await ready("silent") == "Unknown" and not any(map(is_ready, pods))

    await until(lost)

    async def taints(number: int) -> bool:
        await beat("alive")
        found = (await cluster.client.get("/api/v1/nodes/silent"))["spec"].get("taints") or []
        return len(found) == number and all(taint["key"] == "node.kubernetes.io/unreachable" for taint in found)

    await until(lambda: taints(2))
    assert await ready("alive") == "True"
    (kept,) = await cluster.running()
    assert node_of(kept) == "alive"

    await beat("silent")

    async def recovered() -> bool:
        await beat("silent")
        return await ready("silent") == "True" and await taints(0)

    await until(recovered)


async def test_namespace_goes_after_its_contents(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    await cluster.client.create("/api/v1/namespaces", {"metadata": {"name": "doomed"}})
    body = workload("Deployment", "web", 2)
    body["metadata"]["namespace"] = "doomed"
    await cluster.client.create("/apis/apps/v1/namespaces/doomed/deployments", body)

    async def up() -> bool:
        return len((await cluster.client.list("/api/v1/namespaces/doomed/pods"))["items"]) == 2

    await until(up)
    await cluster.client.delete("/api/v1/namespaces/doomed")

    async def gone() -> bool:
        names = {item["metadata"]["name"] for item in (await cluster.client.list("/api/v1/namespaces"))["items"]}
        return "doomed" not in names

    await until(gone)
    assert not (await cluster.client.list("/api/v1/namespaces/doomed/pods"))["items"]


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "team", "operator": "Exists"}, True),
        ({"key": "team", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "team", "value": "blue"}, True),
        ({"key": "team", "operator": "Equal", "value": "blue", "effect": "NoSchedule"}, True),
        ({"key": "team", "value": "red"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_tolerations(toleration: Object, tolerated: bool) -> None:
    taint = {"key": "team", "value": "blue", "effect": "NoSchedule"}
    assert tolerates([toleration], taint) is tolerated
