# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole simulated cluster in this process: kubelets, faults on the Kubernetes API, and what `up` prepares."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from ansible_collections.kubeops.aks_reboot.tests.simulator import layout
from ansible_collections.kubeops.aks_reboot.tests.simulator.cluster import Plan, Simulator
from ansible_collections.kubeops.aks_reboot.tests.simulator.entra import AKS_SERVER_APP
from ansible_collections.kubeops.aks_reboot.tests.simulator.faults import FaultError
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube_client import ApiError, Informer, KubeClient
from ansible_collections.kubeops.aks_reboot.tests.simulator.scenario import parse
from ansible_collections.kubeops.aks_reboot.tests.simulator.settings import Settings

Object = dict[str, Any]

SCENARIO = """
mirror_pods: true
nodes:
  0: {cordoned: true, labels: {pool: first}, taints: [{key: t, effect: NoSchedule}], files: {/etc/marker: here}}
  1: {required: true, since: 7200, packages: [libc6]}
objects:
- apiVersion: v1
  kind: Pod
  metadata: {name: web, annotations: {simulator.kubeops/stop-seconds: "0.6"}}
  spec: {terminationGracePeriodSeconds: 30, containers: [{name: web, image: web}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: done, annotations: {simulator.kubeops/phase: Succeeded}}
  spec: {containers: [{name: done, image: done}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: unready, annotations: {simulator.kubeops/ready: "false"}}
  spec: {containers: [{name: unready, image: unready}]}
"""


