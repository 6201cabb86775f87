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
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.ssh import SshClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import sentinel_row
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.sentinel import DEFAULT_SENTINEL
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import SSH, ssh_access
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.probe import ProbeTarget, probe_all

SPEC: dict[str, dict[str, Any]] = {
    **SSH,
    "nodes": {"type": "list", "elements": "dict", "required": True},
    "only": {"type": "list", "elements": "str"},
    "method": {"type": "str", "choices": ["ssh"], "default": "ssh"},
    "sentinel": {"type": "path", "default": DEFAULT_SENTINEL},
}


def run(params: Mapping[str, Any], _call: Call) -> Result:
    only = params["only"]
    targets = [
        ProbeTarget(row["name"], row.get("address", ""))
        for row in params["nodes"]
        if not row.get("excluded") and (only is None or row["name"] in only)
    ]
    states = probe_all(SshClient(ssh_access(params)), targets, params["sentinel"])
    return {"changed": False, "sentinels": [sentinel_row(name, state) for name, state in states.items()]}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
