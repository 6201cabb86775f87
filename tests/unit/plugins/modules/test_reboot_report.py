# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module reboot_report without Ansible: plan and steps in, report and file out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.modules.reboot_report import SPEC, run

PLAN = {
    "cluster_id": "c1",
    "created": "2026-05-01T12:00:00Z",
    "planned": [{"name": "n1"}],
    "left": [{"name": "n2", "reason": "sentinel_unknown", "message": "whether it requires a reboot is not known"}],
}
STEPS = {"n1": {"check": {"due": True}, "cordon": {"changed": True}, "uncordon": {"changed": True, "lagging": []}}}


def report(check_mode: bool = False, **given: Any) -> tuple[dict[str, Any], list[str]]:
    """The module's result and what it said."""
    said: list[str] = []
    defaults = {name: option.get("default") for name, option in SPEC.items()}
    params = {**defaults, "plan": PLAN, "steps": STEPS, "run_id": "run-1", **given}
    return run(params, Call(check_mode=check_mode, sink=said.append)), said


def test_a_report() -> None:
    result, said = report(reason="kernel")
    document = result["report"]
    assert (document["run_id"], document["started"], document["reason"]) == ("run-1", "2026-05-01T12:00:00Z", "kernel")
    assert (document["outcome"], document["ok"]) == ("incomplete", False)
    assert [node["outcome"] for node in document["nodes"]] == ["rebooted"]
    assert result["changed"] is False
    assert said == result["lines"]
    assert said[-1].startswith("incomplete: 1 of 1 nodes rebooted; n2 ")


def test_an_unknown_sentinel_can_be_accepted() -> None:
    assert report(unknown_ok=True)[0]["report"]["ok"] is True


def test_what_was_wanted_is_not_forgotten() -> None:
    assert report(unknown_ok=True, wanted=["n2"])[0]["report"]["ok"] is False


def test_what_a_dead_run_left_is_told() -> None:
    kept = [{"node": "n7", "outcome": "kept", "message": "x", "changed": False}]
    document = report(unknown_ok=True, recovered=kept)[0]["report"]
    assert (document["ok"], document["recovered"]) == (False, kept)


def test_the_file_is_the_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    result, _said = report(json_file=str(path))
    assert result["changed"] is True
    assert json.loads(path.read_text()) == result["report"]


def test_check_mode_writes_no_file(tmp_path: Path) -> None:
    assert report(check_mode=True, json_file=str(tmp_path / "report.json"))[0]["changed"] is True
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "given",
    [
        {"plan": {}},
        {"plan": {**PLAN, "planned": [{}]}},
        {"plan": {**PLAN, "left": [{"name": "n2"}]}},
        {"plan": {name: value for name, value in PLAN.items() if name != "created"}},
        {"plan": {**PLAN, "planned": None}},
        {"recovered": [{"node": "n1"}]},
        {"steps": {"n1": "done"}},
    ],
)
def test_bad_input_is_told_in_one_line(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match=r"^plan, steps, recovered: ") as caught:
        report(**given)
    assert "\n" not in caught.value.message
