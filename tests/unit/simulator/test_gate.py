# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate at which the writes of others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web

from ansible_collections.kubeops.aks_reboot.tests.simulator.faults import FaultError
from ansible_collections.kubeops.aks_reboot.tests.simulator.gate import Gate
from ansible_collections.kubeops.aks_reboot.tests.simulator.middlewares import record_requests
from ansible_collections.kubeops.aks_reboot.tests.simulator.recorder import Recorder


class Server:
    """Remembers the bodies that reach it, behind a gate."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.recorder = Recorder()
        self.got: list[str] = []
        application = web.Application(middlewares=[record_requests(self.recorder, "api"), self.gate.middleware("api")])
        application.router.add_route("*", "/{path:.*}", self._answer)
        self.runner = web.AppRunner(application)

    async def start(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/x"

    async def _answer(self, request: web.Request) -> web.Response:
        self.got.append(await request.text())
        return web.Response(text="done")

    async def send(self, method: str, body: str = "", agent: str = "somebody") -> str:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url, data=body, headers={"User-Agent": agent}) as response,
        ):
            return await response.text()

    async def waiting(self) -> int:
        await until(self.gate.list)
        return int(self.gate.list()[0]["id"])


async def until(condition: Callable[[], object]) -> None:
    for _look in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    server.gate.open()
    await server.runner.cleanup()


async def test_only_writes_of_others_wait(server: Server) -> None:
    assert await server.send("POST", "open") == "done"
    server.gate.close()
    assert await server.send("GET") == "done"
    assert await server.send("PATCH", "own", agent="aks-simulator/kubelet") == "done"
    waiting = asyncio.create_task(server.send("PATCH", "held"))
    await server.waiting()
    [found] = server.gate.list()
    wanted = {"server": "api", "method": "PATCH", "path": "/x", "body": "held", "carried_out": False}
    assert found == wanted | {"id": found["id"]}
    assert "held" not in server.got
    server.gate.open()
    assert await waiting == "done"
    assert server.gate.list() == []


async def test_lost(server: Server) -> None:
    server.gate.close()
    waiting = asyncio.create_task(server.send("POST", "lost"))
    number = await server.waiting()
    server.gate.decide(number, "lost")
    with pytest.raises(aiohttp.ClientError):
        await waiting
    assert server.got == []
    assert server.recorder.list()[0]["status"] == 0


@pytest.mark.parametrize("last", ["through", "lost"])
async def test_unanswered(server: Server, last: str) -> None:
    server.gate.close()
    waiting = asyncio.create_task(server.send("POST", "slow"))
    number = await server.waiting()
    server.gate.decide(number, "unanswered")
    await until(lambda: any(waits["carried_out"] for waits in server.gate.list()))
    assert server.got == ["slow"]
    with pytest.raises(FaultError, match="cannot go unanswered"):
        server.gate.decide(number, "unanswered")
    server.gate.decide(number, last)
    if last == "through":
        assert await waiting == "done"
    else:
        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_requests_outlive_their_client(server: Server) -> None:
    server.gate.close()
    waiting = asyncio.create_task(server.send("POST", "late"))
    number = await server.waiting()
    waiting.cancel()
    await asyncio.sleep(0.05)
    server.gate.decide(number, "through")
    await until(lambda: server.got)
    assert server.got == ["late"]


async def test_refusals(server: Server) -> None:
    with pytest.raises(FaultError, match="no request 7 waits; waiting are: none"):
        server.gate.decide(7, "through")
    server.gate.close()
    waiting = asyncio.create_task(server.send("POST"))
    number = await server.waiting()
    with pytest.raises(FaultError, match="cannot go away: give through, lost, unanswered"):
        server.gate.decide(number, "away")
    server.gate.open()
    await waiting


async def test_open_for_new_ones_only(server: Server) -> None:
    server.gate.close()
    waiting = asyncio.create_task(server.send("POST", "old"))
    number = await server.waiting()
    server.gate.open(None)
    assert await server.send("POST", "new") == "done"
    assert [item["id"] for item in server.gate.list()] == [number]
    server.gate.open("lost")
    with pytest.raises(aiohttp.ClientError):
        await waiting
    assert server.got == ["new"]
