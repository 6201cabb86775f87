#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_drain
short_description: Evict the pods of a cordoned node, and wait until they are gone
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - The second step of a reboot. The node has to be cordoned by the same run (see M(kubeops.aks_reboot.node_cordon)).
  - Evicts exactly the pods that C(kubectl drain) would, with options of the same names. The defaults are those of
    kured, so that pods without a controller are evicted and the data of emptyDir volumes is deleted; but O(timeout)
    has an end.
  - Pods behind a PodDisruptionBudget that refuses are tried again, until the budget has room or O(timeout) is over,
    while the others go on. A pod that cannot be evicted in time is named in RV(blocked), together with its budgets
    and their numbers.
  - Before anything is evicted it is refused when a pod forbids the drain, for example one without a controller while
    O(force=false).
  - A pod that comes back to the cordoned node is evicted once more. When it comes back again, it is left and told in
    RV(returned).
  - The run has to hold the node's slot, which M(kubeops.aks_reboot.reboot_lock) takes, and which is renewed while this
    works. A task that is stopped by a signal rolls the node back first, unless a restart may have been sent.
  - Failing leaves the node cordoned. M(kubeops.aks_reboot.node_cordon) with C(state=rolled_back) gives it back.
extends_documentation_fragment:
  - kubeops.aks_reboot._kubernetes
  - kubeops.aks_reboot._node
  - kubeops.aks_reboot._lock
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
    details:
      - Tells which pods would be evicted, for a node that is not cordoned, too.
  diff_mode:
    support: none
  idempotent:
    support: full
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.kubernetes
      - kubeops.aks_reboot.lock
      - kubeops.aks_reboot.node
options:
  force:
    description: Whether pods that no controller would replace are evicted, too. Nobody brings them back.
    type: bool
    default: true
  delete_emptydir_data:
    description: Whether pods that keep data in an emptyDir volume are evicted, too. That data is deleted.
    type: bool
    default: true
  ignore_daemonsets:
    description: Whether the pods of DaemonSets are left where they are. Otherwise a node with such a pod is refused.
    type: bool
    default: true
  pod_selector:
    description: Evict only the pods that this label selector selects. Empty means all.
    type: str
    default: ''
  grace_period:
    description: Seconds that each evicted pod has to end. V(-1) means the pod's own.
    type: int
    default: -1
  timeout:
    description: Seconds for the drain. V(0) means for ever, which is kured's default.
    type: int
    default: 1800
  skip_wait_for_delete_timeout:
    description: Do not wait for pods that have been terminating for longer than these seconds. V(0) means wait.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: See what a drain would evict
  kubeops.aks_reboot.node_drain:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
  check_mode: true
  register: preview

- name: Take a slot
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1

- name: Cordon
  kubeops.aks_reboot.node_cordon:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1

- name: Drain, within ten minutes
  kubeops.aks_reboot.node_drain:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    timeout: 600
  register: drain

- name: Show the workloads that were displaced
  ansible.builtin.debug:
    msg: "{{ drain.owners }}"
"""

RETURN = r"""
node:
  description: The node's name. On failure V(null) where the failure is not about the node.
  returned: always
  type: str
  sample: aks-web-27414567-vmss000003
evicted:
  description: The pods that were evicted, or would be in check mode.
  returned: success, and failure with RV(reason=drain_timeout)
  type: list
  elements: dict
  contains:
    namespace:
      description: The pod's namespace.
      type: str
      sample: shop
    name:
      description: The pod's name.
      type: str
      sample: cart-6d5f9c7b8-x2x7k
    uid:
      description: The pod's UID.
      type: str
      sample: 3b0a3a7b-6df2-4d8e-a26c-54d1c0b0e1f4
left:
  description: The pods that were left on the node.
  returned: success
  type: list
  elements: dict
  contains:
    pod:
      description: The pod, as C(namespace/name).
      type: str
      sample: kube-system/kube-proxy-7x2pl
    reason:
      description: Why it was left.
      type: str
      sample: managed by a DaemonSet
warnings_by_pod:
  description: What an eviction cost, or would cost in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    pod:
      description: The pod, as C(namespace/name).
      type: str
      sample: shop/cart-6d5f9c7b8-x2x7k
    warning:
      description: What it cost.
      type: str
      sample: its emptyDir data is deleted
