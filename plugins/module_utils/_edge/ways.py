# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's options to the ways into a cluster: restart, shell, sentinel; and who we are."""

from __future__ import annotations

import getpass
import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from .._clients.arm import ArmClient
from .._clients.ssh import SshClient
from .._operations.proof import SentinelCheck
from .._operations.restart import ArmRestarter, Restarter, SshRestarter
from .specs import azure_access, ssh_access


def sentinel_check(params: Mapping[str, Any]) -> SentinelCheck | None:
    """How to look at a node's sentinel; None when the user does not want it looked at.

    Raises InvalidSetting, MissingLibrary.
    """
    if params["sentinel_method"] == "none":
        return None
    return SentinelCheck(SshClient(ssh_access(params)), params["sentinel"])


def restarter(params: Mapping[str, Any], stack: ExitStack) -> Restarter:
    """The way to restart that ``method`` names; sessions that it opens are closed by ``stack``."""
    if params["method"] == "ssh":
        return SshRestarter(SshClient(ssh_access(params)), params["reboot_command"], sudo=params["ssh_sudo"])
    access = azure_access(params)
    return ArmRestarter(lambda subscription: stack.enter_context(ArmClient(access, subscription)))


def who() -> str:
    """Whose run this is, for people who look at the lock."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def new_run_id() -> str:
    """An id that no other run has, and whose beginning tells when it was made."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
