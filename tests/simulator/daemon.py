# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that a simulated cluster lives in: start, serve the command line, end on a signal or on request."""

from __future__ import annotations

import asyncio
import gc
import hmac
import json
import logging
import os
import resource
import secrets
import shlex
import signal
from collections.abc import Callable
from typing import Any

import aiohttp
import yaml

from .cluster import Plan, Simulator, write_private
from .control import remove_control_file, write_control_file
from .faults import FaultError
from .kube_client import ApiError, KubeconfigError
from .kubelet import KubeletError
from .layout import LayoutError
from .scenario import ScenarioError
from .ssh import SshError

log = logging.getLogger(__name__)

_LARGEST_MESSAGE = 1 << 20
_OPEN_FILES = 16_384

StartError = (
    LayoutError,
    ScenarioError,
    SshError,
    KubeletError,
    KubeconfigError,
    FaultError,
    ApiError,
    ValueError,
    OSError,
    aiohttp.ClientError,
)


def run(plan: Plan, ready: Callable[[str], None]) -> int:
    """Run until told to end. `ready` gets "" when all is up, or why it cannot be. Returns the exit status."""
    # Cyclic garbage is rare here and the heap is large and stable: look for it seldom.
    gc.set_threshold(50_000, 20, 100)
    _allow_many_files()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    return asyncio.run(_run(plan, ready))


def _allow_many_files() -> None:
    """A socket per node is more than many systems allow a process at first, but not more than it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(plan: Plan, ready: Callable[[str], None]) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    simulator: Simulator | None = None
    try:
        simulator = Simulator(plan)
        await simulator.start()
        service = _Service(simulator, ended)
        server = await asyncio.start_server(service.talk, "127.0.0.1", 0, limit=_LARGEST_MESSAGE)
        _write_files(simulator)
        write_control_file(plan.directory, server.sockets[0].getsockname()[1], service.token)
    except StartError as error:
        log.debug("start failed", exc_info=True)
        if simulator is not None:
            await simulator.close()
        ready(" ".join(str(error).split()) or type(error).__name__)
        return 1
    gc.freeze()
    ready("")
    failure = loop.create_task(simulator.failed.wait())
    await asyncio.wait((loop.create_task(ended.wait()), failure), return_when=asyncio.FIRST_COMPLETED)
    failed = simulator.failed.is_set()
    server.close()
    await simulator.close()
    remove_control_file(plan.directory)
    return 1 if failed else 0


def _write_files(simulator: Simulator) -> None:
    directory = simulator.plan.directory
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in simulator.environment().items())
    write_private(directory / "env", exports)
    write_private(directory / "vars.yml", "---\n" + yaml.safe_dump(simulator.variables(), sort_keys=True))


class _Service:
    """Answers the command line."""

    def __init__(self, simulator: Simulator, ended: asyncio.Event) -> None:
        self.token = secrets.token_urlsafe(24)
        self._simulator = simulator
        self._ended = ended

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line:
                writer.write(json.dumps(self._answer(line)).encode())
                await writer.drain()
        except (OSError, ValueError) as error:
            log.debug("command line: %s", error)
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        message = json.loads(line)
        if not hmac.compare_digest(str(message.get("token")), self.token):
            return {"error": "this is another simulator: the control file is not its own"}
        try:
            return {"result": self._do(message["operation"], message["options"])}
        except FaultError as error:
            return {"error": str(error)}

    def _do(self, operation: str, options: dict[str, Any]) -> Any:
        faults = self._simulator.faults
        if operation == "stop":
            self._ended.set()
            return {"pid": os.getpid()}
        if operation == "state":
            return self._simulator.state(bool(options.get("requests")), bool(options.get("history")))
        if operation.startswith("gate-"):
            return self._gate(operation.removeprefix("gate-"), options)
        if operation == "fault-on":
            return self._simulator.switch_on(options).as_dict()
        if operation == "fault-off":
            if options["id"] is None:
                faults.off_all()
            else:
                faults.off(options["id"])
            return faults.list()
        if operation == "fault-release":
            faults.release(options["id"])
            return faults.list()
        return faults.list()

    def _gate(self, operation: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        gate = self._simulator.gate
        if operation == "close":
            gate.close()
        elif operation == "open":
            gate.open(options.get("how", "through"))
        elif operation == "decide":
            gate.decide(options["id"], str(options["how"]))
        return gate.list()