returned:
  description: The pods, as C(namespace/name), that came back to the cordoned node again and again and were left there.
  returned: success
  type: list
  elements: str
  sample: []
owners:
  description:
    - The controllers of the evicted pods, with their readiness before, for
      O(kubeops.aks_reboot.node_cordon#module:settle_owners).
    - Empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(ReplicaSet), V(StatefulSet) or V(ReplicationController).
      type: str
      sample: ReplicaSet
    namespace:
      description: The controller's namespace.
      type: str
      sample: shop
    name:
      description: The controller's name.
      type: str
      sample: cart-6d5f9c7b8
    uid:
      description: The controller's UID.
      type: str
      sample: a4f1f6d8-4e0a-4e7e-9d3a-7a9a0f9b2c11
    ready:
      description: How many of its pods were Ready before the drain.
      type: int
      sample: 3
seconds:
  description: How many seconds the drain took.
  returned: success
  type: float
  sample: 12.4
blocked:
  description: The pods that were still on the node when O(timeout) was over.
  returned: failure with RV(reason=drain_timeout)
  type: list
  elements: dict
  contains:
    pod:
      description: The pod, as C(namespace/name).
      type: str
      sample: shop/db-0
    message:
      description: What it waits for.
      type: str
      sample: pod shop/db-0 held by PDB shop/db (1 healthy, 1 needed, 0 disruptions allowed)
    budgets:
      description: The PodDisruptionBudgets that cover it and have refused an eviction.
      type: list
      elements: dict
      contains:
        name:
          description: The budget, as C(namespace/name).
          type: str
          sample: shop/db
        disruptions_allowed:
          description: How many pods may be evicted now.
          type: int
          sample: 0
        current_healthy:
          description: How many pods are healthy.
          type: int
          sample: 1
        desired_healthy:
          description: How many have to be.
          type: int
          sample: 1
        expected_pods:
          description: How many pods it covers.
          type: int
          sample: 1
pods:
  description: The pods that forbid the drain.
  returned: failure with RV(reason=drain_refused)
  type: list
  elements: dict
  contains:
    pod:
      description: The pod, as C(namespace/name).
      type: str
      sample: default/debug
    reason:
      description: Why it forbids the drain.
      type: str
      sample: has no controller that would replace it (set force to evict it)
pod:
  description: The pod, as C(namespace/name), that cannot be evicted at all.
  returned: failure with RV(reason=eviction_failed)
  type: str
  sample: shop/db-0
budgets:
  description: The budgets, as C(namespace/name), that cover RV(pod) together, which Kubernetes does not support.
  returned: failure with RV(reason=eviction_failed), when that is why
  type: list
  elements: str
  sample: [shop/db, shop/all]
status:
  description: The status with which the API server refused to evict RV(pod).
  returned: failure with RV(reason=eviction_failed), when that is why
  type: int
  sample: 403
reason:
  description:
    - Why it failed, as a word.
    - V(drain_timeout) when pods were left after O(timeout); V(drain_refused) when a pod forbids the drain;
      V(eviction_failed) when a pod cannot be evicted at all.
    - V(not_ours), V(journal_of_another_run), V(journal_damaged), V(journal_version) and V(wrong_phase) when this run
      has not cordoned the node or is past its drain; V(uncordoned_by_others), V(hold), V(being_deleted) and
      V(node_not_found) when that changed meanwhile.
    - V(lock_lost) and V(lock_unreachable) when this run does not hold the node's slot (any more), V(ledger_damaged)
      when nobody can tell.
    - V(orphaned) when the playbook that started the task is gone, V(interrupted) when the task was stopped by a signal;
      V(invalid_setting), V(missing_library), V(kubernetes_unreachable), V(kubernetes_unauthorized),
      V(kubernetes_forbidden), V(kubernetes_error).
  returned: failure
  type: str
  sample: drain_timeout
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.drain_filters import DrainOptions
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import owner_row, pod_row
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import (
    Call,
    Result,
    held,
    run_module,
    session,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    KUBERNETES,
    NODE,
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
    with session(params, call) as opened, held(opened, params, call) as context:
        result = drain(opened.client, name, params["run_id"], options, context, check_mode=call.check_mode)
    return {
        "changed": bool(result.evicted),
        "node": name,
        "evicted": [pod_row(pod) for pod in result.evicted],
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
