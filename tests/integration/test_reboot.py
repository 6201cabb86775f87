# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reboot playbook when all goes well."""

from __future__ import annotations

import re

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.workloads import budget, deployment

MOST_TASKS_PER_NODE = 8


def test_every_node_that_requires_it_is_rebooted_once(simulate: Simulate) -> None:
    objects = [deployment("web", 4), budget("web", maxUnavailable=1)]
    cluster = simulate(nodes=3, required=2, scenario={"objects": objects})
    system, first, second = cluster.names
    before = {name: machine["boot_id"] for name, machine in cluster.state()["nodes"].items()}

    run = run_playbook(cluster)

    assert run.rc == 0
    assert run.report["outcome"] == "done"
    assert run.outcomes == {second: "rebooted", first: "rebooted"}, "the oldest requirement comes first"
    assert run.left == {system: "not_required"}
    for name in (first, second):
        machine, row = cluster.machine(name), run.node(name)
        assert (machine["boots"], machine["restart_requests"], machine["sentinel"]) == (1, 1, False)
        assert (row["boot_id_before"], row["boot_id_after"]) == (before[name], machine["boot_id"])
    assert cluster.machine(system)["boots"] == 0
    assert len(cluster.restart_posts()) == 2
    assert cluster.left_behind() == []
    assert cluster.get("deployment", "web")["status"]["readyReplicas"] == 4

    again = run_playbook(cluster)

    assert again.rc == 0
    assert again.report["outcome"] == "nothing_due"
    assert set(again.left.values()) == {"not_required"}
    assert len(cluster.restart_posts()) == 2


def test_system_pools_come_last_and_single_machines_are_restarted_too(simulate: Simulate) -> None:
    pools = ["--pools", "name=system,count=1,mode=System", "--pools", "name=single,count=1,kind=vm"]
    cluster = simulate(*pools, scenario={"nodes": {0: {"required": True, "since": 90000}, 1: {"required": True}}})
    system, single = cluster.names
    run = run_playbook(cluster)
    assert run.rc == 0
    assert run.outcomes == {single: "rebooted", system: "rebooted"}
    assert cluster.boots() == [1, 1]
    assert cluster.left_behind() == []


def test_few_tasks_and_live_progress_per_node(simulate: Simulate) -> None:
    cluster = simulate(nodes=2, required=1)
    run = run_playbook(cluster)
    assert run.rc == 0
    play = re.split(r"^PLAY \[", run.stdout, flags=re.MULTILINE)[2]
    assert play.startswith("Reboot]")
    tasks = re.findall(r"^TASK \[(.*)\] \*+\n(?:.+\n)*?(?:ok|changed): ", play, re.MULTILINE)
    counted = [task for task in tasks if "Validating arguments" not in task]
    assert 5 < len(counted) <= MOST_TASKS_PER_NODE, counted
    for step in ("cordoned", "drained", "restart sent", "booted", "proven", "uncordoned"):
        assert re.search(rf"^{cluster.names[1]}: .*{step}", play, re.MULTILINE), step


def test_check_mode_ends_with_the_plan(cluster: SimulatedCluster) -> None:
    run = run_playbook(cluster, "reboot", "--check")
    assert run.rc == 0
    assert "2 nodes to reboot" in run.stdout
    assert run.report == {}
    assert "Cordon" not in "".join(run.tasks)
    assert cluster.restart_posts() == []
    assert not [entry for entry in cluster.requests(server="api") if entry["method"] not in ("GET", "HEAD")]


def test_reboot_in_the_guest(simulate: Simulate) -> None:
    cluster = simulate(nodes=2, required=1)
    name = cluster.names[1]
    # No credentials of Azure are needed
    run = run_playbook(cluster, environment={}, kured_reboot_method="ssh")
    assert run.rc == 0
    assert run.outcomes == {name: "rebooted"}
    machine = cluster.machine(name)
    assert (machine["boots"], machine["guest_reboots"], machine["restart_requests"]) == (1, 1, 0)
    assert cluster.requests(server="arm") == []
    assert cluster.left_behind() == []


def test_a_node_that_was_cordoned_before_stays_so(simulate: Simulate) -> None:
    cluster = simulate(nodes=2, required=1, scenario={"nodes": {1: {"cordoned": True}}})
    name = cluster.names[1]
    run = run_playbook(cluster)
    assert run.rc == 0
    assert run.outcomes == {name: "rebooted"}
    assert cluster.cordoned() == [name]
    assert cluster.journals() == {}
    assert cluster.holders() == []
