#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_reboot
short_description: Restart a drained node once, and wait for the proof that it is well
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - The third step of a reboot. The node has to be drained by the same run (see M(kubeops.aks_reboot.node_drain)).
  - First it waits for the volumes of drained pods to be detached, for O(volume_detach_timeout) at most. Then it writes
    into the node's journal that a restart is about to be sent, and sends it, once. A restart that Azure definitely did
    not take, because it is busy or throttles, is offered up to three times.
  - That Azure calls the restart done proves nothing. What counts is that the node has a new boot ID, is Ready with a
    heartbeat after the boot, that no maintenance event is announced for it, and that each DaemonSet whose pod was
    Ready before has a Ready pod again, with containers of this boot. Then the sentinel is looked at; one that is
    still there is told in RV(still_required).
  - A node that has rebooted by itself since it was cordoned gets no restart, only the proof.
  - When no restart was carried out, the journal says C(drained) again, and M(kubeops.aks_reboot.node_cordon) with
    C(state=rolled_back) gives the node back. When one may have been, the node is kept cordoned.
  - The run has to hold the node's slot, which M(kubeops.aks_reboot.reboot_lock) takes, and which is renewed while this
    works. A task that is stopped by a signal rolls the node back first, unless a restart may have been sent.
  - In check mode it looks whether the node is still to be rebooted, and whether a restart could be sent now, for a node
    that is neither cordoned nor drained, too. Run so before the cordon, it is the last gate.
extends_documentation_fragment:
  - kubeops.aks_reboot._kubernetes
  - kubeops.aks_reboot._azure
  - kubeops.aks_reboot._ssh
  - kubeops.aks_reboot._node
  - kubeops.aks_reboot._lock
  - kubeops.aks_reboot._restart
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
    details:
      - Returns RV(due), RV(reason) and RV(message) instead of what a reboot returns.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - A second call of the same run sends no second restart, but fails with RV(reason=wrong_phase).
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.azure
      - kubeops.aks_reboot.kubernetes
      - kubeops.aks_reboot.lock
      - kubeops.aks_reboot.node
      - kubeops.aks_reboot.restart
      - kubeops.aks_reboot.ssh
options:
  method:
    description:
      - How to restart.
      - V(vmss) restarts exactly this scale set instance, or this machine where it is one of its own, through Azure.
      - V(ssh) runs O(reboot_command) on the node.
    type: str
    choices: [vmss, ssh]
    default: vmss
  force_reboot:
    description: Whether to reboot although the drain failed. The pods that are left on the node are killed.
    type: bool
    default: false
  volume_detach_timeout:
    description: Seconds to wait before the restart for the volumes of drained pods to be detached.
    type: int
    default: 60
  retry_after_limit:
    description: Seconds to wait at most when Azure asks to send a restart later.
    type: int
    default: 300
  ignore_sentinel:
    description: Whether the node is due whatever its sentinel says. Only in check mode.
    type: bool
    default: false
  expected_uid:
    description: The UID that the node had when it was planned. Another one means not due. Only in check mode.
    type: str
    default: ''
  expected_boot_id:
    description: The boot ID that the node had when it was planned. Another one means not due. Only in check mode.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Take a slot
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1

- name: Check that the node still requires a reboot and can be restarted
  kubeops.aks_reboot.node_reboot:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
  check_mode: true
  register: check

- name: Cordon
  kubeops.aks_reboot.node_cordon:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
  when: check.due

- name: Drain
  kubeops.aks_reboot.node_drain:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
  register: drain
  when: check.due

- name: Reboot and wait for the proof
  kubeops.aks_reboot.node_reboot:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
  register: reboot
  when: check.due

- name: Uncordon and let the displaced workloads settle
  kubeops.aks_reboot.node_cordon:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    state: uncordoned
    still_required: "{{ reboot.still_required }}"
    settle_owners: "{{ drain.owners }}"
  when: check.due

- name: Give the slot back
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    state: released

- name: Check a node that is to be rebooted from inside, where Azure lets nobody restart machines
  kubeops.aks_reboot.node_reboot:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    method: ssh
  check_mode: true
"""

RETURN = r"""
node:
  description: The node's name. On failure V(null) where the failure is not about the node.
  returned: always
  type: str
  sample: aks-web-27414567-vmss000003
due:
  description: Whether the node is to be rebooted, and can be.
  returned: success in check mode
  type: bool
  sample: true
message:
  description: Why the node is not to be rebooted any more. Empty when it is.
  returned: success in check mode
  type: str
  sample: "aks-web-27414567-vmss000003: requires no reboot any more"
boot_id_before:
  description: The boot ID before the reboot.
  returned: success outside check mode
  type: str
  sample: 8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11
boot_id_after:
  description: The boot ID after the reboot.
  returned: success outside check mode
  type: str
  sample: e47d5b0b-91a9-4a63-8a0a-5a1a2a1c6f02
restart_sent:
  description: Whether a restart was sent. It is not when the node had rebooted by itself.
  returned: success outside check mode
  type: bool
  sample: true
