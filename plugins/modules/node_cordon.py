#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_cordon
short_description: Take a node out of service for a reboot, and give it back as it was
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - The first and the last step of a reboot. What the first does and the last undoes is written down on the node itself,
    in the journal (annotation C(aks-reboot/journal)), in the same request.
  - With O(state=cordoned) the node is cordoned, the journal begins, and the cluster autoscaler is kept from removing
    the node while it is empty. A node that this run has cordoned already is left as it is.
  - A node that is on hold (annotation C(aks-reboot/hold)), about to be removed by an autoscaler, being upgraded by AKS,
    or in the hands of another run is refused, and nothing is written.
  - With O(state=uncordoned) the node is put back to what it was before. A node that was cordoned by somebody else
    before stays cordoned, and a node without a journal is not ours and is left as it is. Then the workloads that the
    drain displaced are waited for, until they are as ready as they were.
  - With O(state=rolled_back) a failed run's cordon is undone, unless a restart may have been sent. Then the node is
    kept cordoned, which is no failure of this task; RV(kept) says so.
  - The run has to hold the node's slot, which M(kubeops.aks_reboot.reboot_lock) takes, and which is renewed while this
    works. A task that is stopped by a signal rolls the node back first, unless a restart may have been sent.
  - Each change is a compare-and-swap, so that nobody else's change to the node is lost, and is told as an Event on the
    node.
extends_documentation_fragment:
  - kubeops.aks_reboot._kubernetes
  - kubeops.aks_reboot._node
  - kubeops.aks_reboot._lock
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
  diff_mode:
    support: partial
    details:
      - In check mode the node is told as it is on both sides.
  idempotent:
    support: full
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.kubernetes
      - kubeops.aks_reboot.lock
      - kubeops.aks_reboot.node