class Rig:
    """Two nodes, a client that the simulator takes for one of its own, and one that it does not."""

    def __init__(self, directory: Path) -> None:
        settings = Settings(
            boot_seconds=0.4, heartbeat_seconds=0.2, node_monitor_grace_seconds=1, pod_start_seconds=0.1
        )
        pools = [layout.Pool("user", 2)]
        self.simulator = Simulator(Plan(directory, pools, 0, settings, parse(yaml.safe_load(SCENARIO)), None))
        self.directory = directory
        self.names = [identity.name for identity in self.simulator.identities]

    async def start(self) -> None:
        await self.simulator.start()
        self.client = KubeClient.from_kubeconfig(self.directory / "kubeconfig", "test")
        config = yaml.safe_load((self.directory / "kubeconfig").read_text(encoding="utf-8"))
        self.server = config["clusters"][0]["cluster"]["server"]
        self.context = ssl.create_default_context(cafile=str(self.directory / "ca.crt"))
        self.user = aiohttp.ClientSession(headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"})

    async def close(self) -> None:
        await self.user.close()
        await self.client.close()
        await self.simulator.close()

    async def get(self, path: str) -> tuple[int, Object, Any]:
        """Status, body and headers of a request of somebody else than the simulator."""
        async with self.user.get(self.server + path, ssl=self.context) as response:
            return response.status, await response.json(), response.headers

    async def pod(self, name: str) -> Object:
        return await self.client.get(f"/api/v1/namespaces/default/pods/{name}")

    async def node(self, name: str) -> Object:
        return await self.client.get(f"/api/v1/nodes/{name}")

    async def follow(self, path: str, name: str, holds: Callable[[Object], bool]) -> Object:
        """The first version of an object for which something holds."""
        found: asyncio.Future[Object] = asyncio.get_running_loop().create_future()

        def look(_kind: str, item: Object) -> None:
            if item["metadata"]["name"] == name and holds(item) and not found.done():
                found.set_result(item)

        informer = Informer(self.client, path)
        informer.subscribe(look)
        task = asyncio.create_task(informer.run())
        try:
            return await asyncio.wait_for(found, 5)
        finally:
            task.cancel()


def ready(item: Object) -> str:
    for condition in item.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            return str(condition["status"])
    return "none"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    try:
        await rig.start()
        yield rig
    finally:
        await rig.close()


async def test_nodes_as_the_scenario_wants_them(rig: Rig) -> None:
    first = await rig.node(rig.names[0])
    assert first["spec"]["unschedulable"] is True
    assert first["metadata"]["labels"]["pool"] == "first"
    assert {"key": "t", "effect": "NoSchedule"} in first["spec"]["taints"]
    assert first["spec"]["providerID"].endswith("-vmss/virtualMachines/0")
    assert first["status"]["nodeInfo"]["bootID"] == rig.simulator.machines[0].boot_id
    assert rig.simulator.machines[0].files.read("/etc/marker") == b"here"
    sentinel = rig.simulator.machines[1].files.stat("/var/run/reboot-required")
    assert time.time() - sentinel.modified == pytest.approx(7200, abs=10)


async def test_pods_start_as_their_annotations_say(rig: Rig) -> None:
    pods = "/api/v1/namespaces/default/pods"
    web = await rig.follow(pods, "web", lambda pod: ready(pod) == "True")
    assert web["spec"]["nodeName"] == rig.names[1]
    assert web["status"]["containerStatuses"][0]["restartCount"] == 0
    await rig.follow(pods, "done", lambda pod: pod["status"]["phase"] == "Succeeded")
    unready = await rig.follow(pods, "unready", lambda pod: pod["status"]["phase"] == "Running")
    assert ready(unready) == "False"


async def test_pods_end_after_their_time(rig: Rig) -> None:
    await rig.follow("/api/v1/namespaces/default/pods", "web", lambda pod: ready(pod) == "True")
    await rig.client.delete("/api/v1/namespaces/default/pods/web")
    assert "deletionTimestamp" in (await rig.pod("web"))["metadata"]
    await asyncio.sleep(0.4)
    await rig.pod("web")
    await asyncio.sleep(0.5)
    with pytest.raises(ApiError, match="404"):
        await rig.pod("web")


async def test_mirror_pods_come_back(rig: Rig) -> None:
    name = f"kube-static-{rig.names[0]}"
    path = f"/api/v1/namespaces/kube-system/pods/{name}"
    before = await rig.follow("/api/v1/pods", name, lambda pod: ready(pod) == "True")
    await rig.client.delete(path, {"gracePeriodSeconds": 0})
    await rig.follow("/api/v1/pods", name, lambda pod: bool(pod["metadata"]["uid"] != before["metadata"]["uid"]))


async def test_reboot_as_the_cluster_sees_it(rig: Rig) -> None:
    machine, name = rig.simulator.machines[1], rig.names[1]
    web = await rig.follow("/api/v1/pods", "web", lambda pod: ready(pod) == "True")
    seen: list[tuple[str, bool]] = []
    nodes = Informer(rig.client, "/api/v1/nodes")
    old = machine.boot_id

    def look(_kind: str, node: Object) -> None:
        if node["metadata"]["name"] == name:
            state = (ready(node), node["status"]["nodeInfo"]["bootID"] != old)
            if state not in seen[-1:]:
                seen.append(state)

    nodes.subscribe(look)
    task = asyncio.create_task(nodes.run())
    await nodes.synced.wait()
    machine.restart()
    after = await rig.follow(
        "/api/v1/pods",
        "web",
        lambda pod: ready(pod) == "True" and pod["status"]["containerStatuses"][0]["restartCount"] == 1,
    )
    task.cancel()
    assert seen == [("True", False), ("False", True), ("True", True)]
    assert after["metadata"]["uid"] == web["metadata"]["uid"]
    statuses = [pod["status"]["containerStatuses"][0] for pod in (web, after)]
    assert statuses[0]["containerID"] != statuses[1]["containerID"]
    assert not machine.sentinel


async def test_deleted_node_registers_again_with_its_next_boot(rig: Rig) -> None:
    before = await rig.node(rig.names[0])
    await rig.client.delete(f"/api/v1/nodes/{rig.names[0]}")
    rig.simulator.machines[0].restart()
    after = await rig.follow("/api/v1/nodes", rig.names[0], lambda node: ready(node) == "True")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["metadata"]["labels"]["pool"] == "first"
    assert "unschedulable" not in after["spec"]


async def test_node_that_never_returns_becomes_unknown(rig: Rig) -> None:
    rig.simulator.faults.on("node-never-returns", node=rig.names[1])
    rig.simulator.machines[1].restart()
    await rig.follow("/api/v1/nodes", rig.names[1], lambda node: ready(node) == "Unknown")


async def test_http_faults_strike_others_only(rig: Rig) -> None:
    fault = rig.simulator.faults.on("http-status", server="api", path="/nodes", code=503, retry_after=7, count=1)
    await rig.node(rig.names[0])
    status, body, headers = await rig.get("/api/v1/nodes")
    assert (status, body["kind"], body["reason"], headers["Retry-After"]) == (503, "Status", "ServiceUnavailable", "7")
    assert (await rig.get("/api/v1/nodes"))[0] == 200
    assert fault.hits == 1


async def test_dropped_and_hanging_requests(rig: Rig) -> None:
    rig.simulator.faults.on("drop", node=rig.names[0])
    assert (await rig.get(f"/api/v1/nodes/{rig.names[1]}"))[0] == 200
    with pytest.raises(aiohttp.ClientError):
        await rig.get(f"/api/v1/nodes/{rig.names[0]}")
    hang = rig.simulator.faults.on("hang", server="api")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rig.get("/api/v1/nodes"), 0.3)
    rig.simulator.faults.off(hang.id)
    rig.simulator.faults.on("hang", server="api", seconds=0.2, count=1)
    assert (await rig.get("/api/v1/nodes"))[0] == 200


