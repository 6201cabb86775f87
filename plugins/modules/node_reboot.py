#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
TBD
"""

EXAMPLES = r"""
"""

RETURN = r"""
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.arm import ArmClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.kubernetes import KubernetesClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.ssh import SshClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.sentinel import DEFAULT_SENTINEL
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    AZURE,
    KUBERNETES,
    NODE,
    SSH,
    azure_access,
    kubernetes_access,
    require_not_negative,
    ssh_access,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.check import Expected, check
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.proof import SentinelCheck, WaitLimits
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.reboot import RebootOptions, reboot
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.restart import (
    ArmRestarter,
    Restarter,
    SshRestarter,
)

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **AZURE,
    **SSH,
    **NODE,
    "method": {"type": "str", "choices": ["vmss", "ssh"], "default": "vmss"},
    "reboot_command": {"type": "str", "default": "/bin/systemctl reboot"},
    "force_reboot": {"type": "bool", "default": False},
    "reboot_timeout": {"type": "int", "default": 2400},
    "poll_interval": {"type": "int", "default": 10},
    "restart_horizon": {"type": "int", "default": 3900},
    "guest_timeout": {"type": "int", "default": 600},
    "volume_detach_timeout": {"type": "int", "default": 60},
    "retry_after_limit": {"type": "int", "default": 300},
    "sentinel_method": {"type": "str", "choices": ["ssh", "none"], "default": "ssh"},
    "sentinel": {"type": "path", "default": DEFAULT_SENTINEL},
    "ignore_sentinel": {"type": "bool", "default": False},
    "expected_uid": {"type": "str", "default": ""},
    "expected_boot_id": {"type": "str", "default": ""},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(
        params,
        "reboot_timeout",
        "poll_interval",
        "restart_horizon",
        "guest_timeout",
        "volume_detach_timeout",
        "retry_after_limit",
    )
    name, context = params["node"], call.context(params["node"])
    by_ssh = params["sentinel_method"] == "ssh"
    shell = SshClient(ssh_access(params)) if by_ssh or params["method"] == "ssh" else None
    sentinel = SentinelCheck(shell, params["sentinel"]) if shell is not None and by_ssh else None
    with ExitStack() as stack:
        client = stack.enter_context(KubernetesClient(kubernetes_access(params)))
        restarter = _restarter(params, shell, stack)
        if call.check_mode:
            expected = Expected(params["expected_uid"], params["expected_boot_id"])
            asked = None if params["ignore_sentinel"] else sentinel
            checked = check(client, name, restarter, asked, expected, params["run_id"], context)
            return {"changed": checked.due, "node": name, **asdict(checked)}
        options = RebootOptions(
            run=params["run_id"],
            force_reboot=params["force_reboot"],
            volume_detach_timeout=params["volume_detach_timeout"],
            retry_after_limit=params["retry_after_limit"],
            limits=WaitLimits(
                timeout=params["reboot_timeout"],
                poll=params["poll_interval"],
                horizon=params["restart_horizon"],
                guest=params["guest_timeout"],
            ),
        )
        result = reboot(client, name, restarter, sentinel, options, context)
    return {"changed": result.restart_sent, "node": name, **asdict(result)}


def _restarter(params: Mapping[str, Any], shell: SshClient | None, stack: ExitStack) -> Restarter:
    if shell is not None and params["method"] == "ssh":
        return SshRestarter(shell, params["reboot_command"], sudo=params["ssh_sudo"])
    access = azure_access(params)
    return ArmRestarter(lambda subscription: stack.enter_context(ArmClient(access, subscription)))


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
