# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several nodes at once in one run: never more than there are slots, and in the plan's order."""

from __future__ import annotations

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster
from ansible_collections.kubeops.aks_reboot.tests.simulator import control

ZONES = "name=user,count=6,zones=1/2/3"


def out_of_service(cluster: SimulatedCluster) -> list[set[str]]:
    """The nodes that were cordoned or down, after each change that the simulator has seen."""
    history = control.request(cluster.directory, "state", requests=False, history=True)["history"]
    cordoned: set[str] = set()
    down: set[str] = set()
    moments = []
    for entry in history:
        if entry["kind"] == "node":
            (cordoned.add if entry["unschedulable"] else cordoned.discard)(entry["name"])
        elif entry["kind"] == "machine":
            (down.discard if entry["power"] == "running" else down.add)(entry["name"])
        moments.append(cordoned | down)
    return moments


@pytest.fixture
def six(simulate: Simulate) -> SimulatedCluster:
    """A system node, and six user nodes in three zones, all of which require a reboot."""
    return simulate("--pools", "name=system,count=1,mode=System", "--pools", ZONES, required=6)


def test_as_many_as_there_are_slots(six: SimulatedCluster) -> None:
    run = run_playbook(six, kured_reboot_concurrency=2)
    assert run.rc == 0
    assert set(run.outcomes.values()) == {"rebooted"}
    assert len(run.outcomes) == 6
    assert sorted(six.boots()) == [0, 1, 1, 1, 1, 1, 1]
    moments = out_of_service(six)
    assert max(map(len, moments)) == 2
    zones = {name: six.node(name)["metadata"]["labels"]["topology.kubernetes.io/zone"] for name in six.names}
    assert all(len({zones[name] for name in moment}) == len(moment) for moment in moments), "two of one zone"
    assert six.left_behind() == []


def test_a_limit_per_pool_counts_nodes_that_others_took_out(six: SimulatedCluster) -> None:
    *_others, foreign = six.names
    six.kubectl("cordon", foreign)
    run = run_playbook(six, kured_reboot_concurrency=3, kured_reboot_max_per_zone=0, kured_reboot_max_unavailable=2)
    assert run.rc == 0
    assert max(map(len, out_of_service(six))) == 2
    assert six.cordoned() == [foreign], "cordoned by somebody else before, and so it stays"
    assert six.boots(foreign) == [1]


def test_after_a_failure_no_other_node_starts(six: SimulatedCluster) -> None:
    six.fault("http-status", code=403, server="arm", method="POST", path="/restart")
    run = run_playbook(six, kured_reboot_concurrency=2)
    assert run.rc == 2
    outcomes = list(run.outcomes.values())
    assert outcomes.count("rolled_back") in (1, 2), "those that were under way"
    assert outcomes.count("not_started") == 6 - outcomes.count("rolled_back")
    assert six.boots() == [0] * 7
    assert six.left_behind() == []


def test_too_few_forks(six: SimulatedCluster) -> None:
    run = run_playbook(six, "reboot", "--forks", "2", kured_reboot_concurrency=3)
    assert run.rc == 2
    assert "--forks 3" in run.errors[-1]
    six.assert_unchanged()


def test_a_sliced_inventory(six: SimulatedCluster) -> None:
    _system, one, two, *_rest = six.names
    run = run_playbook(six, "reboot", "-i", f"{one},{two},", kured_reboot_nodes_from="inventory")
    assert run.rc == 0
    assert sorted(run.outcomes) == sorted([one, two])
    assert sum(six.boots()) == 2


def test_an_empty_slice_does_nothing(six: SimulatedCluster) -> None:
    run = run_playbook(six, kured_reboot_nodes_from="inventory")
    assert run.rc == 0
    assert run.report["outcome"] == "nothing_due"
    six.assert_unchanged()
