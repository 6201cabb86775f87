# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_drain when the API server, budgets or owners are in the way, and what a drain costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import RebootError
from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.modules import drain, own_requests, take
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, wait_until
from ansible_collections.kubeops.aks_reboot.tests.integration.workloads import Object, budget, deployment, pod

NEW_REQUESTS = 20
"""What a drain may cost beside two requests for each pod."""

EVICTIONS = {"server": "api", "method": "POST", "path": "/eviction"}
WATCHES = {"server": "api", "path": "watch=true"}
LISTS = {"server": "api", "method": "GET", "path": "/pods"}


def on_node(cluster: SimulatedCluster, node: str) -> set[str]:
    """The pods on ``node`` that are not the system's."""
    items = cluster.get("pods", "-n", "default", "--field-selector", f"spec.nodeName={node}")["items"]
    return {item["metadata"]["name"] for item in items}


def loaded(simulate: Simulate, replicas: int = 6, *objects: Object, nodes: int = 2) -> tuple[SimulatedCluster, str]:
    """A cluster with pods on each node, and the node that is drained, taken."""
    cluster = simulate(nodes=nodes, scenario={"objects": [deployment("web", replicas), *objects]})
    node = cluster.names[-1]
    wait_until(lambda: cluster.get("deployment", "web")["status"].get("readyReplicas") == replicas, "all are Ready")
    take(cluster, node)
    return cluster, node


def names_of(result: dict[str, list[dict[str, str]]]) -> set[str]:
    return {item["name"] for item in result["evicted"]}


@contextmanager
def meanwhile(cluster: SimulatedCluster, *, seconds: float = 0.0, **fault: object) -> Iterator[None]:
    """Switch a fault on ``seconds`` after the work in the ``with`` block has begun."""
    timer = threading.Timer(seconds, lambda: cluster.fault(str(fault.pop("kind")), **fault))
    timer.start()
    yield
    timer.join()


def test_two_requests_per_pod(simulate: Simulate) -> None:
    cluster, node = loaded(simulate, 60)
    there = on_node(cluster, node)
    before = len(own_requests(cluster))
    result = drain(cluster, node, timeout=60)
    assert names_of(result) == there
    assert len(there) > 20
    spent = own_requests(cluster)[before:]
    assert len(spent) <= 2 * len(there) + NEW_REQUESTS
    assert [entry["status"] for entry in spent if entry["path"].endswith("/eviction")] == [201] * len(there)


def test_check_mode_tells_and_does_nothing(simulate: Simulate) -> None:
    cluster, node = loaded(simulate)
    before = on_node(cluster, node)
    result = drain(cluster, node, check_mode=True)
    assert result["changed"]
    assert names_of(result) == before
    assert on_node(cluster, node) == before
    assert not [entry for entry in own_requests(cluster) if entry["path"].endswith("/eviction")]


def test_two_budgets_on_a_pod_end_the_drain_at_once(simulate: Simulate) -> None:
    budgets = [budget("web", name, maxUnavailable=1) for name in ("one", "two")]
    cluster, node = loaded(simulate, 4, *budgets)
    started = time.monotonic()
    with pytest.raises(RebootError) as caught:
        drain(cluster, node, timeout=60)
    assert time.monotonic() - started < 20
    assert caught.value.reason == "eviction_failed"
    assert "default/one" in caught.value.message
    assert "default/two" in caught.value.message


def test_a_pod_that_its_owner_puts_back_is_not_evicted_in_a_loop(simulate: Simulate) -> None:
    tolerant: Object = {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]}
    cluster = simulate(nodes=1, scenario={"objects": [deployment("web", 2, **tolerant)]})
    node = cluster.names[0]
    wait_until(lambda: cluster.get("deployment", "web")["status"].get("readyReplicas") == 2, "both are Ready")
    take(cluster, node)
    result = drain(cluster, node, timeout=30)
    evictions = [entry for entry in own_requests(cluster) if entry["path"].endswith("/eviction")]
    assert 3 <= len(evictions) <= 4, "each once, and whatever came back at once more"
    assert result["returned"]
    assert all(name.startswith("default/web-") for name in result["returned"])


