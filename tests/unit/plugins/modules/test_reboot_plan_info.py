# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module reboot_plan_info without Ansible: rows in, plan and file out."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import node_row, sentinel_row
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.sentinel import SentinelState, unknown
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting, RebootError
from ansible_collections.kubeops.aks_reboot.plugins.modules.reboot_plan_info import SPEC, run
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_node

NODES = [
    node_row(make_node("n1"), None),
    node_row(make_node("n2"), None),
    node_row(make_node("n3"), ("hold", "is on hold")),
    node_row(make_node("n4"), None),
]
SENTINELS = [
    sentinel_row("n1", SentinelState("required", datetime(2026, 5, 1, tzinfo=UTC), ("linux-base",))),
    sentinel_row("n2", SentinelState("required", datetime(2026, 4, 1, tzinfo=UTC))),
    sentinel_row("n4", unknown("no route")),
]


def plan(check_mode: bool = False, **given: Any) -> tuple[dict[str, Any], list[str]]:
    """The module's result and what it said."""
    said: list[str] = []
    defaults = {name: option.get("default") for name, option in SPEC.items()}
    params = {**defaults, "nodes": NODES, "sentinels": SENTINELS, "cluster_id": "c1", **given}
    return run(params, Call(check_mode=check_mode, sink=said.append)), said


def test_a_plan() -> None:
    result, said = plan()
    document = result["plan"]
    assert [(row["rank"], row["name"]) for row in document["planned"]] == [(1, "n2"), (2, "n1")]
    assert [(row["name"], row["reason"]) for row in document["left"]] == [("n3", "hold"), ("n4", "sentinel_unknown")]
    assert (document["version"], document["cluster_id"], document["seconds"]) == (1, "c1", 1200)
    assert result["changed"] is False
    assert said == result["lines"]
    assert said[0] == "2 nodes to reboot, about 20 min"
    assert json.loads(json.dumps(result)) == result


def test_every_run_has_an_id_of_its_own() -> None:
    first, second = plan()[0]["run_id"], plan()[0]["run_id"]
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", first)
    assert first != second


def test_the_plan_file_is_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    result, _said = plan(plan_file=str(path))
    assert result["changed"] is True
    assert json.loads(path.read_text()) == result["plan"]


def test_check_mode_writes_no_file(tmp_path: Path) -> None:
    result, _said = plan(check_mode=True, plan_file=str(tmp_path / "plan.json"))
    assert result["changed"] is True
    assert os.listdir(tmp_path) == []


def test_an_approved_plan(tmp_path: Path) -> None:
    path = str(tmp_path / "plan.json")
    plan(plan_file=path, only=["n1"])
    result, _said = plan(approved_plan_file=path)
    assert [row["name"] for row in result["plan"]["planned"]] == ["n1"]
    assert ("n2", "not_approved") in [(row["name"], row["reason"]) for row in result["plan"]["left"]]


def test_an_approved_plan_of_another_cluster(tmp_path: Path) -> None:
    path = str(tmp_path / "plan.json")
    plan(plan_file=path)
    with pytest.raises(RebootError) as caught:
        plan(approved_plan_file=path, cluster_id="c2")
    assert caught.value.reason == "plan_of_another_cluster"


def test_a_file_that_is_no_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"version": 1}')
    with pytest.raises(InvalidSetting, match=r"^approved_plan_file: is not a plan"):
        plan(approved_plan_file=str(path))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ignore_sentinel": True}, "ignore_sentinel"),
        ({"ignore_sentinel": True, "only": []}, "ignore_sentinel"),
        ({"min_reboot_interval": -1}, "min_reboot_interval"),
        ({"node_seconds": -1}, "node_seconds"),
        ({"max_plan_age": -1}, "max_plan_age"),
        ({"nodes": [{}]}, "not rows of node_info"),
        ({"nodes": [{"name": "n1"}]}, "not rows of node_info"),
        ({"sentinels": [{"state": "required"}]}, "not rows of node_info"),
        ({"sentinels": [{"name": "n1", "state": "required", "since": "yesterday"}]}, "not rows of node_info"),
        ({"sentinels": [{"name": "n1", "state": "required", "since": 5}]}, "not rows of node_info"),
        ({"sentinels": [{"name": ["n1"]}]}, "not rows of node_info"),
    ],
)
def test_bad_input_is_told_in_one_line(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        plan(**given)
    assert told in caught.value.message
    assert "\n" not in caught.value.message


def test_one_node_whatever_its_sentinel_says() -> None:
    result, _said = plan(sentinels=[], only=["n4", "n3"], ignore_sentinel=True)
    assert [row["name"] for row in result["plan"]["planned"]] == ["n4"]
