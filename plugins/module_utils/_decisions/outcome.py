# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outcome: what became of each node, and of the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

REBOOTED = "rebooted"
SKIPPED = "skipped"
GONE = "gone"
ROLLED_BACK = "rolled_back"
KEPT = "kept"
LOST = "lost"
FAILED = "failed"
STILL_REQUIRED = "still_required"
UNSETTLED = "unsettled"
NOT_STARTED = "not_started"

GOOD = (REBOOTED, SKIPPED, GONE)

LOST_REASONS = ("lock_lost", "journal_of_another_run", "not_ours")
"""Reasons of a failed step that mean that another run has taken the node over: what became of it, that one reports."""

GONE_REASONS = ("node_not_found", "machine_gone")
"""Reasons of a failed step that mean that the node was scaled in: there is nothing left to do, and nothing to stop."""

DONE = "done"
NOTHING_DUE = "nothing_due"
INCOMPLETE = "incomplete"

STEPS = ("lock", "check", "cordon", "drain", "reboot", "uncordon", "rollback", "unlock")

_OPEN = ("still_required_after_reboot", "node_not_found")
"""Reasons for which a node that is not planned needs somebody's attention."""


@dataclass(frozen=True)
class NodeOutcome:
    """``outcome`` is one of the words above; ``message`` tells it in one line; ``step`` is where it ended."""

    name: str
    outcome: str
    message: str
    reason: str = ""
    step: str = ""

    @property
    def good(self) -> bool:
        return self.outcome in GOOD


@dataclass(frozen=True)
class RunOutcome:
    outcome: str
    nodes: list[NodeOutcome]
    attention: list[Mapping[str, Any]]

    @property
    def good(self) -> bool:
        return self.outcome in (DONE, NOTHING_DUE)

    @property
    def summary(self) -> str:
        """The run in one line."""
        if self.outcome == NOTHING_DUE:
            return "nothing to do: no node requires a reboot"
        rebooted = sum(node.outcome == REBOOTED for node in self.nodes)
        parts = [f"{rebooted} of {len(self.nodes)} nodes rebooted"]
        bad = [node for node in self.nodes if not node.good]
        waiting = sum(node.outcome == NOT_STARTED for node in bad)
        parts += [
            f"{node.name} {node.outcome.replace('_', ' ')}: {node.message}"
            for node in bad
            if node.outcome != NOT_STARTED
        ]
        parts += [f"{waiting} not started"] if waiting else []
        parts += [f"{row['name']} {row['message']}" for row in self.attention]
        return "; ".join(parts)

    def row(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "ok": self.good,
            "summary": self.summary,
            "attention": [dict(row) for row in self.attention],
            "nodes": [asdict(node) for node in self.nodes],
        }


def node_outcome(name: str, steps: Mapping[str, Mapping[str, Any]]) -> NodeOutcome:
    """What became of a planned node, from the results of its steps (a step that was not run is missing or empty)."""
    ran = {step: steps[step] for step in STEPS if steps.get(step) and not steps[step].get("skipped")}
    if not ran:
        return NodeOutcome(name, NOT_STARTED, "was not started, because the run had to stop before")
    if ran.get("lock", {}).get("reason") == "run_stopped":
        return NodeOutcome(name, NOT_STARTED, str(ran["lock"]["msg"]).removeprefix(f"{name}: "), "run_stopped", "lock")
    check = ran.get("check", {})
    if not check.get("failed") and not check.get("due", True):
        message = str(check.get("message", "")).removeprefix(f"{name}: ")
        return NodeOutcome(name, SKIPPED, message, str(check.get("reason", "")), "check")
    uncordon = ran.get("uncordon", {})
    if uncordon and (not uncordon.get("failed") or uncordon.get("reason") == "not_settled"):
        return _finished(name, ran.get("reboot", {}), uncordon)
    rollback = ran.get("rollback", {})
    first = next((step for step in STEPS if ran.get(step, {}).get("failed")), "")
    message = str(ran.get(first, {}).get("msg", "was interrupted")).removeprefix(f"{name}: ")
    reason = str(ran.get(first, {}).get("reason", ""))
    if "cordon" not in ran:
        return NodeOutcome(name, FAILED, message, reason, first)
    if reason in LOST_REASONS:
        return NodeOutcome(name, LOST, message, reason, first)
    unlock = ran.get("unlock", {})
    # The roll back's own tasks never count as failed in Ansible; one that did not get through returns no verdict.
    if unlock and (unlock.get("kept_message") or "released" not in unlock):
        return NodeOutcome(name, KEPT, message, reason, first)
    if reason in GONE_REASONS:
        return NodeOutcome(name, GONE, message, reason, first)
    if rollback.get("kept") is False:
        return NodeOutcome(name, ROLLED_BACK, message, reason, first)
    return NodeOutcome(name, KEPT, message, reason, first)


def _finished(name: str, reboot: Mapping[str, Any], uncordon: Mapping[str, Any]) -> NodeOutcome:
    if reboot.get("still_required"):
        return NodeOutcome(
            name,
            STILL_REQUIRED,
            "rebooted and proven, but its sentinel is still there: it is not rebooted again for a while",
            "still_required_after_reboot",
            "reboot",
        )
    if uncordon.get("lagging"):
        lagging = f"rebooted and back in service; not yet back: {', '.join(uncordon['lagging'])}"
        if uncordon.get("failed"):
            return NodeOutcome(name, UNSETTLED, lagging, "not_settled", "uncordon")
        return NodeOutcome(name, REBOOTED, lagging)
    if reboot.get("restart_sent", True):
        return NodeOutcome(name, REBOOTED, "rebooted, proven well, back in service")
    return NodeOutcome(name, REBOOTED, "had rebooted by itself, proven well, back in service")


def run_outcome(
    planned: Iterable[str],
    left: Iterable[Mapping[str, Any]],
    steps: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    unknown_ok: bool = False,
    wanted: Iterable[str] = (),
    recovered: Iterable[Mapping[str, Any]] = (),
) -> RunOutcome:
    """What became of the run. ``left`` are the plan's rows of nodes that are not planned; ``wanted`` are names of nodes
    that somebody asked to be rebooted in any case: each of them that is left needs attention, whatever the reason.
    ``recovered`` are the rows of what earlier runs had left."""
    nodes = [node_outcome(name, steps.get(name, {})) for name in planned]
    asked = set(wanted)
    attention: list[Mapping[str, Any]] = [
        {"name": row["node"], "reason": "kept", "message": row["message"]}
        for row in recovered
        if row["outcome"] == KEPT
    ]
    attention += [
        row
        for row in left
        if row["reason"] in _OPEN or row["name"] in asked or (row["reason"] == "sentinel_unknown" and not unknown_ok)
    ]
    if attention or not all(node.good for node in nodes):
        return RunOutcome(INCOMPLETE, nodes, attention)
    return RunOutcome(DONE if nodes else NOTHING_DUE, nodes, attention)
