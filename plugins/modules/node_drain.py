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
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.drain_filters import DrainOptions
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import owner_row
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    KUBERNETES,
    NODE,
    kubernetes_access,
    require_not_negative,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.drain import drain

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **NODE,
    "force": {"type": "bool", "default": True},
    "delete_emptydir_data": {"type": "bool", "default": True},
    "ignore_daemonsets": {"type": "bool", "default": True},
    "pod_selector": {"type": "str", "default": ""},
    "grace_period": {"type": "int", "default": -1},
    "timeout": {"type": "int", "default": 1800},
    "skip_wait_for_delete_timeout": {"type": "int", "default": 0},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "timeout", "skip_wait_for_delete_timeout")
    options = DrainOptions(
        force=params["force"],
        delete_emptydir_data=params["delete_emptydir_data"],
        ignore_daemonsets=params["ignore_daemonsets"],
        pod_selector=params["pod_selector"],
        grace_period=params["grace_period"],
        timeout=params["timeout"],
        skip_wait_for_delete_timeout=params["skip_wait_for_delete_timeout"],
    )
    name = params["node"]
    with KubernetesClient(kubernetes_access(params)) as client:
        result = drain(client, name, params["run_id"], options, call.context(name), check_mode=call.check_mode)
    return {
        "changed": bool(result.evicted),
        "node": name,
        "evicted": [{"namespace": pod.namespace, "name": pod.name, "uid": pod.uid} for pod in result.evicted],
        "left": [{"pod": pod, "reason": reason} for pod, reason in result.left.items()],
        "warnings_by_pod": [{"pod": pod, "warning": warning} for pod, warning in result.warnings.items()],
        "returned": result.returned,
        "owners": [owner_row(state) for state in result.owners],
        "seconds": round(result.seconds, 1),
    }


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
