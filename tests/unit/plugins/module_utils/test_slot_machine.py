# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that take, hold, lose, break and recover slots and cordons in any order, on the simulated API."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Limits, find
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.node import Node
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import GuardLost, RebootError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Context, NoWrites, Progress
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.cordon import (
    CordonOptions,
    cordon,
    uncordon,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.proof import WaitLimits
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.recover import Recovery, RecoverySettings
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.restart import Restarter
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import break_slot
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot_guard import SlotGuard
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.simulated_api import SimulatedApi
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import MARGIN, TTL, Rig, always

CONCURRENCY = 2
CORDONED_BEFORE = "n3"
NODES = st.sampled_from(["n1", "n2", "n3"])
RUNS = st.integers(0, 2)


@dataclass
class Phase:
    """A task of a run under way on a node. A frozen one does not renew."""

    run: str
    node: str
    guard: SlotGuard
    frozen: bool = False


@dataclass
class Runs:
    """Three runs at a time; one that dies is followed by another with a new id."""

    numbers: itertools.count[int] = field(default_factory=itertools.count)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = [f"run-{next(self.numbers)}" for _run in range(3)]

    def replace(self, index: int) -> str:
        dead, self.ids[index] = self.ids[index], f"run-{next(self.numbers)}"
        return dead


def no_restarter(method: str) -> Restarter:
    raise AssertionError(f"nothing was restarted here, and yet recovery asks for {method!r}")


class LockAndJournal(RuleBasedStateMachine):
    """What may happen, and what has to be true at every moment."""

    @initialize()
    def start(self) -> None:
        self.stack = ExitStack()
        directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.api = self.stack.enter_context(SimulatedApi(directory))
        self.rig = Rig(self.api)
        self.rig.cordon(CORDONED_BEFORE)
        self.runs = Runs()
        self.phases: list[Phase] = []
        self.api.clock.on_sleep = self._renew

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            for phase in self.phases:
                phase.guard.__exit__()
            self.stack.close()

    def _context(self, phase: Phase) -> Context:
        return Context(Progress(phase.node), phase.guard, self.api.clock)

    def _end(self, phases: list[Phase]) -> None:
        for phase in phases:
            phase.guard.__exit__()
            self.phases.remove(phase)

    def _renew(self) -> None:
        """Whoever is not frozen renews, as the guard's thread does."""
        for phase in [item for item in self.phases if not item.frozen]:
            try:
                phase.guard._renew_now(lambda entry: entry)
            except GuardLost:
                self._end([phase])

    def _pass(self, seconds: float) -> None:
        step = self.rig.settings.interval
        while seconds > 0:
            self.api.clock.sleep(min(step, seconds))
            seconds -= step

    def _pick(self, index: int) -> Phase:
        return self.phases[index % len(self.phases)]

    @rule(index=RUNS, node=NODES)
    def take_a_slot(self, index: int, node: str) -> None:
        run = self.runs.ids[index]
        limits = Limits(concurrency=CONCURRENCY, per_zone=0, margin=MARGIN)
        try:
            self.rig.take(node, run, limits=limits, timeout=0)
        except RebootError as error:
            assert error.reason == "lock_timeout"  # noqa: PT017 - waiting in vain is one of the two good ends
            return
        # A task of the same run that Ansible has given up is an action plugin: it has stopped.
        self._end([phase for phase in self.phases if (phase.run, phase.node) == (run, node)])
        guard = self.rig.guard(node, run)
        guard.__enter__()
        self.phases.append(Phase(run, node, guard))

    @precondition(lambda self: self.phases)
    @rule(number=st.integers(0, 9))
    def cordon_the_node(self, number: int) -> None:
        phase = self._pick(number)
        with suppress(RebootError):
            cordon(self.rig.client, phase.node, CordonOptions(phase.run), self._context(phase))
            entry = find(self.rig.holders(), phase.node)
            assert entry is not None
            assert entry.run == phase.run

    @precondition(lambda self: self.phases)
    @rule(number=st.integers(0, 9))
    def note_a_restart(self, number: int) -> None:
        phase = self._pick(number)
        with suppress(GuardLost):
            phase.guard.before_restart()
            entry = find(self.rig.holders(), phase.node)
            assert entry is not None
            assert (entry.run, entry.revoked, entry.restart_sent) == (phase.run, False, True)
            phase.guard.restart_settled()

    @precondition(lambda self: self.phases)
    @rule(number=st.integers(0, 9))
    def finish(self, number: int) -> None:
        phase = self._pick(number)
        with suppress(RebootError):
            uncordon(self.rig.client, phase.node, phase.run, self._context(phase))
            self.rig.release(phase.node, phase.run)
        self._end([phase])

    @precondition(lambda self: self.phases)
    @rule(number=st.integers(0, 9))
    def freeze(self, number: int) -> None:
        self._pick(number).frozen = True

    @precondition(lambda self: self.phases)
    @rule(number=st.integers(0, 9), index=RUNS)
    def freeze_past_its_time(self, number: int, index: int) -> None:
        """Somebody else looks after what it left."""
        self._pick(number).frozen = True
        self._pass(TTL + MARGIN + 1)
        self.recover(index)

    @precondition(lambda self: self.phases)
    @rule(number=st.integers(0, 9))
    def wake(self, number: int) -> None:
        self._pick(number).frozen = False

    @rule(index=RUNS)
    def die(self, index: int) -> None:
        dead = self.runs.replace(index)
        self._end([phase for phase in self.phases if phase.run == dead])

    @rule(seconds=st.sampled_from([1, TTL / 2, TTL, TTL + MARGIN, 3 * TTL]))
    def wait(self, seconds: float) -> None:
        self._pass(seconds)

    @rule(node=NODES)
    def break_a_slot(self, node: str) -> None:
        break_slot(self.rig.store, node)

    @rule(index=RUNS)
    def recover(self, index: int) -> None:
        run = self.runs.ids[index]
        busy = {phase.node for phase in self.phases if phase.frozen}
        recovery = Recovery(
            client=self.rig.client,
            store=self.rig.store,
            kured=self.rig.kured,
            restarters=no_restarter,
            sentinel=None,
            settings=RecoverySettings(
                run=f"{run}-recovery", by="", limits=WaitLimits(), margin=MARGIN, lock_timeout=60
            ),
            context=Context(Progress("cluster"), NoWrites(), self.api.clock),
            progress=Progress,
            parent=always,
        )
        for item in recovery.run():
            assert item.outcome != "kept", item
            assert item.outcome == "alive" or item.node not in self._living() or item.node in busy, item

    def _living(self) -> set[str]:
        """The nodes whose slot is renewed, so that nobody may touch them."""
        mine = {(phase.run, phase.node) for phase in self.phases if not phase.frozen}
        return {entry.node for entry in self.rig.holders() if (entry.run, entry.node) in mine and not entry.revoked}

    def _nodes(self) -> list[Node]:
        return [Node(item) for item in self.rig.client.items("/api/v1/nodes")]

    @invariant()
    def never_more_than_allowed(self) -> None:
        if hasattr(self, "rig"):
            out = {node.name for node in self._nodes() if node.journalled}
            assert len(out) <= CONCURRENCY
            assert len(out | {entry.node for entry in self.rig.holders()}) <= CONCURRENCY

    @invariant()
    def every_cordon_has_its_journal(self) -> None:
        if hasattr(self, "rig"):
            for node in self._nodes():
                ours = node.journal is not None
                assert node.unschedulable is (ours or node.name == CORDONED_BEFORE)

    @invariant()
    def one_slot_for_a_node(self) -> None:
        if hasattr(self, "rig"):
            names = [entry.node for entry in self.rig.holders()]
            assert len(names) == len(set(names))


TestLockAndJournal: Any = LockAndJournal.TestCase
TestLockAndJournal.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
