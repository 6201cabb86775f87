# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work queue of a controller: keys of objects to look at again, each by one worker at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp

from ..kube_client import ApiError

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""(namespace, name); the namespace is "" for cluster-scoped kinds."""

_FIRST_RETRY = 0.02
_LAST_RETRY = 1.0


def is_refusal(error: Exception) -> bool:
    """Whether the server or the connection is to blame, which a later attempt may find in a better mood."""
    if isinstance(error, ExceptionGroup):
        return all(is_refusal(inner) for inner in error.exceptions)
    return isinstance(error, ApiError | aiohttp.ClientError | OSError | TimeoutError)


class WorkQueue:
    """Calls `reconcile` for every key that was added, until it succeeds.

    A key that is added while it waits is done once; one that is added while it is worked on is done once more.
    workers: keys that may be worked on at the same time.
    pause: gives the seconds that have to pass between two turns of the same key, so that a large object that changes
    all the time does not keep the loop busy.
    """

    def __init__(
        self,
        name: str,
        reconcile: Callable[[Key], Awaitable[None]],
        workers: int = 4,
        pause: Callable[[], float] | None = None,
    ) -> None:
        self._name = name
        self._reconcile = reconcile
        self._workers = workers
        self._pause = pause
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._active: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._not_before: dict[Key, float] = {}

    def add(self, key: Key, after: float = 0.0) -> None:
        """Have `key` looked at in `after` seconds, or earlier when something else asks for it."""
        now = asyncio.get_running_loop().time()
        due = max(now + after, self._not_before.get(key, 0.0))
        if due <= now:
            self._add_now(key)
            return
        timer = self._timers.get(key)
        if timer is None or timer.when() > due:
            if timer is not None:
                timer.cancel()
            self._timers[key] = asyncio.get_running_loop().call_at(due, self._add_now, key)

    def _add_now(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._active:
            self._ready.put_nowait(key)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._workers):
                group.create_task(self._work(), name=f"{self._name}-{number}")

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._active.add(key)
            try:
                await self._turn(key)
            finally:
                self._active.discard(key)
                if key in self._waiting:
                    self._waiting.discard(key)
                    self.add(key)

    async def _turn(self, key: Key) -> None:
        try:
            await self._reconcile(key)
        except Exception as error:
            # One object that a controller cannot digest must not stop the others.
            if is_refusal(error):
                log.debug("%s %s: %s", self._name, "/".join(key), error)
            else:
                log.exception("%s %s", self._name, "/".join(key))
            self._retry(key)
        else:
            self._failures.pop(key, None)
        pause = self._pause() if self._pause is not None else 0.0
        if pause:
            self._not_before[key] = asyncio.get_running_loop().time() + pause

    def _retry(self, key: Key) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add(key, min(_FIRST_RETRY * 2 ** min(failures, 10), _LAST_RETRY))
