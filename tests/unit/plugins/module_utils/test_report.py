# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: one document from the plan and the steps, and the same as lines."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.outcome import run_outcome
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.report import make_report
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.text import report_lines

TIMES = {
    "started": "2026-05-01T12:00:00Z",
    "sent": "2026-05-01T12:00:05Z",
    "booted": "2026-05-01T12:01:00Z",
    "proven": "2026-05-01T12:02:05Z",
}
STEPS: dict[str, dict[str, dict[str, Any]]] = {
    "n1": {
        "lock": {"changed": True},
        "check": {"due": True},
        "cordon": {"changed": True},
        "drain": {"seconds": 12.4, "evicted": [{"name": "a"}, {"name": "b"}]},
        "reboot": {
            "restart_sent": True,
            "times": TIMES,
            "boot_id_before": "boot-1",
            "boot_id_after": "boot-2",
            "volumes_attached": ["pv-1"],
            "pods_not_ready": ["shop/slow"],
        },
        "uncordon": {"changed": True, "lagging": []},
    },
    "n2": {
        "cordon": {"changed": True},
        "drain": {"failed": True, "msg": "not drained", "reason": "drain_timeout", "blocked": [{"pod": "shop/db-0"}]},
        "rollback": {"kept": False},
        "unlock": {"released": True, "kept_message": ""},
    },
}
PLAN: dict[str, Any] = {"cluster_id": "c1", "left": [{"name": "n4", "reason": "hold", "message": "is on hold"}]}


def report(*names: str) -> dict[str, Any]:
    outcome = run_outcome(names, PLAN["left"], STEPS)
    return make_report(
        outcome,
        PLAN,
        STEPS,
        run_id="run-1",
        started="2026-05-01T11:59:00Z",
        finished="2026-05-01T12:30:00Z",
        reason="kernel",
        recovered=[{"node": "n9", "outcome": "finished", "message": "done"}],
    )


def test_what_the_whole_run_was() -> None:
    document = report("n1", "n2", "n3")
    assert document["version"] == 1
    assert (document["run_id"], document["cluster_id"], document["reason"]) == ("run-1", "c1", "kernel")
    assert (document["started"], document["finished"]) == ("2026-05-01T11:59:00Z", "2026-05-01T12:30:00Z")
    assert (document["outcome"], document["ok"]) == ("incomplete", False)
    assert document["left"] == PLAN["left"]
    assert document["recovered"] == [{"node": "n9", "outcome": "finished", "message": "done"}]


def test_what_each_node_took() -> None:
    done, undone, waiting = report("n1", "n2", "n3")["nodes"]
    assert done["seconds"] == {"drain": 12.4, "reboot": 120.0}
    assert (done["boot_id_before"], done["boot_id_after"], done["pods_evicted"]) == ("boot-1", "boot-2", 2)
    assert (done["volumes_attached"], done["pods_not_ready"], done["times"]) == (["pv-1"], ["shop/slow"], TIMES)
    assert (undone["seconds"], undone["blocked"]) == ({}, [{"pod": "shop/db-0"}])
    assert (waiting["outcome"], waiting["seconds"], waiting["pods_evicted"]) == ("not_started", {}, 0)


def test_it_is_json() -> None:
    document = report("n1", "n2", "n3")
    assert json.loads(json.dumps(document)) == document


def test_a_reboot_without_a_restart_of_ours_took_no_known_time() -> None:
    itself = {"n1": {"reboot": {"times": {"started": "x", "proven": "2026-05-01T12:02:05Z"}}}}
    outcome = run_outcome(["n1"], [], itself)
    document = make_report(outcome, PLAN, itself, run_id="r", started="", finished="", reason="", recovered=[])
    assert document["nodes"][0]["seconds"] == {}


def test_the_lines() -> None:
    assert report_lines(report("n1", "n2")) == [
        "NODE  OUTCOME      DRAIN  REBOOT  PODS  MESSAGE",
        "n1    rebooted     12 s   120 s   2     rebooted, proven well, back in service",
        "n2    rolled_back                 0     not drained",
        "",
        "incomplete: 1 of 2 nodes rebooted; n2 rolled back: not drained",
    ]


def test_what_needs_attention_is_told_in_a_table_of_its_own() -> None:
    outcome = run_outcome([], [{"name": "n5", "reason": "node_not_found", "message": "no such node"}], {})
    document = make_report(outcome, PLAN, {}, run_id="r", started="", finished="", reason="", recovered=[])
    lines = report_lines(document)
    assert lines[:3] == ["", "Left, and needs attention:", "NODE  REASON"]
    assert lines[3] == "n5    node_not_found  no such node"