def test_a_pod_that_slips_in_is_evicted_too(simulate: Simulate) -> None:
    cluster, node = loaded(simulate)
    cluster.apply(pod("slow", node, annotations={"simulator.kubeops/stop-seconds": "3"}))
    wait_until(lambda: cluster.get("pod", "slow")["status"].get("phase") == "Running", "the slow pod runs")
    timer = threading.Timer(1.0, lambda: cluster.apply(pod("late", node)))
    timer.start()
    result = drain(cluster, node, timeout=30)
    timer.join()
    assert {"slow", "late"} <= names_of(result)
    assert on_node(cluster, node) == set()


def test_a_pod_held_by_a_finalizer_is_named_at_the_deadline(simulate: Simulate) -> None:
    cluster, node = loaded(simulate)
    cluster.apply(pod("held", node, finalizers=["example.org/backup"]))
    wait_until(lambda: "held" in on_node(cluster, node), "the pod is there")
    with pytest.raises(RebootError) as caught:
        drain(cluster, node, timeout=3)
    assert caught.value.reason == "drain_timeout"
    assert "default/held terminating, held by finalizers example.org/backup" in caught.value.message
    assert caught.value.message.count("default/") == 1, "only what is left is named"


FAULTS = {
    "watch dropped": {"kind": "drop", **WATCHES, "seconds": 0.5, "count": 3},
    "watch refused": {"kind": "http-status", **WATCHES, "code": 500, "count": 2},
    "lists fail": {"kind": "http-status", **LISTS, "code": 503, "count": 2},
    "evictions throttled": {"kind": "http-status", **EVICTIONS, "code": 429, "retry_after": 1, "count": 3},
    "evictions fail": {"kind": "http-status", **EVICTIONS, "code": 500, "count": 3},
    "evictions dropped before": {"kind": "drop", **EVICTIONS, "when": "before", "count": 3},
    "evictions dropped after": {"kind": "drop", **EVICTIONS, "when": "after", "count": 3},
    "evictions refused by a budget for a while": {"kind": "eviction-refused", "count": 3},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_faults_of_the_api_server(simulate: Simulate, fault: dict[str, object]) -> None:
    cluster, node = loaded(simulate, 8)
    there = on_node(cluster, node)
    options = dict(fault)
    number = cluster.fault(str(options.pop("kind")), **options)
    result = drain(cluster, node, timeout=60)
    assert cluster.fault_hits(number) > 0
    assert names_of(result) == there
    assert on_node(cluster, node) == set()
    assert result["returned"] == []
    answered = [entry for entry in own_requests(cluster) if entry["path"].endswith("/eviction")]
    assert sum(entry["status"] == 201 for entry in answered) <= len(there)


def test_versions_that_expire_meanwhile(simulate: Simulate) -> None:
    cluster, node = loaded(simulate)
    cluster.apply(pod("slow", node, annotations={"simulator.kubeops/stop-seconds": "3"}))
    wait_until(lambda: cluster.get("pod", "slow")["status"].get("phase") == "Running", "the slow pod runs")
    there = on_node(cluster, node)
    with meanwhile(cluster, seconds=1.0, kind="watch-expired"):
        result = drain(cluster, node, timeout=30)
    assert names_of(result) == there


def test_an_api_server_that_throttles_for_ever_is_no_budget(simulate: Simulate) -> None:
    cluster, node = loaded(simulate, 2)
    cluster.fault("http-status", **EVICTIONS, code=429)
    with pytest.raises(RebootError) as caught:
        drain(cluster, node, timeout=3)
    assert caught.value.reason == "drain_timeout"
    assert "held by PDB" not in caught.value.message
    assert len(on_node(cluster, node)) == 1
