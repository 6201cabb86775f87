# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate for the writes of others: while it is closed, each of them waits until it is told what becomes of it."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .faults import FaultError, Server
from .kube_client import USER_AGENT_PREFIX
from .middlewares import cut, server_of

How = Literal["through", "lost", "unanswered"]
_WAYS: tuple[How, ...] = ("through", "lost", "unanswered")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


def _undecided() -> asyncio.Future[How]:
    return asyncio.get_running_loop().create_future()


@dataclasses.dataclass(eq=False)
class _Waiting:
    """One request at the gate. carried_out: only its answer is still kept back."""

    id: int
    server: Server
    method: str
    path: str
    body: str
    carried_out: bool = False
    decision: asyncio.Future[How] = dataclasses.field(default_factory=_undecided)

    def as_dict(self) -> dict[str, Any]:
        names = ("id", "server", "method", "path", "body", "carried_out")
        return {name: getattr(self, name) for name in names}


class Gate:
    """Open at first. The simulator's own requests and those for tokens never wait."""

    def __init__(self) -> None:
        self._closed = False
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}

    def close(self) -> None:
        self._closed = True

    def open(self, how: str | None = "through") -> None:
        """Nobody waits any more from now on. Those who do wait go on as decide() says, or wait on for None."""
        self._closed = False
        for waiting in list(self._waiting.values()) if how is not None else []:
            if not waiting.decision.done():
                self.decide(waiting.id, str(how))

    def list(self) -> list[dict[str, Any]]:
        """The requests that wait, in order of their arrival."""
        return [waiting.as_dict() for waiting in self._waiting.values() if not waiting.decision.done()]

    def decide(self, identity: int, how: str) -> None:
        """Let a request go ``through``; cut its connection (``lost``); or carry it out and keep its answer back, which
        waits here again (``unanswered``). Raises FaultError when it does not wait, or is carried out already.
        """
        waiting = self._waiting.get(identity)
        if waiting is None or waiting.decision.done():
            raise FaultError(f"gate: no request {identity} waits; waiting are: {list(self._waiting) or 'none'}")
        way = next((known for known in _WAYS if known == how), None)
        if way is None or (way == "unanswered" and waiting.carried_out):
            raise FaultError(f"gate: request {identity} cannot go {how}: give {', '.join(_WAYS)} (the last one once)")
        waiting.decision.set_result(way)

    def middleware(self, server: Server) -> Middleware:
        """Makes the writes to one server wait."""

        @web.middleware
        async def stand(request: web.Request, handler: Handler) -> web.StreamResponse:
            own = request.headers.get("User-Agent", "").startswith(USER_AGENT_PREFIX)
            to = server_of(request, server)
            if not self._closed or own or to == "entra" or request.method not in _WRITES:
                return await handler(request)
            waiting = _Waiting(next(self._numbers), to, request.method, request.path, await request.text())
            how = await self._wait(waiting)
            if how == "lost":
                return cut(request)
            response = await handler(request)
            if how == "through":
                return response
            again = dataclasses.replace(waiting, carried_out=True, decision=_undecided())
            return response if await self._wait(again) == "through" else cut(request)

        return stand

    async def _wait(self, waiting: _Waiting) -> How:
        self._waiting[waiting.id] = waiting
        try:
            return await waiting.decision
        finally:
            del self._waiting[waiting.id]
