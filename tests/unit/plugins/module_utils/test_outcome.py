# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a node, from the results of its steps, and of the run, from its nodes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.outcome import node_outcome, run_outcome

Steps = dict[str, dict[str, Any]]

LOCK: Steps = {"lock": {"changed": True}}
DUE: Steps = {**LOCK, "check": {"due": True}}
CORDONED: Steps = {**DUE, "cordon": {"changed": True}}
DRAINED: Steps = {**CORDONED, "drain": {"changed": True}}
REBOOTED: Steps = {**DRAINED, "reboot": {"restart_sent": True, "still_required": False}}
BACK: Steps = {**REBOOTED, "uncordon": {"changed": True, "lagging": []}}
UNLOCKED: Steps = {"unlock": {"released": True, "kept_message": ""}}
ROLLED_BACK: Steps = {"rollback": {"kept": False}, **UNLOCKED}
KEPT: Steps = {"rollback": {"kept": True}, "unlock": {"released": False, "kept_message": "still journalled"}}


def failed(reason: str = "some_reason", node: str = "n1", **more: Any) -> dict[str, Any]:
    return {"failed": True, "msg": f"{node}: {reason} it was", "reason": reason, **more}


@pytest.mark.parametrize(
    ("steps", "outcome", "step", "told"),
    [
        ({}, "not_started", "", "had to stop before"),
        ({"lock": {}, "check": {}, "cordon": {}}, "not_started", "", ""),
        ({"lock": {"skipped": True}}, "not_started", "", ""),
        ({"lock": failed("run_stopped")}, "not_started", "lock", "run_stopped"),
        ({"lock": failed("lock_timeout"), **UNLOCKED}, "failed", "lock", "lock_timeout"),
        (
            {**LOCK, "check": {"due": False, "reason": "not_required", "message": "n1: no more"}},
            "skipped",
            "check",
            "no more",
        ),
        ({**LOCK, "check": failed("arm_forbidden"), **ROLLED_BACK}, "failed", "check", "arm_forbidden"),
        ({**BACK, **UNLOCKED}, "rebooted", "", "proven well"),
        ({**CORDONED, "drain": failed("drain_timeout"), **ROLLED_BACK}, "rolled_back", "drain", "drain_timeout"),
        ({**DUE, "cordon": failed("hold"), **ROLLED_BACK}, "rolled_back", "cordon", "hold"),
        ({**DRAINED, "reboot": failed("arm_conflict"), **ROLLED_BACK}, "rolled_back", "reboot", "arm_conflict"),
        ({**DRAINED, "reboot": failed("reboot_timeout"), **KEPT}, "kept", "reboot", "reboot_timeout"),
        # the roll back itself did not get through
        (
            {**CORDONED, "drain": failed("drain_timeout"), "rollback": failed(), **UNLOCKED},
            "kept",
            "drain",
            "drain_timeout",
        ),
        (
            {**CORDONED, "drain": failed("drain_timeout"), "rollback": {"kept": False}, "unlock": failed()},
            "kept",
            "drain",
            "",
        ),
        # stopped in the middle, with nobody to roll back
        (DRAINED, "kept", "", "was interrupted"),
        # another run has taken the node over
        ({**CORDONED, "drain": failed("lock_lost"), **KEPT}, "lost", "drain", "lock_lost"),
        ({**DRAINED, "reboot": failed("journal_of_another_run"), **KEPT}, "lost", "reboot", ""),
        # the node was scaled in
        (
            {**CORDONED, "drain": failed("node_not_found"), "rollback": {}, **UNLOCKED},
            "gone",
            "drain",
            "node_not_found",
        ),
        ({**DRAINED, "reboot": failed("machine_gone"), "rollback": {}, **UNLOCKED}, "gone", "reboot", ""),
        # forced: the drain failed, the reboot went well
        ({**BACK, "drain": failed("drain_timeout"), **UNLOCKED}, "rebooted", "", ""),
        # back in service, but
        ({**BACK, "reboot": {"restart_sent": True, "still_required": True}}, "still_required", "reboot", "sentinel"),
        ({**REBOOTED, "uncordon": {"changed": True, "lagging": ["ReplicaSet a/b"]}}, "rebooted", "", "ReplicaSet a/b"),
        (
            {**REBOOTED, "uncordon": failed("not_settled", lagging=["ReplicaSet a/b"])},
            "unsettled",
            "uncordon",
            "ReplicaSet a/b",
        ),
        ({**BACK, "reboot": {"restart_sent": False}}, "rebooted", "", "by itself"),
        ({**REBOOTED, "uncordon": failed("restart_outstanding"), **KEPT}, "kept", "uncordon", "restart_outstanding"),
    ],
)
def test_a_node(steps: Steps, outcome: str, step: str, told: str) -> None:
    found = node_outcome("n1", steps)
    assert (found.name, found.outcome, found.step) == ("n1", outcome, step)
    assert told in found.message
    assert not found.message.startswith("n1: ")  # the node stands before it already
    assert found.good is (outcome in ("rebooted", "skipped", "gone"))


