# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a slot: waiting for one, for a bounded time, in the plan's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .._clients.kubernetes import KubernetesClient
from .._decisions.ledger import (
    Busy,
    Granted,
    Holder,
    Limits,
    Request,
    Wait,
    acquire,
    asks,
    find,
    in_line,
    line_up,
    with_holder,
    without,
)
from .._decisions.node import Node
from .._errors import KubernetesError, RebootError
from .context import Context
from .kured import Kured
from .ledger import Ledger, LedgerStore
from .node_writes import NODES
from .retry import backoff, retried

POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Acquired:
    """``holder`` is our entry; ``took_over`` the dead run's that it replaced; ``waited`` is in seconds."""

    holder: Holder
    took_over: Holder | None
    waited: float


def list_busy(client: KubernetesClient, limits: Limits, context: Context) -> list[Busy]:
    """The nodes that are out of service.

    A node with our journal is cordoned, so asking for cordoned nodes is enough and costs the same in a large cluster;
    only a limit per pool makes it necessary to look at all nodes.
    """
    params = None if limits.max_unavailable else {"fieldSelector": "spec.unschedulable=true"}
    return retried(
        lambda: [
            Busy(node.name, node.pool, node.zone, ours=node.journalled)
            for node in map(Node, client.items(NODES, params))
            if node.journalled or node.unschedulable or not node.ready
        ],
        context.clock,
    )


@dataclass
class SlotTaker:
    """One request for a slot. ``kured`` is asked, too, where it runs; ``parent`` raises GuardLost once the playbook is
    gone; ``timeout`` is in seconds."""

    client: KubernetesClient
    store: LedgerStore
    kured: Kured
    request: Request
    limits: Limits
    context: Context
    timeout: float
    parent: Callable[[], None]
    _watched: tuple[Holder, float] | None = field(default=None, init=False)

    def take(self, *, check_mode: bool = False) -> Acquired:
        """Wait for a slot and take it.

        An expired entry of the same node is taken over once it has been seen unchanged for a renewal interval. Raises
        RebootError: ``lock_timeout``, saying who holds what, and ``run_stopped`` when another node of this run failed.
        """
        started = self.context.clock.monotonic()
        attempt = 0
        while True:
            self.parent()
            # The ledger first: it is swapped only if nobody has written it since, while the nodes were listed, too.
            ledger = self.store.read_patiently()
            busy = list_busy(self.client, self.limits, self.context)
            self._refuse_after_stop(ledger)
            decision = self._decide(ledger, busy)
            elapsed = self.context.clock.monotonic() - started
            if isinstance(decision, Granted):
                taken = self._take(ledger, decision, check_mode)
                if taken is not None:
                    return Acquired(taken, decision.took_over, elapsed)
                self.context.clock.sleep(backoff(attempt, first=0.02, most=1.0))
                attempt += 1
                continue
            self._wait(ledger, decision, elapsed)

    @property
    def _max_age(self) -> float:
        """Seconds after which a waiter that has not asked again is gone."""
        return 2 * max(POLL_SECONDS, self.store.settings.interval)

    def _refuse_after_stop(self, ledger: Ledger) -> None:
        if self.request.run in ledger.stopped_runs:
            raise RebootError(
                f"{self.request.node}: not started, because another node of this run failed",
                reason="run_stopped",
                node=self.request.node,
            )

    def _decide(self, ledger: Ledger, busy: list[Busy]) -> Granted | Wait:
        now = self.context.clock.monotonic()
        present = find(ledger.holders, self.request.node)
        if present is None or self._watched is None or self._watched[0] != present:
            self._watched = (present, now) if present is not None else None
        ripe = self._watched is not None and now - self._watched[1] >= self.store.settings.interval
        others = self.kured.held_by_others(ledger.now)
        if others:
            return Wait(f"kured holds its own lock: {', '.join(others)}")
        return in_line(ledger.waiting, self.request, ledger.now, self._max_age) or acquire(
            ledger.holders,
            busy,
            self.request,
            self.limits,
            ledger.now,
            take_over=self._watched[0] if self._watched and ripe else None,
        )

    def _take(self, ledger: Ledger, decision: Granted, check_mode: bool) -> Holder | None:
        """Write the decision; None when somebody was faster."""
        taken = find(decision.holders, self.request.node)
        if check_mode or taken is None:
            return taken
        self.parent()
        if not self._swap(ledger, decision.holders):
            return None
        self._leave_line(ledger)
        held = False
        try:
            held = self.kured.hold(ledger.now, self.request.ttl)
        finally:
            if not held:
                self.store.change(lambda seen: self._give_back(seen.holders, taken, decision.took_over))
        return taken if held else None

    @staticmethod
    def _give_back(holders: list[Holder], taken: Holder, took_over: Holder | None) -> list[Holder] | None:
        """The ledger without what we have just taken; a dead run's entry is put back with all that it knows."""
        present = find(holders, taken.node)
        if present is None or present.writer != taken.writer:
            return None
        return with_holder(holders, took_over) if took_over else without(holders, taken.node)

    def _swap(self, ledger: Ledger, holders: list[Holder]) -> bool:
        """A swap whose answer was lost counts as failed: the next read finds our own entry and enters it anew."""
        try:
            return self.store.swap(ledger, holders)
        except KubernetesError as error:
            if error.transient:
                return False
            raise

    def _leave_line(self, ledger: Ledger) -> None:
        if any(waiter.node == self.request.node for waiter in ledger.waiting):
            seen = self.store.read_patiently()
            self.store.line_up(seen, [waiter for waiter in seen.waiting if waiter.node != self.request.node])

    def _wait(self, ledger: Ledger, decision: Wait, elapsed: float) -> None:
        if elapsed >= self.timeout:
            self._leave_line(ledger)
            raise RebootError(
                f"{self.request.node}: no slot within {self.timeout:.0f} s: {decision.why}",
                reason="lock_timeout",
                node=self.request.node,
            )
        if self.request.rank and not asks(ledger.waiting, self.request, ledger.now, self._max_age / 2):
            self.store.line_up(ledger, line_up(ledger.waiting, self.request, ledger.now, self._max_age))
        self.context.progress.waiting("lock", decision.why, elapsed, self.timeout)
        pause = min(POLL_SECONDS, self.store.settings.interval)
        self.context.clock.sleep(min(pause, max(0.05, self.timeout - elapsed)))
