# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_drain against kubectl drain: on identical clusters the same pods are evicted, and the same drains refused."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import Refused
from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.modules import drain, take
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, wait_until
from ansible_collections.kubeops.aks_reboot.tests.integration.workloads import (
    Object,
    budget,
    deployment,
    owned,
    pod,
    template,
)

EMPTY_DIR: Object = {"volumes": [{"name": "data", "emptyDir": {}}]}
CLAIM: Object = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
TOLERANT: Object = {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}
TWO_CONTAINERS: Object = {"containers": [{"name": name, "image": "i:1"} for name in ("a", "b")]}
SLOW = {"simulator.kubeops/stop-seconds": "4"}

Pair = tuple[SimulatedCluster, SimulatedCluster]


def phase(name: str) -> dict[str, Any]:
    return {"annotations": {"simulator.kubeops/phase": name}}


def shapes(node: str) -> list[Object]:
    """Objects whose pods are all on ``node``, the only one; each pod's label ``app`` names its shape."""
    controlled = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "leaving"}},
        deployment("deployment", 2),
        deployment("deployment-emptydir", 1, **EMPTY_DIR),
        deployment("budgeted", 3),
        budget("budgeted", maxUnavailable=3),
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "replicaset"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "replicaset"}},
                "template": template("replicaset"),
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "daemonset"},
            "spec": {"selector": {"matchLabels": {"app": "daemonset"}}, "template": template("daemonset")},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "daemonset-emptydir"},
            "spec": {
                "selector": {"matchLabels": {"app": "daemonset-emptydir"}},
                "template": template("daemonset-emptydir", **EMPTY_DIR),
            },
        },
    ]
    alone = [
        pod("bare", node),
        pod("bare-emptydir", node, spec=EMPTY_DIR),
        pod("bare-claim", node, spec=CLAIM),
        pod("bare-two-containers", node, spec=TWO_CONTAINERS),
        pod("bare-host-network", node, spec={"hostNetwork": True}),
        pod("bare-tolerant", node, spec=TOLERANT),
        pod("bare-at-once", node, spec={"terminationGracePeriodSeconds": 0}),
        pod("bare-slow", node, annotations=SLOW),
        pod("mirror", node, annotations={"kubernetes.io/config.mirror": "x"}),
        pod("mirror-emptydir", node, annotations={"kubernetes.io/config.mirror": "x"}, spec=EMPTY_DIR),
        pod("succeeded", node, **phase("Succeeded")),
        pod("failed", node, **phase("Failed")),
        pod("failed-emptydir", node, spec=EMPTY_DIR, **phase("Failed")),
        pod("pending", node, **phase("Pending")),
        pod("finalizer", node, finalizers=["example.org/held"]),
        pod("terminating", node, annotations=SLOW),
        pod("leaving", node, "leaving", annotations=SLOW),
    ]
    orphans = [
        pod("job", node, ownerReferences=owned("Job", "j", api="batch/v1")),
        pod("job-succeeded", node, ownerReferences=owned("Job", "j", api="batch/v1"), **phase("Succeeded")),
        pod("statefulset", node, ownerReferences=owned("StatefulSet", "s")),
        pod("statefulset-emptydir", node, ownerReferences=owned("StatefulSet", "s"), spec=EMPTY_DIR),
        pod("replication-controller", node, ownerReferences=owned("ReplicationController", "r", api="v1")),
        pod("custom-controller", node, ownerReferences=owned("Rollout", "r", api="argoproj.io/v1alpha1")),
        pod("owner-without-control", node, ownerReferences=owned("Thing", "t", controller=False)),
        pod("orphan-of-daemonset", node, ownerReferences=owned("DaemonSet", "gone")),
        pod("orphan-of-daemonset-emptydir", node, ownerReferences=owned("DaemonSet", "gone"), spec=EMPTY_DIR),
        pod("orphan-of-daemonset-failed", node, ownerReferences=owned("DaemonSet", "gone"), **phase("Failed")),
    ]
    return [*controlled, *alone, *orphans]


def apps(cluster: SimulatedCluster) -> dict[str, str]:
    """The shape of each pod on the node, by NAMESPACE/NAME; those of the system are called by their name."""
    node = cluster.names[0]
    items = cluster.get("pods", "-A", "--field-selector", f"spec.nodeName={node}")["items"]
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": item["metadata"]["labels"].get("app", "system")
        for item in items
    }


def evicted(cluster: SimulatedCluster, known: dict[str, str]) -> Counter[str]:
    """The shapes of the pods whose eviction was asked for; one that ends by itself may be gone when it is."""
    paths = {entry["path"] for entry in cluster.requests(server="api", method="POST")}
    matches = [re.fullmatch(r"/api/v1/namespaces/(.*)/pods/(.*)/eviction", path) for path in paths]
    return Counter(known[f"{found[1]}/{found[2]}"] for found in matches if found)


def fill(cluster: SimulatedCluster) -> SimulatedCluster:
    manifests = shapes(cluster.names[0])
    cluster.apply(*manifests)
    expected = {item["metadata"]["labels"]["app"] for item in manifests if item["kind"] == "Pod"}
    expected |= {item["metadata"]["name"] for item in manifests if item["kind"] in ("Deployment", "DaemonSet")}
    wait_until(lambda: expected <= set(apps(cluster).values()), "all pods are there")
    cluster.kubectl("wait", "--for=condition=Available", "deployment", "--all", "--timeout=20s")
    wait_until(lambda: cluster.get("pod", "failed-emptydir")["status"]["phase"] == "Failed", "finished pods")
    return cluster


