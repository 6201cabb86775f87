# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery: finishing or rolling back what a dead run left.

A journal without a living holder means that a run died; a holder without a journal means that nothing was done yet, or
that all is done. Each is looked after under the node's own slot, so that two recoveries at once are safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from .._clients.kubernetes import KubernetesClient
from .._decisions.journal import DRAINED, PROVEN, REBOOTING, Journal
from .._decisions.ledger import Holder, Limits, Request, find
from .._decisions.node import Node
from .._decisions.proof import Baseline
from .._decisions.times import parse_time
from .._errors import GuardLost, RebootError
from .context import Context, NoWrites, Progress
from .cordon import cordon_again, uncordon
from .events import record_event
from .kured import Kured
from .ledger import Ledger, LedgerStore
from .node_writes import NODES, Patch, change_node, fence_off, journal_patch, move_journal, owned_journal
from .proof import NotCarriedOut, ProofWait, Sent, SentinelCheck, WaitLimits
from .restart import Restarter
from .retry import FIRST_CONTACT_SECONDS, retried
from .slot import drop_expired, let_kured_go, new_writer, release, stop_all
from .slot_guard import SlotGuard
from .take_slot import POLL_SECONDS, SlotTaker

FINISHED = "finished"
ROLLED_BACK = "rolled_back"
RELEASED = "released"
ALIVE = "alive"
KEPT = "kept"


@dataclass(frozen=True)
class RecoverySettings:
    """``run`` and ``by`` name the recovering run; ``limits`` bound the wait for a proof; ``margin`` (seconds) is the
    ledger's; ``lock_timeout`` is in seconds."""

    run: str
    by: str
    limits: WaitLimits
    margin: float
    lock_timeout: float


@dataclass(frozen=True)
class Recovered:
    """What was found on ``node`` and what was done about it.

    ``outcome``: ``finished`` (its reboot is proven, it is back in service), ``rolled_back`` (no restart was
    outstanding), ``released`` (only the slot was left), ``alive`` (its run is at work: left alone), ``kept`` (it needs
    a person).
    """

    node: str
    outcome: str
    message: str
    changed: bool = False


