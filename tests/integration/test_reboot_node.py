# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that reboots one node ad hoc."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster


@pytest.fixture(scope="module")
def untouched(simulate_shared: Simulate) -> SimulatedCluster:
    """Two nodes; number 1 is on hold."""
    held = {"annotations": {"aks-reboot/hold": "ask Ada first"}}
    return simulate_shared(nodes=2, scenario={"nodes": {1: held}})


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"reason": "test"}, "-e node=NAME"),
        ({"node": "NODE"}, '-e reason="why"'),
        ({"node": "", "reason": "test"}, "-e node=NAME"),
        ({"node": ["NODE"], "reason": "test"}, "-e node=NAME"),
        ({"node": "no-such-node", "reason": "test"}, "no such node"),
        ({"node": "NODE", "reason": "test"}, "ask Ada first"),
    ],
    ids=["no node", "no reason", "empty node", "list of nodes", "node not there", "node on hold"],
)
def test_what_is_refused(untouched: SimulatedCluster, variables: dict[str, Any], told: str) -> None:
    held = untouched.names[1]
    given: dict[str, Any] = {
        key: [held] if isinstance(text, list) else str(text).replace("NODE", held) for key, text in variables.items()
    }
    run = run_playbook(untouched, "reboot_node", **given)
    assert run.rc == 2
    assert len(run.errors) == 1
    assert told in run.errors[0]
    untouched.assert_unchanged()


def test_a_node_is_rebooted_although_it_requires_none(cluster: SimulatedCluster) -> None:
    system, first, second = cluster.names
    run = run_playbook(cluster, "reboot_node", node=system, reason="kernel module test")
    assert run.rc == 0
    assert run.outcomes == {system: "rebooted"}
    assert run.report["reason"] == "kernel module test"
    assert set(run.left) == {first, second}
    assert cluster.boots() == [1, 0, 0]
    assert "kernel module test" in cluster.kubectl("get", "events", "-A")
    assert cluster.left_behind() == []
