# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and workloads that do not behave: what is kept, what is rolled back, and that later nodes stay untouched."""

from __future__ import annotations

import threading

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, wait_until
from ansible_collections.kubeops.aks_reboot.tests.integration.workloads import budget, deployment


def test_a_failing_node_in_the_middle(simulate: Simulate) -> None:
    cluster = simulate(nodes=4, required=3)
    _system, second, third, first = cluster.names
    cluster.fault("http-status", code=403, server="arm", method="POST", node=second)

    run = run_playbook(cluster)

    assert run.rc == 2
    assert run.report["outcome"] == "incomplete"
    assert run.outcomes == {first: "rebooted", second: "rolled_back", third: "not_started"}
    assert cluster.boots(first, second, third) == [1, 0, 0]
    assert "1 of 3 nodes rebooted" in run.errors[-1]
    assert second in run.errors[-1]
    assert "1 not started" in run.errors[-1]
    assert cluster.left_behind() == []


def test_a_failure_is_told_as_an_event_on_the_node(cluster: SimulatedCluster) -> None:
    _system, later, failing = cluster.names
    cluster.fault("http-status", code=403, server="arm", method="POST", node=failing)

    run = run_playbook(cluster)

    assert run.rc == 2
    failures = [event for event in cluster.get("events", "-n", "default")["items"] if event["type"] == "Warning"]
    told = [(event["involvedObject"]["name"], event["reason"]) for event in failures]
    assert told == [(failing, "RebootFailed")], f"and nothing of {later}"
    assert "status 403" in failures[0]["message"]
    assert "RebootFailed" in cluster.kubectl("describe", "node", failing)


def test_a_node_that_never_returns(cluster: SimulatedCluster) -> None:
    system, later, gone = cluster.names
    cluster.fault("node-never-returns", node=gone)

    run = run_playbook(cluster, kured_reboot_timeout=4)

    assert run.rc == 2
    assert run.outcomes == {gone: "kept", later: "not_started"}
    assert "new boot ID" in run.node(gone)["message"]
    assert cluster.cordoned() == [gone]
    assert cluster.journals()[gone]["phase"] == "rebooting"
    assert [len(cluster.restart_posts(name)) for name in (system, later, gone)] == [0, 0, 1]

    again = run_playbook(cluster, kured_reboot_timeout=4, kured_reboot_lock_timeout=1)

    assert again.rc == 2, "what the first run has left is not forgotten"
    assert [len(cluster.restart_posts(name)) for name in (system, later, gone)] == [0, 0, 1]
    assert gone in cluster.cordoned()


def test_a_node_that_answers_with_its_old_boot_id(cluster: SimulatedCluster) -> None:
    _system, later, same = cluster.names
    cluster.fault("same-boot-id", node=same)
    run = run_playbook(cluster, kured_reboot_timeout=4)
    assert run.rc == 2
    assert run.outcomes == {same: "kept", later: "not_started"}
    assert "new boot ID" in run.node(same)["message"]
    assert cluster.cordoned() == [same]
    assert len(cluster.restart_posts()) == 1


def test_a_sentinel_that_stays_is_marked_and_not_retried(cluster: SimulatedCluster) -> None:
    _system, other, stubborn = cluster.names
    cluster.fault("sentinel-stays", node=stubborn)

    run = run_playbook(cluster)

    assert run.rc == 2
    assert run.outcomes == {stubborn: "still_required", other: "rebooted"}
    assert cluster.left_behind() == []

    again = run_playbook(cluster)

    assert again.rc == 2
    assert again.left[stubborn] == "still_required_after_reboot"
    assert len(cluster.restart_posts()) == 2


def test_a_budget_that_frees_up_late(simulate: Simulate) -> None:
    cluster = simulate(nodes=3, scenario={"objects": [deployment("web", 4), budget("web", minAvailable=4)]})
    name = cluster.names[1]

    def free() -> None:
        wait_until(lambda: [r for r in cluster.requests(status=429) if r["path"].endswith("/eviction")], "a refusal")
        cluster.apply(budget("web", minAvailable=2))

    helper = threading.Thread(target=free)
    helper.start()
    run = run_playbook(cluster, "reboot_node", node=name, reason="test", kured_reboot_drain_timeout=30)
    helper.join()
    assert run.rc == 0
    assert run.outcomes == {name: "rebooted"}
    assert "held by PDB default/web" in run.stdout
    assert cluster.left_behind() == []
    assert cluster.get("deployment", "web")["status"]["readyReplicas"] == 4


def test_a_budget_that_never_frees_up(simulate: Simulate) -> None:
    objects = [deployment("web", 4), budget("web", minAvailable=4)]
    cluster = simulate(nodes=3, required=2, scenario={"objects": objects})
    _system, later, blocked = cluster.names
    pods = [
        f"default/{pod['metadata']['name']}"
        for pod in cluster.get("pods", "-n", "default", "--field-selector", f"spec.nodeName={blocked}")["items"]
    ]

    run = run_playbook(cluster, kured_reboot_drain_timeout=2)

    assert run.rc == 2
    assert run.outcomes == {blocked: "rolled_back", later: "not_started"}
    message = run.node(blocked)["message"]
    assert pods
    for text in (*pods, "PDB default/web", "4 healthy", "4 needed", "0 disruptions allowed"):
        assert text in message
    assert message in run.errors[-1]
    assert {entry["pod"] for entry in run.node(blocked)["blocked"]} == set(pods)
    assert cluster.restart_posts() == []
    assert cluster.left_behind() == []
    assert cluster.get("deployment", "web")["status"]["readyReplicas"] == 4
