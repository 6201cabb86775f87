# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a run looks after: limits, holds, nodes that cannot be asked, and requests that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster


@pytest.fixture(scope="module")
def untouched(simulate_shared: Simulate) -> SimulatedCluster:
    """Three nodes, 1 and 2 of which require a reboot, for runs that change nothing."""
    return simulate_shared(nodes=3, required=2)


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ([], {"kured_reboot_drain_timeot": 5}, "did you mean kured_reboot_drain_timeout?"),
        (["--tags", "drain"], {}, "--tags and --skip-tags"),
        (["--skip-tags", "lock"], {}, "--tags and --skip-tags"),
    ],
    ids=["misspelt variable", "tags", "skipped tags"],
)
def test_requests_that_are_refused(
    untouched: SimulatedCluster, arguments: list[str], variables: dict[str, Any], told: str
) -> None:
    run = run_playbook(untouched, "reboot", *arguments, **variables)
    assert run.rc == 2
    assert told in run.errors[0]
    untouched.assert_unchanged()


def test_a_value_that_cannot_be_is_refused_before_any_node_is_touched(cluster: SimulatedCluster) -> None:
    run = run_playbook(cluster, kured_reboot_drain_timeout=-5)
    assert run.rc == 2
    assert "-5" in run.errors[0]
    cluster.assert_unchanged()


def test_a_limit_to_a_host_that_is_no_node(untouched: SimulatedCluster) -> None:
    run = run_playbook(untouched, "reboot", "-i", "web1,", "--limit", "web1")
    assert run.rc == 2
    assert run.report["outcome"] == "incomplete"
    assert run.left["web1"] == "node_not_found"
    assert "web1" in run.errors[-1]
    untouched.assert_unchanged()


def test_a_limit_that_matches_nothing_is_no_silent_success(untouched: SimulatedCluster) -> None:
    run = run_playbook(untouched, "reboot", "--limit", "no-such-node")
    assert run.rc != 0
    assert any("no-such-node" in line for line in run.errors)
    untouched.assert_unchanged()


def test_a_limit_to_a_node_that_is_not_due(untouched: SimulatedCluster) -> None:
    system = untouched.names[0]
    run = run_playbook(untouched, "reboot", "-i", f"{system},", "--limit", system)
    assert run.rc == 0
    assert run.report["outcome"] == "nothing_due"
    assert run.left == {system: "not_required", **dict.fromkeys(untouched.names[1:], "not_selected")}
    assert f"{system}  not_required" in run.stdout
    untouched.assert_unchanged()


def test_a_limit_to_one_node_whatever_the_inventory_says_of_it(cluster: SimulatedCluster, tmp_path: Path) -> None:
    system, first, second = cluster.names
    odd = {
        "ansible_connection": "ssh",
        "ansible_host": "203.0.113.1",
        "ansible_user": "nobody",
        "ansible_become": True,
        "ansible_python_interpreter": "/nonexistent/python",
        "node": system,
        "name": system,
    }
    inventory = tmp_path / "inventory.yml"
    hosts = {"all": {"hosts": dict.fromkeys(cluster.names, odd)}}
    inventory.write_text(yaml.safe_dump(hosts), encoding="utf-8")
    run = run_playbook(cluster, "reboot", "-i", str(inventory), "--limit", first)
    assert run.rc == 0
    assert run.outcomes == {first: "rebooted"}
    assert run.left == {system: "not_selected", second: "not_selected"}
    assert cluster.boots() == [0, 1, 0]
    assert cluster.machine(second)["sentinel"]
    assert cluster.left_behind() == []


def test_nodes_on_hold_and_nodes_that_cannot_be_asked(simulate: Simulate) -> None:
    held = {"annotations": {"aks-reboot/hold": "database failover at noon"}}
    cluster = simulate(nodes=4, required=3, scenario={"nodes": {1: held}})
    system, on_hold, silent, due = cluster.names
    cluster.fault("ssh-refused", node=silent)

    run = run_playbook(cluster)

    assert run.rc == 2
    assert run.report["outcome"] == "incomplete"
    assert run.outcomes == {due: "rebooted"}
    assert run.left == {system: "not_required", on_hold: "hold", silent: "sentinel_unknown"}
    assert "database failover at noon" in run.stdout
    assert silent in run.errors[-1]
    assert cluster.boots() == [0, 0, 0, 1]

    tolerant = run_playbook(cluster, kured_reboot_unknown_ok=True)

    assert tolerant.rc == 0
    assert tolerant.left[silent] == "sentinel_unknown"
    assert len(cluster.restart_posts()) == 1


def test_why_a_node_cannot_be_asked(simulate: Simulate) -> None:
    cluster = simulate(nodes=4, required=3)
    _system, refusing, forged, hanging = cluster.names
    cluster.fault("ssh-refused", node=refusing)
    cluster.fault("ssh-wrong-host-key", node=forged)
    cluster.fault("ssh-hang", node=hanging)
    run = run_playbook(cluster, kured_reboot_ssh_timeout=2)
    assert run.rc == 2
    told = {row["name"]: row["message"] for row in run.report["attention"]}
    assert "cannot be reached" in told[refusing]
    assert "host key" in told[forged]
    assert hanging in told
    assert "Traceback" not in run.output
    cluster.assert_unchanged()


def test_pools_and_kinds_of_nodes_that_are_left(simulate: Simulate) -> None:
    pools = ("name=system,count=1,mode=System", "name=spot,count=1,priority=Spot", "name=win,count=1,os=Windows")
    arguments = [text for pool in (*pools, "name=other,count=1") for text in ("--pools", pool)]
    nodes = {number: {"required": True} for number in (0, 1, 3)}
    cluster = simulate(*arguments, scenario={"nodes": nodes})
    run = run_playbook(cluster, "reboot", "--check", kured_reboot_pools=["system", "spot", "win"])
    assert run.rc == 0
    assert "1 nodes to reboot" in run.stdout
    for name, reason in zip(cluster.names[1:], ("spot", "windows", "other_pool"), strict=True):
        assert f"{name} " in run.stdout
        assert reason in run.stdout
    cluster.assert_unchanged()
