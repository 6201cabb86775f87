# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to the ways into a cluster: restart, shell, sentinel; and who we are."""

from __future__ import annotations

import getpass
import secrets
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property

from .._clients.arm import ArmClient
from .._clients.ssh import SshClient
from .._operations.proof import SentinelCheck
from .._operations.restart import ArmRestarter, Restarter, SshRestarter
from .specs import Params, azure_access, ssh_access


class Ways:
    """The ways into the nodes that a module's options name. What they need is read once, however many use it, and
    sessions that they open are closed by ``stack``."""

    def __init__(self, params: Params, stack: ExitStack) -> None:
        self._params = params
        self._stack = stack

    @cached_property
    def _shell(self) -> SshClient:
        return SshClient(ssh_access(self._params))

    def sentinel_check(self) -> SentinelCheck | None:
        """How to look at a node's sentinel; None when the user does not want it looked at.

        Raises InvalidSetting, MissingLibrary.
        """
        if self._params["sentinel_method"] == "none":
            return None
        return SentinelCheck(self._shell, self._params["sentinel"])

    def restarter(self, method: str) -> Restarter:
        """The way to restart that ``method`` names. Raises InvalidSetting, MissingLibrary."""
        if method == "ssh":
            return SshRestarter(self._shell, self._params["reboot_command"], sudo=self._params["ssh_sudo"])
        access = azure_access(self._params)
        return ArmRestarter(lambda subscription: self._stack.enter_context(ArmClient(access, subscription)))


def who() -> str:
    """Whose run this is, for people who look at the lock."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def new_run_id() -> str:
    """An id that no other run has, and whose beginning tells when it was made."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
