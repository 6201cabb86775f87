# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots: taking one for a node, giving it back, and breaking somebody's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from .._clients.kubernetes import KubernetesClient
from .._decisions.ledger import Busy, Granted, Holder, Limits, Request, acquire, find, with_holder, without
from .._decisions.node import Node
from .._errors import KubernetesError, RebootError, Refused
from .context import Context
from .ledger import Ledger, LedgerStore
from .node_writes import NODES, node_path
from .retry import backoff, retried

POLL_SECONDS = 5.0


def new_writer() -> str:
    """A token that no other task has."""
    return secrets.token_hex(6)


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
    nodes = [Node(item) for item in retried(lambda: list(client.items(NODES, params)), context.clock)]
    return [
        Busy(node.name, node.pool, node.zone, ours=node.journalled)
        for node in nodes
        if node.journalled or node.unschedulable or not node.ready
    ]


def take(
    client: KubernetesClient,
    store: LedgerStore,
    request: Request,
    limits: Limits,
    context: Context,
    *,
    timeout: float,
    parent: Callable[[], None],
    check_mode: bool = False,
) -> Acquired:
    """Wait for a slot and take it.

    An expired entry of the same node is taken over once it has been seen unchanged for a renewal interval. Raises
    RebootError with the reason ``lock_timeout`` after ``timeout`` seconds, saying who holds what, and GuardLost by
    ``parent`` once the playbook is gone.
    """
    started = context.clock.monotonic()
    watched: tuple[Holder, float] | None = None
    attempt = 0
    while True:
        parent()
        busy = list_busy(client, limits, context)
        ledger = store.read_patiently()
        now = context.clock.monotonic()
        present = find(ledger.holders, request.node)
        if present is None or watched is None or watched[0] != present:
            watched = (present, now) if present is not None else None
        ripe = watched is not None and now - watched[1] >= store.settings.interval
        decision = acquire(
            ledger.holders, busy, request, limits, ledger.now, take_over=watched[0] if watched and ripe else None
        )
        elapsed = now - started
        if isinstance(decision, Granted):
            parent()
            taken = find(decision.holders, request.node)
            if taken is not None and (check_mode or _swap(store, ledger, decision.holders)):
                return Acquired(taken, decision.took_over, elapsed)
            context.clock.sleep(backoff(attempt, first=0.02, most=1.0))
            attempt += 1
            continue
        if elapsed >= timeout:
            raise RebootError(
                f"{request.node}: no slot within {timeout:.0f} s: {decision.why}",
                reason="lock_timeout",
                node=request.node,
            )
        context.progress.waiting("lock", decision.why, elapsed, timeout)
        context.clock.sleep(min(POLL_SECONDS, store.settings.interval, max(0.05, timeout - elapsed)))


def _swap(store: LedgerStore, ledger: Ledger, holders: list[Holder]) -> bool:
    """A swap whose answer was lost counts as failed: the next read finds our own entry and enters it anew."""
    try:
        return store.swap(ledger, holders)
    except KubernetesError as error:
        if error.transient:
            return False
        raise


def release(
    client: KubernetesClient, store: LedgerStore, run: str, node: str, context: Context, *, check_mode: bool = False
) -> bool:
    """Give the slot back; returns whether there was one.

    Raises Refused while the node still carries this run's journal, or a restart may be outstanding: then the slot is
    what keeps everybody else away.
    """
    journalled = _journalled_by(client, node, run, context)
    entry = find(store.read_patiently().holders, node)
    if entry is None or entry.run != run:
        return False
    if journalled is None and entry.restart_sent:
        raise Refused(
            f"{node}: there is no such node any more, and a restart sent to its machine may still be outstanding: the "
            "slot is kept until recovery has made sure",
            reason="restart_outstanding",
            node=node,
        )
    if journalled:
        raise Refused(
            f"{node}: still carries the journal of run {run}: uncordon it or roll it back first",
            reason="journal_left",
            node=node,
        )
    if not check_mode:
        store.change(lambda ledger: _without(ledger.holders, node, run))
        context.progress.say("slot released")
    return True


def _without(holders: list[Holder], node: str, run: str) -> list[Holder] | None:
    entry = find(holders, node)
    return without(holders, node) if entry is not None and entry.run == run else None


def _journalled_by(client: KubernetesClient, node: str, run: str, context: Context) -> bool | None:
    """Whether ``node`` carries the journal of ``run``; None when there is no such node."""
    try:
        journal = Node(retried(lambda: client.get(node_path(node)), context.clock)).journal
    except KubernetesError as error:
        if error.status == 404:
            return None
        raise
    return journal is not None and journal.run == run


def stop_all(store: LedgerStore, run: str, node: str, why: str, context: Context) -> bool:
    """Note in the slot that its node failed: no run starts another node until that is resolved."""

    def mark(holders: list[Holder]) -> list[Holder] | None:
        entry = find(holders, node)
        if entry is None or entry.run != run or entry.stopped:
            return None
        return with_holder(holders, replace(entry, stopped=why[:300] or "failed"))

    ledger = store.change(lambda seen: mark(seen.holders))
    kept = find(ledger.holders, node)
    if kept is None or kept.run != run:
        return False
    context.progress.say("keeps its slot: no other node is started until it is resolved")
    return True


def drop_expired(store: LedgerStore, holder: Holder, margin: float, context: Context) -> bool:
    """Remove the entry ``holder`` of a dead run: once it is seen unchanged after a renewal interval, and expired.

    Returns whether it was removed; not so when anybody has touched it.
    """
    context.clock.sleep(store.settings.interval)
    removed: list[Holder] = []

    def drop(ledger: Ledger) -> list[Holder] | None:
        removed.clear()
        entry = find(ledger.holders, holder.node)
        if entry != holder or not entry.expired(ledger.now, margin):
            return None
        removed.append(entry)
        return without(ledger.holders, holder.node)

    store.change(drop)
    return bool(removed)


def break_slot(store: LedgerStore, node: str, *, check_mode: bool = False) -> Holder | None:
    """Revoke the slot of ``node``, whoever has it: its run stops at its next write.

    The entry goes on counting until its ttl has passed, because the run may be in the middle of a request. Returns the
    broken entry, None when there is none.
    """
    found: list[Holder] = []

    def revoke(holders: list[Holder]) -> list[Holder] | None:
        found.clear()
        entry = find(holders, node)
        if entry is None:
            return None
        found.append(entry)
        if entry.revoked or check_mode:
            return None
        return with_holder(holders, replace(entry, revoked=True, ttl=entry.ttl or store.settings.ttl or 300))

    store.change(lambda ledger: revoke(ledger.holders))
    return found[0] if found else None