@pytest.fixture(scope="module")
def refusing(simulate_shared: Simulate) -> Pair:
    """Two clusters with all shapes on which no drain gets as far as an eviction."""
    kubectl, ours = (fill(simulate_shared(nodes=1)) for _number in range(2))
    take(ours, ours.names[0])
    return kubectl, ours


@pytest.fixture
def pair(simulate: Simulate) -> Pair:
    """Two clusters with all shapes, in which some pods are on their way already."""
    clusters = [fill(simulate(nodes=1)) for _number in range(2)]
    take(clusters[1], clusters[1].names[0])
    return clusters[0], clusters[1]


def disturb(cluster: SimulatedCluster) -> None:
    """Begin to end the pods of which the drain finds that they are terminating."""
    cluster.kubectl("delete", "pod", "terminating", "--wait=false")
    cluster.kubectl("delete", "namespace", "leaving", "--wait=false")
    cluster.kubectl("patch", "pod", "finalizer", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


@pytest.mark.parametrize("off", ["force", "delete_emptydir_data", "ignore_daemonsets"])
def test_the_same_drains_are_refused(refusing: Pair, off: str) -> None:
    kubectl, ours = refusing
    flags = {
        "force": "--force",
        "delete_emptydir_data": "--delete-emptydir-data",
        "ignore_daemonsets": "--ignore-daemonsets",
    }
    given = [f"{flag}={'false' if name == off else 'true'}" for name, flag in flags.items()]
    said = kubectl.kubectl("drain", kubectl.names[0], *given, "--timeout=5s", ok=False)
    shape = apps(kubectl)
    # kubectl names the pods in the order of its reasons; pods that it only warns of come after "WARNING"
    refused = {
        shape[name] for name in re.findall(r"[\w-]+/[\w.-]+", said.partition("due to error")[2]) if name in shape
    }

    with pytest.raises(Refused) as caught:
        drain(ours, ours.names[0], **{off: False})

    assert caught.value.reason == "drain_refused"
    own_shape = apps(ours)
    assert {own_shape[item["pod"]] for item in caught.value.details["pods"]} == refused
    assert refused
    for cluster in refusing:
        assert evicted(cluster, apps(cluster)) == Counter()


def test_a_selector_then_everything(pair: Pair) -> None:
    kubectl, ours = pair
    flags = ["--force", "--delete-emptydir-data", "--ignore-daemonsets"]
    known = [apps(cluster) for cluster in pair]
    assert Counter(known[0].values()) == Counter(known[1].values())
    assert len(set(known[0].values())) > 30
    selector = "app in (deployment, bare, mirror, job, failed, daemonset)"

    kubectl.kubectl("drain", kubectl.names[0], *flags, f"--pod-selector={selector}", "--timeout=30s")
    result = drain(ours, ours.names[0], pod_selector=selector, timeout=30)

    some = evicted(kubectl, known[0])
    assert some == {"deployment": 2, "bare": 1, "job": 1, "failed": 1}
    assert evicted(ours, known[1]) == some
    assert len(result["evicted"]) == some.total()

    disturb(kubectl)
    kubectl.kubectl("drain", kubectl.names[0], *flags, "--timeout=30s")
    disturb(ours)
    drain(ours, ours.names[0], timeout=30)

    everything = evicted(kubectl, known[0])
    assert evicted(ours, known[1]) == everything
    stay = {"daemonset", "daemonset-emptydir", "mirror", "mirror-emptydir", "system"}
    assert set(known[0].values()) - set(everything) == stay
    assert [set(apps(cluster).values()) for cluster in pair] == [stay, stay]


def test_a_pod_that_terminates_for_too_long_is_not_waited_for(simulate: Simulate) -> None:
    kubectl, ours = (with_stuck_pod(simulate(nodes=1)) for _number in range(2))
    known = [apps(cluster) for cluster in (kubectl, ours)]
    flags = ["--force", "--ignore-daemonsets", "--skip-wait-for-delete-timeout=1", "--timeout=20s"]
    kubectl.kubectl("drain", kubectl.names[0], *flags)
    take(ours, ours.names[0])
    drain(ours, ours.names[0], skip_wait_for_delete_timeout=1, timeout=20)
    assert evicted(kubectl, known[0]) == evicted(ours, known[1]) == {"bare": 1}


def with_stuck_pod(cluster: SimulatedCluster) -> SimulatedCluster:
    """Add a pod that has been terminating for a while, and one that runs."""
    node = cluster.names[0]
    cluster.apply(pod("stuck", node, finalizers=["example.org/held"]), pod("bare", node))
    cluster.kubectl("delete", "pod", "stuck", "--grace-period=0", "--force", "--wait=false")
    wait_until(lambda: "deletionTimestamp" in cluster.get("pod", "stuck")["metadata"], "it terminates")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/bare", "--timeout=20s")
    wait_until(lambda: _age(cluster) > 2, "it has terminated for a while")
    return cluster


def _age(cluster: SimulatedCluster) -> float:
    """Seconds by which the pod ``stuck`` has outlived its deletion."""
    moment = cluster.get("pod", "stuck")["metadata"]["deletionTimestamp"]
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
