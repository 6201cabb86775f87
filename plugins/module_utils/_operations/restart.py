# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to restart a node's machine: through Azure, or in the guest over SSH."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .._clients.arm import ArmClient, Operation
from .._decisions.identity import Machine
from .._decisions.node import Node
from .._errors import ArmError, RebootError, Refused, SshError
from .probe import Shell


class NotSent(RebootError):
    """The restart was definitely not carried out. ``retry_after`` (seconds) is set when it is worth another try."""

    def __init__(self, message: str, *, reason: str, retry_after: float | None = None) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class Unknown(RebootError):
    """The restart may have been accepted, or not."""


class Restarter(Protocol):
    """One way to restart machines."""

    in_guest: bool

    def check(self, node: Node) -> None:
        """Raise RebootError unless a restart of ``node`` could be sent now."""

    def send(self, node: Node, guard: Callable[[], None]) -> str:
        """Send the restart once; returns the URL of its operation, empty when there is none.

        ``guard`` is asked when all is ready, right before the request leaves: signing in may have taken its time.
        Raises what it raises (nothing was sent then), :class:`NotSent`, :class:`Unknown`.
        """

    def operation(self, node: Node, url: str) -> Operation:
        """How the operation at ``url`` on the machine of ``node`` stands. Raises ArmError."""


DEFAULT_RETRY_SECONDS = 30.0
"""What to wait when Azure says busy (409) or too many (429) without saying for how long."""


class ArmRestarter:
    """Restarts exactly one instance of a scale set, or one machine, through Azure Resource Manager."""

    in_guest = False

    def __init__(self, connect: Callable[[str], ArmClient]) -> None:
        """``connect`` makes a session for the subscription of a given id; it is called once."""
        self._connect = connect
        self._client: ArmClient | None = None

    def _session(self, machine: Machine) -> ArmClient:
        if self._client is None:
            self._client = self._connect(machine.subscription)
        return self._client

    def check(self, node: Node) -> None:
        machine = machine_of(node)
        state = self._session(machine).power_state(machine)
        if state not in ("running", ""):
            raise RebootError(
                f"{node.name}: its machine is {state} according to Azure: start it, or let AKS replace it",
                reason="machine_not_running",
                node=node.name,
            )

    def send(self, node: Node, guard: Callable[[], None]) -> str:
        machine = machine_of(node)
        try:
            return self._session(machine).restart(machine, guard)
        except ArmError as error:
            if error.outcome == "unknown":
                raise Unknown(error.message, reason=error.reason, node=node.name) from error
            pause = error.retry_after or DEFAULT_RETRY_SECONDS
            raise NotSent(
                error.message, reason=error.reason, retry_after=pause if error.status in (409, 429) else None
            ) from error

    def operation(self, node: Node, url: str) -> Operation:
        return self._session(machine_of(node)).operation(url)


class SshRestarter:
    """Reboots the node from inside, as kured does. There is no operation; the connection usually dies under it."""

    in_guest = True

    def __init__(self, shell: Shell, command: str, *, sudo: bool) -> None:
        self._shell = shell
        self._sudo = "sudo -n " if sudo else ""
        self._command = f"{self._sudo}{command}"

    def check(self, node: Node) -> None:
        command = f"{self._sudo}true"
        result = self._shell.run(node.address, command)
        if result.status != 0:
            raise RebootError(
                f"{node.name}: the command {command!r} over SSH ended with status {result.status}: "
                f"{result.stderr.strip() or 'no output'}",
                reason="ssh_refused",
                node=node.name,
            )

    def send(self, node: Node, guard: Callable[[], None]) -> str:
        try:
            result = self._shell.run(node.address, self._command, before=guard)
        except SshError as error:
            if error.reason in ("ssh_broken", "ssh_timeout"):
                return ""
            raise NotSent(error.message, reason=error.reason) from error
        if result.status > 0:
            raise NotSent(
                f"{node.name}: the reboot command {self._command!r} ended with status {result.status}: "
                f"{result.stderr.strip() or result.stdout.strip() or 'no output'}",
                reason="reboot_command_failed",
            )
        return ""

    def operation(self, node: Node, url: str) -> Operation:
        raise AssertionError(f"{node.name}: a reboot in the guest has no operation, not even {url}")


def machine_of(node: Node) -> Machine:
    """The node's virtual machine. Raises Refused when it is none of Azure's."""
    if node.machine is None:
        raise Refused(
            f"{node.name}: its provider ID {node.provider_id!r} is no virtual machine of Azure",
            reason="not_a_machine",
            node=node.name,
        )
    return node.machine
