# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots: giving one back, keeping it after a failure, and breaking somebody's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from .._clients.kubernetes import KubernetesClient
from .._decisions.ledger import Holder, find, with_holder, without
from .._errors import Refused
from .context import Context
from .kured import Kured
from .ledger import Ledger, LedgerStore
from .node_writes import find_node


def new_writer() -> str:
    """A token that no other task has."""
    return secrets.token_hex(6)


def release(
    client: KubernetesClient,
    store: LedgerStore,
    kured: Kured,
    run: str,
    node: str,
    context: Context,
    *,
    check_mode: bool = False,
) -> bool:
    """Give the slot back, and kured's lock with the last one; returns whether there was a slot.

    Raises Refused while the node still carries this run's journal, or a restart may be outstanding: then the slot is
    what keeps everybody else away.
    """
    present = find_node(client, node, context)
    entry = find(store.read_patiently().holders, node)
    if entry is None or entry.run != run:
        return False
    if entry.restart_sent and (present is None or present.uid != entry.node_uid):
        raise Refused(
            f"{node}: its Node object is gone or a new one, and a restart sent to its machine may still be "
            "outstanding: the slot is kept until recovery has made sure",
            reason="restart_outstanding",
            node=node,
        )
    journal = None if present is None else present.journal
    if journal is not None and journal.run == run:
        raise Refused(
            f"{node}: still carries the journal of run {run}: uncordon it or roll it back first",
            reason="journal_left",
            node=node,
        )
    if not check_mode:
        store.change(lambda ledger: _without(ledger.holders, node, run))
        context.progress.say("slot released")
        let_kured_go(store, kured)
    return True


def let_kured_go(store: LedgerStore, kured: Kured) -> None:
    """Give kured its lock back once nobody of us holds a slot. Raises KubernetesError."""
    ledger = store.read_patiently()
    if not ledger.holders:
        kured.let_go(ledger.now)


def _without(holders: list[Holder], node: str, run: str) -> list[Holder] | None:
    entry = find(holders, node)
    return without(holders, node) if entry is not None and entry.run == run else None


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


def drop_expired(
    store: LedgerStore, holder: Holder, margin: float, context: Context, fence: Callable[[], bool]
) -> bool:
    """Remove the entry ``holder`` of a dead run: once it is seen unchanged after a renewal interval, and expired.

    ``fence`` is called in between: it makes writes to the node fail that its run may still have under way, and says
    whether the node is still untouched. Returns whether the entry was removed; not so when anybody has touched either.
    """
    context.clock.sleep(store.settings.interval)
    if not fence():
        return False
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
