# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch streams."""

from __future__ import annotations

import asyncio
import random
from collections import deque

from aiohttp import web

from .resources import Resource
from .status_errors import StatusError, expired
from .store import Change, Selection, Store, Stored, encode
from .views import View

BOOKMARK_SECONDS = 60.0
# How soon a stream notices that its client went away without a word.
PRESENCE_SECONDS = 5.0
_BACKLOG = 50_000
_END_OF_INITIAL_EVENTS = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One stream of events about one selection. ``timeout`` is in seconds."""

    def __init__(
        self, store: Store, resource: Resource, selection: Selection, view: View, bookmarks: bool, timeout: float | None
    ) -> None:
        self._store = store
        self._collection = store.collection(resource)
        self._selection = selection
        self._view = view
        self._bookmarks = bookmarks
        self._timeout = timeout or random.uniform(1800, 3600)
        self._pending: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._first = True
        self._unsubscribe = self._collection.subscribe(selection, self._on_change)

    def _add(self, kind: str, stored: Stored) -> None:
        obj = self._view.watched(stored, self._first)
        self._first = False
        self._pending.append(b'{"type":"' + kind.encode() + b'","object":' + obj + b"}\n")
        self._wake.set()

    def _on_change(self, change: Change) -> None:
        seen = change.seen_by(self._selection)
        if seen is not None and not self._closing:
            self._add(*seen)
            # A client that does not read is cut off, as by the real server, before it costs memory without bound.
            if len(self._pending) > _BACKLOG:
                self._closing = True

    def _bookmark(self, annotations: dict[str, str]) -> None:
        obj = self._view.bookmark(self._store.revision, annotations)
        self._pending.append(b'{"type":"BOOKMARK","object":' + obj + b"}\n")
        self._wake.set()

    def fail(self, error: StatusError) -> None:
        """Ends the stream with an ERROR event."""
        self._pending.append(b'{"type":"ERROR","object":' + encode(error.body()) + b"}\n")
        self.close()

    def close(self) -> None:
        """Ends the stream after what is pending."""
        self._closing = True
        self._wake.set()

    def begin(self, revision: str, initial_events: bool) -> None:
        """Queues what the client must see first: everything there is, or all changes since ``revision``."""
        if initial_events or revision in ("", "0"):
            for stored in self._collection.select(self._selection):
                self._add("ADDED", stored)
            if initial_events and self._bookmarks:
                self._bookmark(_END_OF_INITIAL_EVENTS)
            return
        since = int(revision)
        if since < self._collection.forgotten:
            self.fail(expired(f"too old resource version: {since} ({self._collection.forgotten})"))
            return
        for change in self._collection.since(since):
            seen = change.seen_by(self._selection)
            if seen is not None:
                self._add(*seen)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Writes events until the time is up, the client leaves, or the stream is closed."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        next_bookmark = loop.time() + BOOKMARK_SECONDS
        try:
            await response.prepare(request)
            while True:
                if self._pending:
                    data = b"".join(self._pending)
                    self._pending.clear()
                    await response.write(data)
                    continue
                self._wake.clear()
                now = loop.time()
                if self._closing or now >= end or request.transport is None or request.transport.is_closing():
                    break
                if self._bookmarks and now >= next_bookmark:
                    next_bookmark = now + BOOKMARK_SECONDS
                    self._bookmark({})
                    continue
                await self._sleep(min(end - now, PRESENCE_SECONDS, next_bookmark - now if self._bookmarks else end))
            if self._bookmarks and not self._closing:
                await response.write(
                    b'{"type":"BOOKMARK","object":' + self._view.bookmark(self._store.revision, {}) + b"}\n"
                )
            await response.write_eof()
        except ConnectionError:
            # The client has gone: there is nobody left to tell.
            return response
        finally:
            self._unsubscribe()
        return response

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
