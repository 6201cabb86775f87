# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that may happen next: to machines, by operators, and in the runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from .runs import Actor
from .state import Node, Run, Setting, Slot, State

Step = tuple[str, State]
T = TypeVar("T")

LATE = ("cordon", "take journal", "drained", "mark", "note operation", "prove", "uncordon", "cordon again", "unmark")
"""Steps whose write may be under way when a run freezes: it goes out when the run wakes, whatever happened since."""


def put(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    return (*items[:index], item, *items[index + 1 :])


def with_node(state: State, number: int, node: Node) -> State:
    """The state with a node changed, which a frozen run's pending write on it will not survive."""
    runs = tuple(run._replace(stale=True) if run.life == "frozen" and run.node == number else run for run in state.runs)
    return state._replace(nodes=put(state.nodes, number, node), runs=runs)


def with_slot(state: State, number: int, slot: Slot | None) -> State:
    return state._replace(slots=put(state.slots, number, slot))


def with_run(state: State, number: int, run: Run) -> State:
    return state._replace(runs=put(state.runs, number, run))


def steps(state: State, setting: Setting) -> Iterator[Step]:
    yield from _machines(state)
    yield from _slots(state, setting)
    for number, run in enumerate(state.runs):
        yield from _fates(state, number, run, setting)
        if run.life == "alive":
            yield from Actor(state, number, run, setting).act()


def _machines(state: State) -> Iterator[Step]:
    left = state.left
    for number, node in enumerate(state.nodes):
        journal = node.journal
        if node.pending:
            if node.present:
                booted = node._replace(journal=journal._replace(booted=True) if journal else None)
            else:
                booted = node._replace(present=True, incarnation=node.incarnation + 1)
            done = booted._replace(pending=node.pending - 1, ours=node.ours + 1, required=False)
            yield f"machine {number} carries out a restart", with_node(state, number, done)
            if left.failures:
                failed = state._replace(left=left._replace(failures=left.failures - 1))
                lost = node._replace(pending=node.pending - 1)
                yield f"the restart of machine {number} comes to nothing", with_node(failed, number, lost)
        if left.boots and journal is not None:
            by_itself = node._replace(required=False, journal=journal._replace(booted=True))
            spent = state._replace(left=left._replace(boots=left.boots - 1))
            yield f"machine {number} reboots by itself", with_node(spent, number, by_itself)
        if left.deletions and node.present and journal is not None:
            gone = node._replace(present=False, cordoned=False, journal=None)
            spent = state._replace(left=left._replace(deletions=left.deletions - 1))
            yield f"Node object {number} is deleted", with_node(spent, number, gone)
        if not node.present:
            back = node._replace(present=True, incarnation=node.incarnation + 1)
            yield f"Node object {number} comes back", with_node(state, number, back)


def _slots(state: State, setting: Setting) -> Iterator[Step]:
    left = state.left
    if left.losses and any(state.slots) and all(run.node < 0 for run in state.runs):
        lost = state._replace(slots=(None,) * len(state.slots), left=left._replace(losses=left.losses - 1))
        yield "somebody deletes the ledger while no run is under way", lost
    for number, slot in enumerate(state.slots):
        if slot is None:
            continue
        owner = state.runs[slot.run]
        renewed = owner.life == "alive" and owner.node == number and owner.young and not slot.revoked
        if slot.fresh and not renewed:
            expired = with_slot(state, number, slot._replace(fresh=False))
            if owner.node == number:
                expired = with_run(expired, slot.run, owner._replace(young=False))
            yield f"slot {number} expires", expired
        if left.breaks and not slot.revoked:
            kept = slot._replace(revoked=True) if "break" not in setting.off else None
            spent = state._replace(left=left._replace(breaks=left.breaks - 1))
            yield f"an operator breaks slot {number}", with_slot(spent, number, kept)


def _fates(state: State, number: int, run: Run, setting: Setting) -> Iterator[Step]:
    left = state.left
    if run.life == "alive":
        if left.kills:
            spent = state._replace(left=left._replace(kills=left.kills - 1))
            dead = Run(life="dead", node=-1)
            yield f"run {number} is killed", with_run(spent, number, dead)
            if run.step == "send" and run.young:
                # The request was under way: Azure gets it all the same, but not after the slot has expired.
                sent = state.nodes[run.node]._replace(pending=state.nodes[run.node].pending + 1)
                yield f"run {number} is killed as it sends", with_run(with_node(spent, run.node, sent), number, dead)
        if left.freezes and run.step != "idle":
            spent = state._replace(left=left._replace(freezes=left.freezes - 1))
            # Without a young renewal nothing can be under way that the guard has let through.
            yield f"run {number} freezes", with_run(spent, number, run._replace(life="frozen", stale=not run.young))
    if run.life == "frozen":
        awake = run._replace(life="alive", stale=False)
        yield f"run {number} wakes", with_run(state, number, awake)
        if run.step in LATE and (not run.stale or "fence" in setting.off):
            actor = Actor(with_run(state, number, awake), number, awake._replace(young=True), setting)
            for name, after in actor.act():
                late = after.runs[number]._replace(young=run.young)
                yield f"{name} (under way since it froze)", with_run(after, number, late)
