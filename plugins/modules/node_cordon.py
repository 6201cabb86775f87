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
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.node import Node
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import owner_states
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    KUBERNETES,
    NODE,
    kubernetes_access,
    require_not_negative,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import RebootError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.cordon import (
    CordonOptions,
    cordon,
    roll_back,
    uncordon,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.settle import settle

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **NODE,
    "state": {"type": "str", "choices": ["cordoned", "uncordoned", "rolled_back"], "default": "cordoned"},
    "reason": {"type": "str", "default": ""},
    "method": {"type": "str", "default": ""},
    "autoscaler_guard": {"type": "bool", "default": True},
    "still_required": {"type": "bool", "default": False},
    "settle_owners": {"type": "list", "elements": "dict", "default": []},
    "settle_timeout": {"type": "int", "default": 300},
    "settle_required": {"type": "bool", "default": False},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "settle_timeout")
    name, run_id, context = params["node"], params["run_id"], call.context(params["node"])
    result: Result = {"node": name}
    with KubernetesClient(kubernetes_access(params)) as client:
        if params["state"] == "cordoned":
            options = CordonOptions(run_id, params["reason"], params["method"], params["autoscaler_guard"])
            change = cordon(client, name, options, context, check_mode=call.check_mode)
        elif params["state"] == "rolled_back":
            rolled_back = roll_back(client, name, run_id, context, check_mode=call.check_mode)
            change = rolled_back.change
            result |= {"kept": bool(rolled_back.kept), "kept_message": rolled_back.kept}
        else:
            change = uncordon(
                client,
                name,
                run_id,
                context,
                still_required=params["still_required"],
                check_mode=call.check_mode,
            )
            owners = owner_states(params["settle_owners"])
            lagging = []
            if change.changed and not call.check_mode:
                lagging = settle(client, owners, context, timeout=params["settle_timeout"])
            if lagging and params["settle_required"]:
                raise RebootError(
                    f"{name}: back in service, but not all that it displaced is: {', '.join(lagging)}",
                    reason="not_settled",
                    node=name,
                    details={"changed": True, "lagging": lagging},
                )
            result["lagging"] = lagging
    return {
        **result,
        "changed": change.changed,
        "was_cordoned": change.before.unschedulable,
        "cordoned": change.after.unschedulable,
        "diff": {"before": _marks(change.before), "after": _marks(change.after)},
    }


def _marks(node: Node) -> dict[str, Any]:
    return {"unschedulable": node.unschedulable, "annotations": node.own_annotations}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