operation:
  description: The URL of Azure's restart operation. Empty when there is none.
  returned: success outside check mode
  type: str
  sample: "https://management.azure.com/subscriptions/11111111-2222-4333-8444-555555555555/providers/\
    Microsoft.Compute/locations/westeurope/operations/7c2a0c1e-4d9d-43c8-a7b5-1f9a3c2b5d10?api-version=2026-04-01"
still_required:
  description: Whether the sentinel is there after the proven reboot.
  returned: success outside check mode
  type: bool
  sample: false
volumes_attached:
  description: The volumes that were still attached when the restart was sent.
  returned: success outside check mode
  type: list
  elements: str
  sample: []
pods_not_ready:
  description:
    - The pods of the node, as C(namespace/name), that were not Ready at the proof and that the proof does not need.
  returned: success outside check mode
  type: list
  elements: str
  sample: []
times:
  description: RFC 3339 times of the steps. C(sent) is missing when no restart was sent.
  returned: success outside check mode
  type: dict
  sample:
    started: "2026-08-01T02:16:10Z"
    sent: "2026-08-01T02:16:12Z"
    booted: "2026-08-01T02:17:48Z"
    proven: "2026-08-01T02:18:05Z"
missing:
  description: The first thing that the proof still lacked.
  returned: failure with RV(reason=reboot_timeout)
  type: str
  sample: the node to be Ready (KubeletNotReady)
reason:
  description:
    - In check mode, why the node is not to be rebooted any more, as a word. Empty when it is. V(not_required),
      V(node_replaced), V(rebooted_meanwhile), V(node_not_found), or a word of
      RV(kubeops.aks_reboot.node_info#module:nodes[].excluded).
    - On failure, why it failed, as a word.
    - After these the node is kept cordoned, as a restart may have been sent. V(restart_unknown), V(reboot_timeout).
    - V(machine_gone) when the node was deleted, and its machine, too.
    - After these nothing was restarted. V(not_ours), V(journal_of_another_run), V(journal_damaged),
      V(journal_version), V(wrong_phase), V(uncordoned_by_others), V(hold), V(being_deleted), V(not_a_machine),
      V(machine_not_running), V(machine_not_found), V(arm_unreachable), V(arm_unauthorized), V(arm_forbidden),
      V(arm_conflict), V(arm_throttled), V(ssh_unreachable), V(ssh_unauthorized), V(ssh_host_key), V(ssh_handshake),
      V(ssh_refused), V(node_not_found), V(reboot_command_failed), V(restart_ignored), V(sentinel_unknown),
      V(arm_no_credentials), V(invalid_setting), V(missing_library).
    - These say nothing about the restart, the journal on the node does. V(arm_error), V(arm_unknown),
      V(kubernetes_unreachable), V(kubernetes_unauthorized), V(kubernetes_forbidden), V(kubernetes_error), V(lock_lost),
      V(lock_unreachable), V(ledger_damaged), V(orphaned), V(interrupted).
  returned: success in check mode, and failure
  type: str
  sample: reboot_timeout
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import (
    Call,
    Result,
    held,
    run_module,
    session,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    AZURE,
    KUBERNETES,
    NODE,
    REBOOT,
    SSH,
    require_not_negative,
    wait_limits,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.ways import Ways
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.check import Expected, check
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.reboot import RebootOptions, reboot

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **AZURE,
    **SSH,
    **NODE,
    **REBOOT,
    "method": {"type": "str", "choices": ["vmss", "ssh"], "default": "vmss"},
    "force_reboot": {"type": "bool", "default": False},
    "volume_detach_timeout": {"type": "int", "default": 60},
    "retry_after_limit": {"type": "int", "default": 300},
    "ignore_sentinel": {"type": "bool", "default": False},
    "expected_uid": {"type": "str", "default": ""},
    "expected_boot_id": {"type": "str", "default": ""},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "volume_detach_timeout", "retry_after_limit")
    name, limits = params["node"], wait_limits(params)
    with ExitStack() as stack:
        ways = Ways(params, stack)
        sentinel, way = ways.sentinel_check(), ways.restarter(params["method"])
        opened = stack.enter_context(session(params, call))
        if call.check_mode:
            expected = Expected(params["expected_uid"], params["expected_boot_id"])
            asked = None if params["ignore_sentinel"] else sentinel
            checked = check(opened.client, name, way, asked, expected, params["run_id"], opened.context)
            return {"changed": checked.due, "node": name, **asdict(checked)}
        options = RebootOptions(
            run=params["run_id"],
            force_reboot=params["force_reboot"],
            volume_detach_timeout=params["volume_detach_timeout"],
            retry_after_limit=params["retry_after_limit"],
            limits=limits,
        )
        context = stack.enter_context(held(opened, params, call))
        result = reboot(opened.client, name, way, sentinel, options, context)
    return {"changed": result.restart_sent, "node": name, **asdict(result)}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
