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

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.kubernetes import KubernetesClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.selection import Selection
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import KUBERNETES, kubernetes_access
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.inventory import list_nodes

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    "nodes": {"type": "list", "elements": "str"},
    "pools": {"type": "list", "elements": "str", "default": []},
    "include_spot": {"type": "bool", "default": False},
    "include_auto_provisioned": {"type": "bool", "default": False},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    selection = Selection(tuple(params["pools"]), params["include_spot"], params["include_auto_provisioned"])
    with KubernetesClient(kubernetes_access(params)) as client:
        return {"changed": False, **list_nodes(client, params["nodes"], selection, call.context("cluster"))}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
