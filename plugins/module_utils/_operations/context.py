# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every operation on a node is given beside its own options: the right to write, a clock, and a voice."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from .._errors import GuardLost


class Clock(Protocol):
    """Time as an operation sees it; tests put their own in its place."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None: ...

    def utcnow(self) -> datetime: ...


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def utcnow(self) -> datetime:
        return datetime.now(UTC)


class Guard(Protocol):
    """The right to write: asked right before each write, it raises :class:`GuardLost` when it is gone."""

    def __call__(self) -> None: ...

    def afresh(self) -> None:
        """Prove the right anew, whatever is remembered of it."""

    def before_restart(self) -> None:
        """As :meth:`afresh`, and note where others see it that a restart may be outstanding from now on."""

    def restart_settled(self) -> None:
        """Take that note back: no restart is outstanding any more."""


class Interrupted(BaseException):
    """Somebody stops us: Ctrl-C, SIGTERM. Not an Exception, so that nobody takes it for a failure of his own."""


class ParentGuard:
    """Refuses to write once the process that started us is gone: a killed playbook leaves nobody who goes on."""

    def __init__(self) -> None:
        # In a worker process of Ansible the parent is known from before the fork: one that is gone already is noticed.
        started_by = multiprocessing.parent_process()
        self._parent = os.getppid() if started_by is None else started_by.pid

    def __call__(self) -> None:
        if os.getppid() != self._parent:
            raise GuardLost("the playbook that started this task is gone: nothing more is written", reason="orphaned")


class NoWrites:
    """The guard of whoever only looks: a write would be a mistake in the code."""

    def __call__(self) -> None:
        raise AssertionError("an operation that only looks has tried to write")

    def afresh(self) -> None:
        self()

    def before_restart(self) -> None:
        self()

    def restart_settled(self) -> None:
        self()


PROGRESS_SECONDS = 30.0


@dataclass
class Progress:
    """Tells what happens to a node: one line for each change of state, and one every 30 s of waiting."""

    node: str
    sink: Callable[[str], None] = lambda _line: None
    clock: Clock = field(default_factory=SystemClock)
    _last: float = field(default=float("-inf"), init=False)
    _waiting: str = field(default="", init=False)

    def say(self, text: str) -> None:
        self._last = self.clock.monotonic()
        self.sink(f"{self.node}: {text}")

    def waiting(self, phase: str, what: str, elapsed: float, limit: float, *, state: str = "") -> None:
        """Say ``phase: waiting for what`` when ``state`` (by itself ``what``) is new or 30 s have passed.

        ``elapsed`` and ``limit`` are in seconds; a ``limit`` of 0 means none.
        """
        state = state or what
        if state == self._waiting and self.clock.monotonic() - self._last < PROGRESS_SECONDS:
            return
        self._waiting = state
        self.say(f"{phase}: waiting for {what} ({elapsed:.0f} s{f' of {limit:.0f} s' if limit else ''})")


@dataclass
class Context:
    """``guard`` is called right before each write."""

    progress: Progress
    guard: Guard
    clock: Clock = field(default_factory=SystemClock)
