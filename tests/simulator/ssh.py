# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SSH server per node: real keys, real sessions, and the node's small shell behind them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncssh

from .faults import Fault, Faults
from .machine import Machine
from .shell import Context, run_script

log = logging.getLogger(__name__)

USER = "azureuser"
USER_ID = 1000

_PORT_ATTEMPTS = 50
_BACKLOG = 64


class SshError(Exception):
    """The SSH servers cannot be started; the message says why."""


class SshNode:
    """The SSH server of one machine: listens while the machine runs, and dies with it."""

    def __init__(self, machine: Machine, address: str, host_key: asyncssh.SSHKey, fleet: SshFleet) -> None:
        self.machine = machine
        self.address = address
        self.host_key = host_key
        self._fleet = fleet
        self._listener: socket.socket | None = None
        self._connections: set[asyncssh.SSHServerConnection | socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        machine.subscribe(lambda _machine: self.settle())

    def settle(self) -> None:
        """Listen or not, as power and faults have it now."""
        running = self.machine.power == "running"
        wanted = running and not self._fleet.faults.is_on("ssh-refused", self.machine.name)
        if wanted and self._listener is None:
            self.listen()
        elif not wanted and self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if not running:
            self._die()

    def listen(self) -> None:
        """Open the port; raises OSError when it is taken."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind((self.address, self._fleet.port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)
        self._listener = listener

    def close(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        self._die()

    def _die(self) -> None:
        for connection in list(self._connections):
            if isinstance(connection, socket.socket):
                connection.close()
            else:
                connection.abort()
        self._connections.clear()
        for task in list(self._tasks):
            task.cancel()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _peer = listener.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._fleet.faults.strike("ssh-hang", self.machine.name) is not None:
                self._connections.add(connection)
                return
            task = asyncio.get_running_loop().create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        wrong = self._fleet.faults.strike("ssh-wrong-host-key", self.machine.name) is not None
        key = self._fleet.wrong_host_key if wrong else self.host_key
        try:
            session = await asyncssh.run_server(
                connection,
                server_factory=lambda: _Access(self._fleet.public_key),
                process_factory=self._session,
                server_host_keys=[key],
                errors="replace",
                compression_algs=None,
                kex_algs=("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"),
                password_auth=False,
                kbdint_auth=False,
                agent_forwarding=False,
                login_timeout=30,
                sftp_factory=None,
            )
            self._connections.add(session)
            await session.wait_closed()
            self._connections.discard(session)
        except (asyncssh.Error, OSError) as error:
            log.debug("SSH connection to %s: %s", self.machine.name, error)
        finally:
            connection.close()

    async def _session(self, process: asyncssh.SSHServerProcess[str]) -> None:
        context = Context(
            self.machine,
            USER_ID,
            lambda data: process.stdout.write(data.decode(errors="replace")),
            lambda data: process.stderr.write(data.decode(errors="replace")),
            variables={"HOME": f"/home/{USER}", "USER": USER, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            directory=f"/home/{USER}",
        )
        try:
            if process.command is not None:
                process.exit(await run_script(context, process.command))
            else:
                process.exit(await self._prompt(process, context))
        except (BrokenPipeError, ConnectionError, asyncssh.Error):
            log.debug("a session on %s ended early", self.machine.name)

    async def _prompt(self, process: asyncssh.SSHServerProcess[str], context: Context) -> int:
        """Let a person type commands; without a terminal, read the whole input as one script, as sh does."""
        if process.term_type is None:
            return await run_script(context, await process.stdin.read())
        process.stdout.write(f"{_OS_NAME}, simulated. Last boot: {self.machine.boot_id}\n")
        while True:
            process.stdout.write(f"{USER}@{self.machine.name}:{context.directory}$ ")
            try:
                line = await process.stdin.readline()
            except asyncssh.BreakReceived:
                process.stdout.write("\n")
                continue
            if not line or line.strip() in ("exit", "logout"):
                return context.status
            context.status = await run_script(context, line)


_OS_NAME = "Ubuntu 22.04.5 LTS"


class _Access(asyncssh.SSHServer):
    """Lets one user in with one key."""

    def __init__(self, public_key: asyncssh.SSHKey) -> None:
        self._public_key = public_key

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key.public_data == self._public_key.public_data


class SshFleet:
    """The SSH servers of all nodes, on one port number.

    port: that number; directory gets id_ed25519, id_ed25519.pub, known_hosts and ssh_config.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.port = 0
        self.nodes: dict[str, SshNode] = {}
        self.wrong_host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._user_key = asyncssh.generate_private_key("ssh-ed25519", comment=f"{USER}@aks-simulator")
        self.public_key = self._user_key.convert_to_public()
        faults.subscribe(self._fault_changed)

    def add(self, machine: Machine, address: str) -> None:
        """Take a machine in, before start()."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.nodes[machine.name] = SshNode(machine, address, key, self)

    def start(self) -> None:
        """Open the same free port on every node's address; raises SshError."""
        problem: OSError | None = None
        for port in _free_ports():
            self.port = port
            try:
                for node in self.nodes.values():
                    node.listen()
            except OSError as error:
                problem = error
                self.close()
            else:
                return
        raise SshError(
            f"no port is free on all of 127.10.x.y ({problem}); on macOS add the addresses with `ifconfig lo0 alias`"
        )

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()

    def write_files(self, directory: Path) -> None:
        """Write what an SSH client needs to reach the nodes by name or address."""
        _write_private(directory / "id_ed25519", self._user_key.export_private_key())
        (directory / "id_ed25519.pub").write_bytes(self._user_key.export_public_key())
        (directory / "known_hosts").write_text("".join(self._known_hosts()), encoding="utf-8")
        (directory / "ssh_config").write_text("".join(self._ssh_config(directory)), encoding="utf-8")

    def _known_hosts(self) -> Iterator[str]:
        for node in self.nodes.values():
            public = node.host_key.export_public_key().decode().strip()
            yield f"[{node.address}]:{self.port} {public}\n"

    def _ssh_config(self, directory: Path) -> Iterator[str]:
        for node in self.nodes.values():
            yield f"Host {node.machine.name}\n    HostName {node.address}\n"
        yield (
            "Host *\n"
            f"    Port {self.port}\n"
            f"    User {USER}\n"
            f'    IdentityFile "{directory / "id_ed25519"}"\n'
            "    IdentitiesOnly yes\n"
            f'    UserKnownHostsFile "{directory / "known_hosts"}"\n'
            "    StrictHostKeyChecking yes\n"
        )

    def _fault_changed(self, fault: Fault) -> None:
        if fault.kind == "ssh-refused":
            for name, node in self.nodes.items():
                if fault.node in (None, name):
                    node.settle()


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _free_ports() -> Iterator[int]:
    for dummy in range(_PORT_ATTEMPTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            yield int(probe.getsockname()[1])
