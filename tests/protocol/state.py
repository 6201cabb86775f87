# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model's state consists of. Everything is a tuple, so that a state is its own key."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

RULES = {
    "guard": "a run writes only while its last renewal is young",
    "fence": "a write to a node is a compare-and-swap that finds the run's own journal",
    "horizon": "a restart whose outcome is unknown is waited for before anything else is decided",
    "operation": "a new boot is proof only after our restart was accepted and has ended",
    "break": "a slot that an operator broke goes on counting until its time has passed",
    "orphans": "nodes with a journal count in the budget, also without a slot",
    "outlive": "a slot with a restart outlives its Node object",
    "recordon": "a node that comes back under such a slot is cordoned and journalled again",
    "touch": "before a dead run's slot of a node without a journal is dropped, the node is written to once",
    "remember": "who takes over a slot keeps what it says about restarts and about the node it was for",
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What may happen, and how often: ``slots`` is the budget, the rest are numbers of events in all; ``off`` are the
    rules that are left out."""

    runs: int = 2
    nodes: int = 2
    slots: int = 1
    kills: int = 0
    freezes: int = 0
    boots: int = 0
    breaks: int = 0
    deletions: int = 0
    rejections: int = 0
    failures: int = 0
    losses: int = 0
    off: frozenset[str] = frozenset()


class Journal(NamedTuple):
    """``booted``: the node has a new boot ID since; ``operation``: the handle of the restart is known."""

    run: int
    phase: str
    booted: bool = False
    operation: bool = False


class Node(NamedTuple):
    """``pending``: restarts that Azure has accepted and not carried out; ``ours``: those carried out; ``incarnation``
    counts the Node objects of this name."""

    required: bool = True
    present: bool = True
    cordoned: bool = False
    journal: Journal | None = None
    pending: int = 0
    ours: int = 0
    incarnation: int = 0


class Slot(NamedTuple):
    """``fresh``: not expired; ``sent``: a restart may be outstanding; ``incarnation``: of the Node it was taken for."""

    run: int
    fresh: bool = True
    sent: bool = False
    revoked: bool = False
    incarnation: int = 0


class Run(NamedTuple):
    """``step``: what it does next, on ``node``; ``young``: it remembers a renewal that is young enough; ``stale``: the
    node has changed while it was frozen; ``handle``: it knows the operation of the restart."""

    life: str = "alive"
    step: str = "idle"
    node: int = -1
    young: bool = False
    stale: bool = False
    handle: bool = False


class Left(NamedTuple):
    """How often each disturbance may still happen."""

    kills: int
    freezes: int
    boots: int
    breaks: int
    deletions: int
    rejections: int
    failures: int
    losses: int


class State(NamedTuple):
    slots: tuple[Slot | None, ...]
    nodes: tuple[Node, ...]
    runs: tuple[Run, ...]
    left: Left


def first(setting: Setting) -> State:
    """Every node requires a reboot, every run is about to start. One that was given up is tried again some day."""
    left = Left(
        setting.kills,
        setting.freezes,
        setting.boots,
        setting.breaks,
        setting.deletions,
        setting.rejections,
        setting.failures,
        setting.losses,
    )
    return State((None,) * setting.nodes, (Node(),) * setting.nodes, (Run(),) * setting.runs, left)


def broken(state: State, setting: Setting) -> str:
    """The invariant that does not hold, empty when all do."""
    out = sum(node.pending > 0 or (node.present and node.cordoned) for node in state.nodes)
    if out > setting.slots:
        return f"{out} nodes are out of service"
    for number, (node, slot) in enumerate(zip(state.nodes, state.slots, strict=True)):
        guarded = slot is not None and slot.sent and node.incarnation > 0
        if node.pending and node.present and not node.cordoned and not guarded:
            return f"a restart is pending on node {number}, which is in service"
        if node.pending and not node.present and (slot is None or not slot.sent):
            return f"a restart is pending on the machine of node {number}, and no slot says so"
        if node.pending + node.ours > 1:
            return f"node {number} is restarted twice"
        if node.present and node.cordoned != (node.journal is not None):
            return f"the cordon of node {number} is without its owner"
    return ""


def unfinished(state: State) -> str:
    """What is left in a state in which nothing more can happen, with a run alive; empty when all is well."""
    if not any(run.life == "alive" for run in state.runs):
        return ""
    for number, (node, slot) in enumerate(zip(state.nodes, state.slots, strict=True)):
        if slot is not None:
            return f"the slot of node {number} is left"
        if node.journal is not None or node.cordoned:
            return f"node {number} is left cordoned"
        if node.required and node.present:
            return f"node {number} was not rebooted"
    return ""
