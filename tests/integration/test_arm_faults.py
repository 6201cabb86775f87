# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Azure may do to a restart: at most one is ever accepted, and the node ends where it is safe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster

RESTART = {"server": "arm", "method": "POST", "path": "/restart"}

SHORT = {"kured_reboot_timeout": 7, "kured_reboot_restart_horizon": 3, "kured_reboot_retry_after_limit": 1}
"""Seconds: a restart of unknown fate is settled after 3, the proof has to be there after 7."""


@dataclass(frozen=True)
class Case:
    """``fault`` strikes the first node's restart; ``posts`` counts the requests for it that reached Azure, ``boots``
    the machine's boots; ``told`` is what the outcome's message has to say."""

    fault: str
    options: dict[str, Any]
    outcome: str
    posts: int
    boots: int
    told: str = ""
    variables: dict[str, Any] = field(default_factory=dict)


ANSWER = "http-status"

CASES = {
    "busy for a while": Case(ANSWER, {"code": 409, "count": 1}, "rebooted", posts=2, boots=1),
    "busy for ever": Case(ANSWER, {"code": 409}, "rolled_back", posts=3, boots=0, told="status 409"),
    "throttled for a while": Case(ANSWER, {"code": 429, "retry_after": 1, "count": 1}, "rebooted", posts=2, boots=1),
    "throttled for ever": Case(
        ANSWER, {"code": 429, "retry_after": 1200}, "rolled_back", posts=3, boots=0, told="status 429"
    ),
    "forbidden": Case(ANSWER, {"code": 403}, "rolled_back", posts=1, boots=0, told="node resource group lockdown"),
    "server error": Case(ANSWER, {"code": 500}, "rolled_back", posts=1, boots=0, told="status 500"),
    "server error, with a long horizon": Case(
        ANSWER,
        {"code": 503, "retry_after": 1},
        "kept",
        posts=1,
        boots=0,
        told="not known whether the restart is still to come",
        variables={"kured_reboot_restart_horizon": 3900},
    ),
    "connection dropped before": Case("drop", {"when": "before"}, "rolled_back", posts=1, boots=0, told="connection"),
    "connection dropped after": Case("drop", {"when": "after"}, "rebooted", posts=1, boots=1),
    "operation failed": Case("arm-lro-failed", {}, "rolled_back", posts=1, boots=0, told="failed"),
    "operation failed, but restarted": Case("arm-lro-failed", {"when": "after"}, "rebooted", posts=1, boots=1),
    "operation never done": Case("arm-lro-never", {}, "kept", posts=1, boots=1, told="operation"),
    "restarted late": Case("arm-late-reboot", {"seconds": 1.5}, "rebooted", posts=1, boots=1),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_restart_that_azure_disturbs(cluster: SimulatedCluster, case: Case) -> None:
    system, later, first = cluster.names
    matched = RESTART if case.fault in (ANSWER, "drop") else {}
    cluster.fault(case.fault, node=first, **matched, **case.options)

    run = run_playbook(cluster, **{**SHORT, **case.variables})

    row = run.node(first)
    assert row["outcome"] == case.outcome
    assert case.told in row["message"]
    posts = cluster.restart_posts(first)
    assert len(posts) == case.posts
    assert sum(post["status"] in (200, 202) for post in posts) <= 1
    assert cluster.boots(system, first) == [0, case.boots]
    assert "Traceback" not in run.output
    if case.outcome == "rebooted":
        assert run.rc == 0
        assert run.outcomes == {first: "rebooted", later: "rebooted"}
        assert cluster.left_behind() == []
        return
    assert run.rc == 2
    assert run.node(later)["outcome"] == "not_started"
    assert cluster.restart_posts(later) == []
    assert first in run.errors[-1]
    if case.outcome == "rolled_back":
        assert cluster.left_behind() == []
        return
    assert cluster.cordoned() == [first]
    assert cluster.journals()[first]["phase"] == "rebooting"
    assert [(holder["node"], bool(holder["stopped"])) for holder in cluster.holders()] == [(first, True)]