options:
  state:
    description:
      - What the node is to be.
      - V(cordoned) takes it out of service.
      - V(uncordoned) gives it back after the proof that it is well.
      - V(rolled_back) gives it back after a failure, unless a restart may have been sent.
    type: str
    choices: [cordoned, uncordoned, rolled_back]
    default: cordoned
  reason:
    description: Why the node is cordoned, for the journal and the Event. Only for O(state=cordoned).
    type: str
    default: ''
  method:
    description:
      - How the node will be rebooted, for the journal, as in O(kubeops.aks_reboot.node_reboot#module:method). Only for
        O(state=cordoned).
    type: str
    default: ''
  autoscaler_guard:
    description:
      - Whether the annotation C(cluster-autoscaler.kubernetes.io/scale-down-disabled) is set while the node is
        cordoned, where it is not there already. Only for O(state=cordoned).
    type: bool
    default: true
  still_required:
    description:
      - Whether the node's sentinel survived the reboot, as RV(kubeops.aks_reboot.node_reboot#module:still_required).
        It is noted on the node, so that it is not rebooted in a loop. Only for O(state=uncordoned).
    type: bool
    default: false
  settle_owners:
    description:
      - The workloads to wait for, as RV(kubeops.aks_reboot.node_drain#module:owners). Only for O(state=uncordoned).
    type: list
    elements: dict
    default: []
  settle_timeout:
    description:
      - Seconds to wait after the uncordon for the workloads in O(settle_owners) to be as ready as before.
      - What lags after that is told in RV(lagging).
    type: int
    default: 300
  settle_required:
    description: Whether to fail when they are not. The node is uncordoned all the same.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Take a slot
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1

- name: Cordon
  kubeops.aks_reboot.node_cordon:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    reason: kernel update
    method: vmss

- name: Give the node back, because the drain failed
  kubeops.aks_reboot.node_cordon:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    state: rolled_back
  register: rolled_back

- name: Stop when the node had to be kept
  ansible.builtin.assert:
    that: not rolled_back.kept
    fail_msg: "{{ rolled_back.kept_message }}"

- name: Uncordon after the proof, and wait for ten minutes for the displaced workloads
  kubeops.aks_reboot.node_cordon:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    state: uncordoned
    still_required: "{{ reboot.still_required | default(false) }}"
    settle_owners: "{{ drain.owners | default([]) }}"
    settle_timeout: 600

- name: Give the slot back
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    state: released
"""

RETURN = r"""
node:
  description: The node's name. On failure V(null) where the failure is not about the node.
  returned: always
  type: str
  sample: aks-web-27414567-vmss000003
was_cordoned:
  description: Whether the node was cordoned before, by whomever.
  returned: success
  type: bool
  sample: false
cordoned:
  description: Whether it is cordoned now. In check mode the same as RV(was_cordoned).
  returned: success
  type: bool
  sample: true
kept:
  description: Whether the node was left as it is, because a restart may have been sent or the node is another run's.
  returned: success, when O(state=rolled_back)
  type: bool
  sample: false
kept_message:
  description: Why it was left as it is. Empty when it was not.
  returned: success, when O(state=rolled_back)
  type: str
  sample: ""
lagging:
  description: The workloads that were not as ready as before after O(settle_timeout), one text each.
  returned: success, when O(state=uncordoned), and failure with RV(reason=not_settled)
  type: list
  elements: str
  sample: ["ReplicaSet shop/cart-6d5f9c7b8: 2 of 3 Ready"]
diff:
  description: The mark of the cordon and the annotations of this collection, before and after.
  returned: success
  type: dict
  sample:
    before:
      unschedulable: false
      annotations: {}
    after:
      unschedulable: true
      annotations:
        aks-reboot/journal: >-
          {"version":1,"run":"20260801-021500-3fa9c1","phase":"cordoned",
          "bootID":"8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11","unschedulable":false,"since":"2026-08-01T02:15:04Z"}
        cluster-autoscaler.kubernetes.io/scale-down-disabled: "true"
reason:
  description:
    - Why it failed, as a word.
    - V(hold), V(being_deleted) and V(aks_upgrade) when the node must not be touched now; V(node_not_found);
      V(journal_of_another_run), V(journal_damaged) and V(journal_version) when its journal is not ours to write;
      V(restart_outstanding) for O(state=uncordoned) before the proof; V(not_settled) with O(settle_required).
    - V(lock_lost) and V(lock_unreachable) when this run does not hold the node's slot (any more), V(ledger_damaged)
      when nobody can tell.
    - V(orphaned) when the playbook that started the task is gone, V(interrupted) when the task was stopped by a signal;
      V(invalid_setting), V(missing_library), V(kubernetes_unreachable), V(kubernetes_unauthorized),
      V(kubernetes_forbidden), V(kubernetes_error).
  returned: failure
  type: str
  sample: hold
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.node import Node
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import owner_states
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import (
    Call,
    Result,
    Session,
    held,
    run_module,
    session,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    KUBERNETES,
    NODE,
    require_not_negative,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import RebootError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Context
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.cordon import (
    CordonOptions,
    cordon,
    roll_back,
    uncordon,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.node_writes import NodeChange, read_node
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
    with session(params, call) as opened:
        if params["state"] == "rolled_back":
            return _rolled_back(opened, params, call)
        with held(opened, params, call) as context:
            if params["state"] == "cordoned":
                return _cordoned(opened, params, call, context)
            return _uncordoned(opened, params, call, context)


def _cordoned(opened: Session, params: Mapping[str, Any], call: Call, context: Context) -> Result:
    options = CordonOptions(params["run_id"], params["reason"], params["method"], params["autoscaler_guard"])
    return _result(cordon(opened.client, params["node"], options, context, check_mode=call.check_mode))


def _uncordoned(opened: Session, params: Mapping[str, Any], call: Call, context: Context) -> Result:
    name = params["node"]
    owners = owner_states(params["settle_owners"])
    change = uncordon(
        opened.client,
        name,
        params["run_id"],
        context,
        still_required=params["still_required"],
        check_mode=call.check_mode,
    )
    lagging = []
    if change.changed and not call.check_mode:
        lagging = settle(opened.client, owners, context, timeout=params["settle_timeout"])
    if lagging and params["settle_required"]:
        raise RebootError(
            f"{name}: back in service, but not all that it displaced is: {', '.join(lagging)}",
            reason="not_settled",
            node=name,
            details={"changed": True, "lagging": lagging},
        )
    return {**_result(change), "lagging": lagging}


def _rolled_back(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    name, run_id = params["node"], params["run_id"]
    node = read_node(opened.client, name, opened.context)
    if not node.journalled:
        return {**_result(NodeChange(node, node, changed=False)), "kept": False, "kept_message": ""}
    with held(opened, params, call) as context:
        rolled_back = roll_back(opened.client, name, run_id, context, check_mode=call.check_mode)
    return {**_result(rolled_back.change), "kept": bool(rolled_back.kept), "kept_message": rolled_back.kept}


def _result(change: NodeChange) -> Result:
    return {
        "changed": change.changed,
        "node": change.before.name,
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
