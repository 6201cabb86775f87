# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real kubectl against the simulated Kubernetes API server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.discovery import VERSION
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.resources import PODS
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube_client import KubeClient
from ansible_collections.kubeops.aks_reboot.tests.simulator.tls import write_authority

TOKEN = "a-token"
POD_PATH = "/api/v1/namespaces/default/pods"


class Cluster:
    """An API server over TLS in a thread of its own, and kubectl pointed at it.

    In place of kubelets it removes pods as soon as they terminate.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.api = KubeApi({TOKEN: "tester"})
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._address = ""
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "sim",
                    "cluster": {"server": self._address, "certificate-authority": str(self.directory / "ca.crt")},
                }
            ],
            "users": [{"name": "sim", "user": {"token": TOKEN}}],
            "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": "sim"}}],
            "current-context": "sim",
        }
        self.kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    async def _run(self) -> None:
        context = write_authority(self.directory)
        runner = web.AppRunner(self.api.application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self._address = f"https://127.0.0.1:{runner.addresses[0][1]}"
        trust = ssl.create_default_context(cafile=str(self.directory / "ca.crt"))
        client = KubeClient(self._address, trust, TOKEN, "kubelet")
        kubelet = asyncio.create_task(self._end_pods(client))
        self._ready.set()
        await self._stop.wait()
        kubelet.cancel()
        await asyncio.gather(kubelet, return_exceptions=True)
        await client.close()
        await runner.cleanup()

    async def _end_pods(self, client: KubeClient) -> None:
        while True:
            for stored in list(self.api.store.collection(PODS).objects.values()):
                metadata = stored.parse()["metadata"]
                if metadata.get("deletionGracePeriodSeconds") and not metadata.get("finalizers"):
                    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
                    await client.delete(path, {"gracePeriodSeconds": 0})
            await asyncio.sleep(0.05)

    def command(self, *arguments: str) -> list[str]:
        program = shutil.which("kubectl") or str(Path(sys.executable).with_name("kubectl"))
        return [program, "--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.directory / "cache"), *arguments]

    def run(self, *arguments: str, stdin: str = "", ok: bool = True) -> str:
        """What kubectl prints; it must succeed, or fail if not ``ok``."""
        environment = {**os.environ, "HOME": str(self.directory)}
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def get(self, *arguments: str) -> Any:
        return json.loads(self.run("get", "-o", "json", *arguments))

    def create(self, *manifests: dict[str, Any]) -> None:
        """Creates objects, then sets the status that their manifests carry."""
        self.run("create", "-f", "-", stdin=yaml.safe_dump_all(manifests))
        for manifest in manifests:
            if "status" in manifest and manifest["kind"] != "Node":
                patch = json.dumps({"status": manifest["status"]})
                target = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
                self.run("patch", target, "--subresource=status", "--type=merge", "-p", patch)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.start()
    yield made
    made.stop()


def node(name: str = "n1", **labels: str) -> dict[str, Any]:
    status = {
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "posting ready status"}
        ],
        "addresses": [{"type": "InternalIP", "address": "127.10.0.1"}],
        "nodeInfo": {"bootID": "b-1", "kubeletVersion": "v1.36.0", "osImage": "Ubuntu 24.04 LTS"},
        "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
        "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}, **metadata},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "app:1"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {
                    "name": "c",
                    "image": "app:1",
                    "imageID": "app",
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                }
            ],
        },
    }


def owner(kind: str, name: str, uid: str = "u-1") -> list[dict[str, Any]]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}]


def workload(kind: str, name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }


def budget(allowed: int) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {
            "observedGeneration": 1,
            "disruptionsAllowed": allowed,
            "currentHealthy": 1 + allowed,
            "desiredHealthy": 1,
            "expectedPods": 1 + allowed,
        },
    }


def test_get_and_describe(cluster: Cluster) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lock"},
        "spec": {"holderIdentity": "someone", "leaseDurationSeconds": 30},
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "n1.1"},
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "n1"},
        "reason": "Rebooted",
        "message": "Node n1 has been rebooted",
        "type": "Warning",
        "count": 1,
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "source": {"component": "kubelet", "host": "n1"},
    }
    cluster.create(node(agentpool="user"), node("n2"), pod("p"), lease, event, budget(1), workload("Deployment", "web"))
    lines = cluster.run("get", "nodes", "-o", "wide").splitlines()
    assert lines[0].split()[:6] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION", "INTERNAL-IP"]
    assert lines[1].split()[:3] == ["n1", "Ready", "<none>"]
    assert "127.10.0.1" in lines[1]
    assert cluster.run("get", "nodes", "-l", "agentpool in (user)", "-o", "name").split() == ["node/n1"]
    assert cluster.run("get", "no", "--chunk-size=1", "-o", "name").split() == ["node/n1", "node/n2"]
    assert "1/1" in cluster.run("get", "pods", "-A", "--field-selector", "spec.nodeName=n1")
    assert "someone" in cluster.run("get", "leases")
    assert "Node n1 has been rebooted" in cluster.run("get", "events")
    assert "Node n1 has been rebooted" in cluster.run("events", "--for", "node/n1")
    assert cluster.run("get", "pdb").splitlines()[1].split()[:4] == ["web", "1", "N/A", "1"]
    assert "0/1" in cluster.run("get", "deploy,rs,ds,ns")
    assert 'nodes "none" not found' in cluster.run("get", "node", "none", ok=False)
    described = cluster.run("describe", "node", "n1")
    for text in ("agentpool=user", "KubeletReady", "b-1", "Non-terminated Pods:          (1 in total)", "Rebooted"):
        assert text in described
    assert "QoS Class:" in cluster.run("describe", "pod", "p")
    assert "Holder Identity" in cluster.run("describe", "lease", "lock")
    assert "Allowed disruptions:" in cluster.run("describe", "pdb", "web")
    assert "Rebooted" in cluster.run("describe", "events")


def test_nodes_are_changed(cluster: Cluster) -> None:
    cluster.create(node())
    assert "n1 cordoned" in cluster.run("cordon", "n1")
    assert "already cordoned" in cluster.run("cordon", "n1")
    assert "SchedulingDisabled" in cluster.run("get", "node", "n1")
    assert "n1 uncordoned" in cluster.run("uncordon", "n1")
    cluster.run("taint", "node", "n1", "a=b:NoSchedule", "c:NoExecute")
    cluster.run("taint", "node", "n1", "a-")
    cluster.run("label", "node", "n1", "x=y", "z=1")
    cluster.run("label", "node", "n1", "x-", "z=2", "--overwrite")
    cluster.run("annotate", "node", "n1", "note=some words")
    found = cluster.get("node", "n1")
    assert [(taint["key"], taint["effect"]) for taint in found["spec"]["taints"]] == [("c", "NoExecute")]
    assert found["metadata"]["labels"] == {"z": "2"}
    assert found["metadata"]["annotations"] == {"note": "some words"}
    assert "unschedulable" not in found["spec"]


def test_patches(cluster: Cluster) -> None:
    cluster.create(node())
    cluster.run("patch", "node", "n1", "-p", '{"spec":{"unschedulable":true}}')
    cluster.run("patch", "node", "n1", "--type=merge", "-p", '{"metadata":{"labels":{"a":"b"}}}')
    cluster.run("patch", "node", "n1", "--type=json", "-p", '[{"op":"add","path":"/metadata/labels/c","value":"d"}]')
    assert "no change" in cluster.run("patch", "node", "n1", "-p", '{"spec":{"unschedulable":true}}')
    found = cluster.get("node", "n1")
    assert found["spec"]["unschedulable"] is True
    assert found["metadata"]["labels"] == {"a": "b", "c": "d"}
    refused = cluster.run("patch", "node", "n1", "--type=json", "-p", '[{"op":"remove","path":"/x"}]', ok=False)
    assert "rejected our request" in refused
    stale = '{"metadata":{"resourceVersion":"1","labels":{"a":"z"}}}'
    assert "the object has been modified" in cluster.run("patch", "node", "n1", "-p", stale, ok=False)


def test_apply_and_delete(cluster: Cluster) -> None:
    manifests = (workload("Deployment", "web"), {k: v for k, v in budget(0).items() if k != "status"})
    text = yaml.safe_dump_all(manifests)
    assert "deployment.apps/web created" in cluster.run("apply", "-f", "-", stdin=text)
    assert "deployment.apps/web unchanged" in cluster.run("apply", "-f", "-", stdin=text)
    changed = text.replace("i:1", "i:2")
    assert "deployment.apps/web configured" in cluster.run("apply", "-f", "-", stdin=changed)
    assert cluster.get("deploy", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "i:2"
    assert cluster.get("deploy", "web")["metadata"]["generation"] == 2
    assert "scaled" in cluster.run("scale", "deploy", "web", "--replicas=3")
    misspelt = text.replace("selector:", "selektor:", 1)
    assert 'unknown field "spec.selektor"' in cluster.run("apply", "-f", "-", stdin=misspelt, ok=False)
    assert "deleted" in cluster.run("delete", "-f", "-", stdin=text)
    assert "not found" in cluster.run("delete", "deploy", "web", ok=False)


def test_pods_are_deleted_and_waited_for(cluster: Cluster) -> None:
    cluster.create(node(), pod("p"), pod("q"), pod("r"))
    cluster.run("wait", "--for=condition=Ready", "node/n1", "pod/p", "--timeout=10s")
    cluster.run("wait", "--for=jsonpath={.status.phase}=Running", "pod/p", "--timeout=10s")
    assert "timed out" in cluster.run("wait", "--for=condition=Gone", "pod/p", "--timeout=1s", ok=False)
    cluster.run("delete", "pod", "p")
    cluster.run("delete", "pod", "q", "--wait=false")
    cluster.run("wait", "--for=delete", "pod/q", "--timeout=10s")
    cluster.run("delete", "pod", "r", "--grace-period=0", "--force")
    assert cluster.get("pods")["items"] == []


def test_drain_evicts_what_it_should(cluster: Cluster) -> None:
    cluster.create(node(), workload("DaemonSet", "agent"), workload("ReplicaSet", "web"))
    agent, replicas = (cluster.get(kind, name)["metadata"]["uid"] for kind, name in (("ds", "agent"), ("rs", "web")))
    cluster.create(
        pod("managed", ownerReferences=owner("ReplicaSet", "web", replicas)),
        pod("daemon", ownerReferences=owner("DaemonSet", "agent", agent)),
        pod("mirror", annotations={"kubernetes.io/config.mirror": "x"}),
        pod("alone"),
    )
    refused = cluster.run("drain", "n1", ok=False)
    assert "cannot delete DaemonSet-managed Pods" in refused
    assert "declare no controller" in refused
    tried = cluster.run("drain", "n1", "--ignore-daemonsets", "--force", "--dry-run=server")
    assert "node/n1 drained (server dry run)" in tried
    assert len(cluster.get("pods")["items"]) == 4
    assert "node/n1 drained" in cluster.run("drain", "n1", "--ignore-daemonsets", "--force", "--timeout=30s")
    assert [item["metadata"]["name"] for item in cluster.get("pods")["items"]] == ["daemon", "mirror"]
    assert cluster.get("node", "n1")["spec"]["unschedulable"] is True


def test_drain_obeys_budgets(cluster: Cluster) -> None:
    cluster.create(node(), pod("a"), budget(0))
    refused = cluster.run("drain", "n1", "--force", "--timeout=1s", ok=False)
    assert "Cannot evict pod as it would violate the pod's disruption budget" in refused
    cluster.run(
        "patch", "pdb", "web", "--subresource=status", "--type=merge", "-p", '{"status":{"disruptionsAllowed":1}}'
    )
    assert "node/n1 drained" in cluster.run("drain", "n1", "--force", "--timeout=30s")
    status = cluster.get("pdb", "web")["status"]
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["a"]


def test_auth(cluster: Cluster) -> None:
    assert "tester" in cluster.run("auth", "whoami")
    assert cluster.run("auth", "can-i", "create", "pods/eviction", "-n", "kube-system").strip() == "yes"
    text = cluster.kubeconfig.read_text(encoding="utf-8")
    cluster.kubeconfig.write_text(text.replace(TOKEN, "wrong"), encoding="utf-8")
    assert "You must be logged in to the server" in cluster.run("get", "nodes", ok=False)


def test_get_watches(cluster: Cluster) -> None:
    cluster.create(node())
    command = cluster.command("get", "nodes", "-w", "--no-headers", "--request-timeout=30s")
    environment = {**os.environ, "HOME": str(cluster.directory)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        cluster.run("cordon", "n1")
        second = watching.stdout.readline()
        watching.terminate()
    assert first.split()[1] == "Ready"
    assert second.split()[1] == "Ready,SchedulingDisabled"


def test_discovery(cluster: Cluster) -> None:
    names = cluster.run("api-resources", "-o", "name").split()
    assert {"nodes", "pods", "leases.coordination.k8s.io", "poddisruptionbudgets.policy"} <= set(names)
    assert "policy/v1" in cluster.run("api-versions").split()
    assert f"Server Version: {VERSION['gitVersion']}" in cluster.run("version")
    assert cluster.run("get", "--raw", "/readyz") == "ok"