@dataclass
class Recovery:
    """One look at the whole cluster. ``restarters`` gives the way to restart for a journal's method, ``progress`` the
    voice for a node, ``parent`` raises GuardLost once the playbook is gone."""

    client: KubernetesClient
    store: LedgerStore
    kured: Kured
    restarters: Callable[[str], Restarter]
    sentinel: SentinelCheck | None
    settings: RecoverySettings
    context: Context
    progress: Callable[[str], Progress]
    parent: Callable[[], None]

    def run(self, *, check_mode: bool = False) -> list[Recovered]:
        """Look after every node that a run has left. Raises KubernetesError, DamagedLedger."""
        ledger = retried(self.store.read, self.context.clock, seconds=FIRST_CONTACT_SECONDS)
        if not check_mode:
            ledger = self._await_signs_of_life(ledger)
        held = {holder.node for holder in ledger.holders}
        # Only these are kept: of a large cluster's nodes all but a few have nothing to do with us.
        nodes = retried(
            lambda: [node for node in map(Node, self.client.items(NODES)) if node.journalled or node.name in held],
            self.context.clock,
        )
        present = {node.name for node in nodes}
        results = []
        for node in nodes:
            holder = find(ledger.holders, node.name)
            if node.journalled:
                results.append(self._journalled(node, holder, ledger.now, check_mode))
            elif holder is not None and holder.restart_sent and holder.node_uid != node.uid:
                results.append(self._came_back(node, holder, ledger.now, check_mode))
            elif holder is not None:
                results.append(self._only_slot(holder, ledger.now, check_mode, gone=False))
        gone = [holder for holder in ledger.holders if holder.node not in present]
        return [*results, *(self._only_slot(holder, ledger.now, check_mode, gone=True) for holder in gone)]

    def _await_signs_of_life(self, first: Ledger) -> Ledger:
        """Wait until every slot has been renewed (its run lives) or has expired (it is dead): a third of a ttl for a
        living run, a ttl for one that has just died, as a job does that is cancelled and started again at once.

        Slots of failed nodes are not waited for, since nobody renews those, nor slots that never expire. Returns the
        ledger as read last.
        """
        doubtful = [entry for entry in first.holders if entry.ttl and not entry.stopped]
        started = self.context.clock.monotonic()
        ledger = first
        while True:
            doubtful = [
                entry
                for entry in doubtful
                if find(ledger.holders, entry.node) == entry and not entry.expired(ledger.now, self.settings.margin)
            ]
            if not doubtful:
                return ledger
            limit = max(entry.ttl for entry in doubtful) + self.settings.margin
            names = ", ".join(map(str, doubtful))
            elapsed = self.context.clock.monotonic() - started
            self.context.progress.waiting("recovery", f"a sign of life of {names}", elapsed, limit)
            self.context.clock.sleep(min(POLL_SECONDS, self.store.settings.interval))
            self.parent()
            ledger = self.store.read_patiently()

    def _journalled(self, node: Node, holder: Holder | None, now: datetime, check_mode: bool) -> Recovered:
        try:
            journal = node.journal
        except RebootError as error:
            return Recovered(node.name, KEPT, error.message)
        if journal is None:
            return Recovered(node.name, ALIVE, "has just been finished by its run")
        if holder is not None and not holder.expired(now, self.settings.margin):
            return self._living(holder)
        found = f"run {journal.run} left it {journal.phase} at {journal.marked or journal.since}"
        return self._try_to_look_after(node, found, check_mode)

    def _came_back(self, node: Node, holder: Holder, now: datetime, check_mode: bool) -> Recovered:
        """A Node object that is younger than the restart sent to its machine: nobody knows whether it happened."""
        if not holder.expired(now, self.settings.margin):
            return self._living(holder)
        found = f"run {holder.run} sent a restart, then the Node object was deleted and came back"
        lost = Journal(
            run=self.settings.run,
            phase=REBOOTING,
            boot_id=node.boot_id,
            unschedulable=node.unschedulable,
            since=holder.acquired,
            method=holder.method,
            marked=holder.renewed,
        )
        return self._try_to_look_after(node, found, check_mode, lost)

    def _try_to_look_after(self, node: Node, found: str, check_mode: bool, lost: Journal | None = None) -> Recovered:
        if check_mode:
            return Recovered(node.name, KEPT, f"{found}: it would be looked after")
        try:
            return self._look_after(node, found, lost)
        except GuardLost as error:
            return Recovered(node.name, KEPT, f"{found}; recovery stopped: {error.message}")
        except RebootError as error:
            if error.reason == "lock_timeout":
                return Recovered(node.name, ALIVE, error.message)
            stop_all(self.store, self.settings.run, node.name, error.message, self._context(node.name))
            return Recovered(node.name, KEPT, f"{found}; {error.message}", changed=True)

    def _living(self, holder: Holder) -> Recovered:
        if holder.stopped:
            return Recovered(holder.node, KEPT, f"it failed: {holder.stopped}; its slot is held by {holder}")
        return Recovered(holder.node, ALIVE, f"is being worked on by {holder}")

    def _context(self, node: str) -> Context:
        return replace(self.context, progress=self.progress(node))

    def _look_after(self, node: Node, found: str, lost: Journal | None) -> Recovered:
        context = self._context(node.name)
        context.progress.say(f"recovery: {found}")
        request = Request(
            run=self.settings.run,
            writer=new_writer(),
            node=node.name,
            node_uid=node.uid,
            ttl=self.store.settings.ttl,
            pool=node.pool,
            zone=node.zone,
            by=self.settings.by,
        )
        SlotTaker(
            client=self.client,
            store=self.store,
            kured=self.kured,
            request=request,
            limits=Limits(margin=self.settings.margin),
            context=context,
            timeout=self.settings.lock_timeout,
            parent=self.parent,
        ).take()
        with SlotGuard(self.store, self.settings.run, node.name, kured=self.kured, parent=self.parent) as guard:
            held = Context(context.progress, guard, guard.clock)
            if lost is not None:
                cordon_again(self.client, node.name, lost, held)
            outcome, message = self._settle(node.name, held)
            guard.restart_settled()
        release(self.client, self.store, self.kured, self.settings.run, node.name, context)
        return Recovered(node.name, outcome, f"{found}; {message}", changed=True)

    def _settle(self, name: str, context: Context) -> tuple[str, str]:
        """Take the journal over, then bring the node to an end that leaves nothing of ours on it."""
        node = self._take_journal(name, context)
        if node.journal is None:
            return RELEASED, "it was finished meanwhile"
        journal = owned_journal(node, self.settings.run)
        still_required = False
        if journal.phase == REBOOTING:
            try:
                still_required = self._prove(name, journal, context)
            except NotCarriedOut as error:
                move_journal(self.client, name, self.settings.run, DRAINED, context)
                context.guard.restart_settled()
                uncordon(self.client, name, self.settings.run, context)
                return ROLLED_BACK, f"rolled back: {error.message}"
            move_journal(self.client, name, self.settings.run, PROVEN, context)
        proven = journal.phase in (REBOOTING, PROVEN)
        uncordon(self.client, name, self.settings.run, context, still_required=still_required)
        if proven:
            return FINISHED, "its reboot is proven, and it is back in service"
        return ROLLED_BACK, "no restart had been sent: rolled back"

    def _take_journal(self, name: str, context: Context) -> Node:
        def change(node: Node) -> Patch | None:
            journal = node.journal
            if journal is None or journal.run == self.settings.run:
                return None
            return journal_patch(replace(journal, run=self.settings.run))

        taken = change_node(self.client, name, change, context)
        if taken.changed:
            record_event(self.client, taken.after, "RebootRecovery", f"Taken over by run {self.settings.run}", context)
        return taken.after

    def _prove(self, name: str, journal: Journal, context: Context) -> bool:
        """Wait for the proof of the dead run's restart; returns whether the sentinel is still there."""
        restarter = self.restarters(journal.method)
        unknown = "" if journal.operation or restarter.in_guest else "the run that sent it died before it knew"
        age = (context.clock.utcnow() - parse_time(journal.marked)).total_seconds()
        wait = ProofWait(
            self.client,
            name,
            Baseline(journal.boot_id, None, frozenset(), journal.daemonsets),
            Sent(restart=True, operation=journal.operation, unknown=unknown, age=max(0.0, age)),
            restarter,
            self.sentinel,
            self.settings.limits,
            context,
            lambda: cordon_again(self.client, name, journal, context),
        )
        return wait.run().still_required

    def _only_slot(self, holder: Holder, now: datetime, check_mode: bool, *, gone: bool) -> Recovered:
        """A slot whose node carries no journal, or exists no more."""
        if not holder.expired(now, self.settings.margin):
            return self._living(holder)
        what = "the node is gone" if gone else "the node carries no journal"
        found = f"run {holder.run} left its slot, {what}"
        if gone and holder.restart_sent:
            until = self.settings.limits.horizon
            if (now - parse_time(holder.renewed)).total_seconds() < until:
                return Recovered(
                    holder.node,
                    KEPT,
                    f"{found}, and a restart may still reach its machine: the slot is kept for {until:.0f} s",
                )
        if check_mode:
            return Recovered(holder.node, KEPT, f"{found}: it would be released")
        if drop_expired(
            self.store, holder, self.settings.margin, self.context, lambda: gone or self._fence_off(holder.node)
        ):
            let_kured_go(self.store, self.kured)
            return Recovered(holder.node, RELEASED, f"{found}: released", changed=True)
        return Recovered(holder.node, ALIVE, f"{found}, but somebody has taken it since")

    def _fence_off(self, node: str) -> bool:
        context = replace(self._context(node), guard=_WithoutSlot(self.parent))
        return fence_off(self.client, node, self.settings.run, context)


class _WithoutSlot(NoWrites):
    """The guard of the one write that needs no slot, because it changes nothing of the node."""

    def __init__(self, parent: Callable[[], None]) -> None:
        self._parent = parent

    def __call__(self) -> None:
        self._parent()

    def before_restart(self) -> None:
        super().__call__()

    def restart_settled(self) -> None:
        super().__call__()


def needing_attention(recovered: Iterable[Recovered]) -> list[Recovered]:
    return [item for item in recovered if item.outcome == KEPT]
