# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a slot: writes are allowed only while this task demonstrably holds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Self

from .._decisions.ledger import Holder, find, with_holder
from .._decisions.times import format_time
from .._errors import GuardLost, KubernetesError, RebootError
from .context import Clock, ParentGuard, SystemClock
from .kured import Kured
from .ledger import Ledger, LedgerStore
from .retry import OUTAGE_SECONDS
from .slot import new_writer

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def suspend_proof_seconds() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a clock."""
    return time.clock_gettime(_BOOTTIME)


class SlotGuard:
    """Keeps a slot young while a phase runs, and answers before each write whether it may still be written.

    Entering it takes a new writer token: a task of the same run that Ansible gave up, but that goes on running, finds
    itself replaced. The age of a renewal is counted from its start. ``kured``'s lock is kept young beside it.
    """

    def __init__(
        self,
        store: LedgerStore,
        run: str,
        node: str,
        *,
        kured: Kured | None = None,
        parent: Callable[[], None] | None = None,
        seconds: Callable[[], float] = suspend_proof_seconds,
    ) -> None:
        self._store = store
        self._run = run
        self._node = node
        self._parent: Callable[[], None] = parent or ParentGuard()
        self._seconds = seconds
        self._kured = kured
        self._writer = new_writer()
        self._renewed_at = float("-inf")
        self._ahead = timedelta()
        self._lost: GuardLost | None = None
        self._renewing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_young, name=f"renew {node}", daemon=True)

    def __enter__(self) -> Self:
        self._renew(lambda entry: replace(entry, writer=self._writer), writer_may_differ=True, seconds=OUTAGE_SECONDS)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def clock(self) -> Clock:
        """A clock that tells the API server's time: what the journal says has to mean the same to every run."""
        return _ServerClock(self)

    @property
    def server_ahead(self) -> timedelta:
        """How far the API server's clock was ahead of ours at the last renewal."""
        return self._ahead

    def __call__(self) -> None:
        self._parent()
        if self._lost is not None:
            raise self._lost
        if self._seconds() - self._renewed_at > self._store.settings.guard:
            self._renew_now(lambda entry: entry)

    def outlive_parent(self) -> None:
        """From now on only clean up, also when the playbook is gone: it was stopped on purpose and told us so."""
        self._parent = lambda: None

    def afresh(self) -> None:
        self._parent()
        self._renew_now(lambda entry: entry)

    def before_restart(self) -> None:
        self._parent()
        self._renew_now(lambda entry: replace(entry, restart_sent=True))

    def restart_settled(self) -> None:
        self._renew_now(lambda entry: replace(entry, restart_sent=False))

    def _renew_now(self, change: Callable[[Holder], Holder]) -> None:
        try:
            self._renew(change)
        except KubernetesError as error:
            raise GuardLost(
                f"{self._node}: the slot could not be renewed: {error.message}",
                reason="lock_unreachable",
                node=self._node,
            ) from error

    def _keep_young(self) -> None:
        pause = self._store.settings.interval
        while not self._ended.wait(pause):
            try:
                self._parent()
                self._renew(lambda entry: entry)
                if self._kured is not None:
                    self._kured.hold(datetime.now(UTC) + self._ahead, self._store.settings.ttl)
                pause = self._store.settings.interval
            except GuardLost as lost:
                self._lost = lost
                return
            except RebootError:
                pause = min(1.0, self._store.settings.interval)  # the guard closes by itself if this goes on

    def _renew(
        self,
        change: Callable[[Holder], Holder],
        *,
        writer_may_differ: bool = False,
        seconds: float | None = None,
    ) -> None:
        """Renew by compare-and-swap, trying for ``seconds``. Raises GuardLost (the slot is lost), KubernetesError."""

        def decide(ledger: Ledger) -> list[Holder]:
            entry = self._own(ledger, writer_may_differ)
            self._ahead = ledger.now - datetime.now(UTC)
            return with_holder(ledger.holders, replace(change(entry), renewed=format_time(ledger.now)))

        with self._renewing:
            while True:
                started = self._seconds()
                self._store.change(decide, seconds=self._store.settings.request if seconds is None else seconds)
                # With several tries the start of the first makes the renewal look older than it is: the safe side.
                self._renewed_at = started
                if self._seconds() - started <= self._store.settings.guard:
                    return

    def _own(self, ledger: Ledger, writer_may_differ: bool) -> Holder:
        entry = find(ledger.holders, self._node)
        if entry is None:
            raise self._gone(f"run {self._run} holds no slot for it")
        if entry.run != self._run:
            raise self._gone(f"its slot was taken over by {entry}")
        if entry.revoked:
            raise self._gone("its slot was broken by an operator")
        if entry.writer != self._writer and not writer_may_differ:
            raise self._gone("another task of the same run has taken its place")
        return entry

    def _gone(self, why: str) -> GuardLost:
        return GuardLost(f"{self._node}: {why}: nothing more is written", reason="lock_lost", node=self._node)


class _ServerClock(SystemClock):
    def __init__(self, guard: SlotGuard) -> None:
        self._guard = guard

    def utcnow(self) -> datetime:
        return super().utcnow() + self._guard.server_ahead