async def test_refused_evictions(rig: Rig) -> None:
    rig.simulator.faults.on("eviction-refused", pod="default/web")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}}
    path = "/api/v1/namespaces/default/pods/web/eviction"
    async with rig.user.post(rig.server + path, json=eviction, ssl=rig.context) as response:
        body = await response.json()
    assert response.status == 429
    assert body["details"]["causes"][0]["reason"] == "DisruptionBudget"
    rig.simulator.faults.off_all()
    async with rig.user.post(rig.server + path, json=eviction, ssl=rig.context) as response:
        assert response.status == 201


async def test_expired_watches(rig: Rig) -> None:
    version = (await rig.client.list("/api/v1/nodes"))["metadata"]["resourceVersion"]
    await rig.client.patch(f"/api/v1/nodes/{rig.names[0]}", {"metadata": {"labels": {"a": "b"}}})
    rig.simulator.switch_on({"kind": "watch-expired"})
    with pytest.raises(ApiError, match="410 Expired"):
        await anext(aiter(rig.client.watch("/api/v1/nodes", version)))


async def test_kubelets_go_on_after_their_watch_expired(rig: Rig) -> None:
    await rig.follow("/api/v1/namespaces/default/pods", "web", lambda pod: ready(pod) == "True")
    rig.simulator.switch_on({"kind": "watch-expired"})
    containers = {"containers": [{"name": "late", "image": "late"}]}
    late = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late"}, "spec": containers}
    await rig.client.create("/api/v1/namespaces/default/pods", late)
    await rig.follow("/api/v1/namespaces/default/pods", "late", lambda pod: ready(pod) == "True")


async def test_informer_tells_what_it_missed(rig: Rig) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    for name in ("kept", "changed", "removed"):
        await rig.client.create(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    informer = Informer(rig.client, path)
    told: list[tuple[str, str]] = []
    first = asyncio.create_task(informer.run())
    await informer.synced.wait()
    first.cancel()
    informer.subscribe(lambda kind, item: told.append((kind, item["metadata"]["name"])))
    told.clear()
    await rig.client.patch(f"{path}/changed", {"data": {"a": "b"}})
    await rig.client.delete(f"{path}/removed")
    await rig.client.create(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "added"}})
    informer.synced.clear()
    second = asyncio.create_task(informer.run())
    await informer.synced.wait()
    second.cancel()
    assert sorted(told) == [("ADDED", "added"), ("DELETED", "removed"), ("MODIFIED", "changed")]
    assert sorted(name for _namespace, name in informer.objects) == ["added", "changed", "kept"]


async def test_record_of_requests(rig: Rig) -> None:
    await rig.get("/api/v1/nodes?limit=1")
    await rig.get("/api/v1/nodes/nope")
    state = rig.simulator.state(requests=True)
    assert state["requests"] == {"api": 2, "arm": 0, "entra": 0}
    assert [(entry["path"], entry["query"], entry["status"]) for entry in state["request_log"]] == [
        ("/api/v1/nodes", "limit=1", 200),
        ("/api/v1/nodes/nope", "", 404),
    ]


async def test_entra_token_opens_the_kubernetes_api(rig: Rig) -> None:
    environment = rig.simulator.environment()
    form = {
        "grant_type": "client_credentials",
        "client_id": environment["AZURE_CLIENT_ID"],
        "client_secret": environment["AZURE_CLIENT_SECRET"],
        "scope": f"{AKS_SERVER_APP}/.default",
    }
    url = f"{environment['AZURE_AUTHORITY_HOST']}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    async with rig.user.post(url, data=form, ssl=rig.context) as response:
        token = (await response.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with rig.user.get(f"{rig.server}/api/v1/nodes", headers=headers, ssl=rig.context) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        ("nonsense", {}, "fault 'nonsense' is none of http-status, "),
        ("http-status", {"node": "nope"}, "--node 'nope' is no node of this cluster"),
        ("ssh-refused", {"code": 3}, "--code means nothing here; usable: --node"),
        ("drop", {"path": "("}, r"--path '\(' is no regular expression"),
        ("hold", {"pod": "web"}, "--pod 'web' must be NAMESPACE/NAME"),
    ],
)
async def test_bad_faults(rig: Rig, kind: str, options: Object, complaint: str) -> None:
    with pytest.raises(FaultError, match=complaint):
        rig.simulator.switch_on({"kind": kind, **options})
