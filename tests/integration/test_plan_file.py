# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that are written, looked at by somebody, and carried out later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster

Planned = tuple[SimulatedCluster, dict[str, Any]]


@pytest.fixture(scope="module")
def planned(simulate_shared: Simulate) -> Planned:
    """A cluster, and a plan that the playbook has written for it."""
    cluster = simulate_shared(nodes=3, required=2)
    path = cluster.directory / "plan.json"
    run = run_playbook(cluster, "plan", kured_reboot_plan_output=str(path))
    assert run.rc == 0
    return cluster, json.loads(path.read_text(encoding="utf-8"))


def test_the_plan_names_everything_and_changes_nothing(planned: Planned) -> None:
    cluster, plan = planned
    system, first, second = cluster.names
    assert [row["name"] for row in plan["planned"]] == [second, first]
    assert {row["name"]: row["reason"] for row in plan["left"]} == {system: "not_required"}
    cluster.assert_unchanged()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cluster_id": "another"}, "another"),
        ({"created": "2026-01-01T00:00:00Z"}, "make a new one"),
        (None, "JSON"),
    ],
    ids=["another cluster", "too old", "no JSON"],
)
def test_plans_that_are_refused(planned: Planned, tmp_path: Path, change: dict[str, Any] | None, told: str) -> None:
    cluster, plan = planned
    path = tmp_path / "plan.json"
    path.write_text("{" if change is None else json.dumps({**plan, **change}), encoding="utf-8")
    run = run_playbook(cluster, kured_reboot_plan_file=str(path))
    assert run.rc == 2
    assert len(run.errors) == 1
    assert told in run.errors[0]
    assert "Traceback" not in run.output
    cluster.assert_unchanged()


def test_only_what_was_approved_is_done(cluster: SimulatedCluster, tmp_path: Path) -> None:
    _system, first, second = cluster.names
    path = tmp_path / "plan.json"
    assert run_playbook(cluster, "plan", kured_reboot_plan_output=str(path)).rc == 0
    plan = json.loads(path.read_text(encoding="utf-8"))
    plan["planned"] = [row for row in plan["planned"] if row["name"] == first]
    path.write_text(json.dumps(plan), encoding="utf-8")

    run = run_playbook(cluster, kured_reboot_plan_file=str(path))

    assert run.rc == 0
    assert run.outcomes == {first: "rebooted"}
    assert run.left[second] == "not_approved"
    assert cluster.boots() == [0, 1, 0]
    assert cluster.left_behind() == []

    cluster.require_reboot(first)
    again = run_playbook(cluster, kured_reboot_plan_file=str(path))

    assert again.left[first] == "changed_since_approval"
    assert len(cluster.restart_posts()) == 1