def test_the_reason_of_the_first_failure_is_told() -> None:
    steps = {**CORDONED, "drain": failed("drain_timeout"), "rollback": failed("lock_unreachable")}
    assert node_outcome("n1", steps).reason == "drain_timeout"


GOOD: Steps = {**BACK, **UNLOCKED}
BAD: Steps = {**CORDONED, "drain": failed("drain_timeout", "n2"), **ROLLED_BACK}


def left(name: str, reason: str) -> dict[str, str]:
    return {"name": name, "reason": reason, "message": f"is left: {reason}"}


def test_nothing_due() -> None:
    outcome = run_outcome([], [left("n1", "not_required"), left("n2", "windows")], {})
    assert (outcome.outcome, outcome.good, outcome.attention) == ("nothing_due", True, [])
    assert outcome.summary == "nothing to do: no node requires a reboot"


def test_all_done() -> None:
    outcome = run_outcome(["n1", "n2"], [left("n3", "not_required")], {"n1": GOOD, "n2": GOOD})
    assert (outcome.outcome, outcome.good) == ("done", True)
    assert outcome.summary == "2 of 2 nodes rebooted"


def test_one_failed_and_the_others_were_not_started() -> None:
    outcome = run_outcome(["n1", "n2", "n3", "n4"], [], {"n1": GOOD, "n2": BAD})
    assert (outcome.outcome, outcome.good) == ("incomplete", False)
    assert outcome.summary == ("1 of 4 nodes rebooted; n2 rolled back: drain_timeout it was; 2 not started")
    assert [row["outcome"] for row in outcome.row()["nodes"]] == [
        "rebooted",
        "rolled_back",
        "not_started",
        "not_started",
    ]


@pytest.mark.parametrize("reason", ["not_required", "windows", "hold", "in_progress", "not_selected"])
def test_nodes_that_are_left_for_a_good_reason_need_nobody(reason: str) -> None:
    assert run_outcome(["n1"], [left("n2", reason)], {"n1": GOOD}).good


@pytest.mark.parametrize("reason", ["sentinel_unknown", "still_required_after_reboot", "node_not_found"])
def test_nodes_that_need_attention(reason: str) -> None:
    outcome = run_outcome([], [left("n2", reason)], {})
    assert (outcome.outcome, outcome.good) == ("incomplete", False)
    assert [row["name"] for row in outcome.attention] == ["n2"]
    assert f"n2 is left: {reason}" in outcome.summary


def test_an_unknown_sentinel_may_be_accepted_and_nothing_else() -> None:
    unknown, looping = left("n1", "sentinel_unknown"), left("n2", "still_required_after_reboot")
    assert run_outcome([], [unknown], {}, unknown_ok=True).good
    assert not run_outcome([], [unknown, looping], {}, unknown_ok=True).good


def test_a_node_that_somebody_asked_for_needs_attention_whatever_the_reason() -> None:
    assert not run_outcome([], [left("n1", "hold")], {}, wanted=["n1"]).good
    assert run_outcome([], [left("n1", "hold")], {}, wanted=["n2"]).good


def test_what_a_dead_run_left_needs_attention_only_where_it_had_to_be_kept() -> None:
    rows = [
        {"node": f"n{number}", "outcome": outcome, "message": outcome, "changed": True}
        for number, outcome in enumerate(["finished", "rolled_back", "released", "alive"])
    ]
    assert run_outcome([], [], {}, recovered=rows).good
    kept = {"node": "n9", "outcome": "kept", "message": "its journal cannot be read"}
    outcome = run_outcome(["n1"], [], {"n1": GOOD}, recovered=[*rows, kept])
    assert not outcome.good
    assert outcome.attention == [{"name": "n9", "reason": "kept", "message": "its journal cannot be read"}]
