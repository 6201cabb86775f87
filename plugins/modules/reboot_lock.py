#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_lock
short_description: Take, renew, give back or break the slot without which no node is touched
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Whoever takes a node out of service needs a slot. The slots in use are listed in one Lease of the cluster, so that
    the limits hold across all runs on all machines. Where kured runs beside us, its lock is honoured and taken, too.
  - With O(state=acquired) a slot for the node is waited for, for O(lock_timeout) at most, and taken. A slot of a dead
    run for the same node is taken over once it has expired. While a node has failed and is not resolved, no slot is
    given for any other.
  - With O(state=released) the slot is given back. It is refused while the node still carries the run's journal, or
    while a restart may be outstanding, for then the slot is what keeps all others away.
  - With O(state=broken) an operator takes the slot of a node away, whoever has it. Its run stops at its next write, and
    M(kubeops.aks_reboot.reboot_recovery) looks after the node once the slot has expired.
  - With O(state=renewed) it is made sure that the run holds its slot, and with O(state=listed) the slots in use are
    listed.
  - The modules that work on a node renew its slot by themselves.
extends_documentation_fragment:
  - kubeops.aks_reboot._kubernetes
  - kubeops.aks_reboot._lock
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
    details:
      - A slot that is not free is waited for in check mode, too.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - Acquiring and renewing write the time into the slot each time.
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.kubernetes
      - kubeops.aks_reboot.lock
      - kubeops.aks_reboot.node
options:
  state:
    description:
      - What is to become of the slot.
      - V(acquired) takes it, V(renewed) renews it, V(released) gives it back, V(broken) takes it from whoever has it.
      - V(listed) only lists the slots in use.
    type: str
    choices: [acquired, renewed, released, broken, listed]
    default: acquired
  node:
    description: The name of the node. Required unless O(state=listed).
    type: str
    default: ''
  run_id:
    description:
      - The id of the run, as M(kubeops.aks_reboot.reboot_plan_info) makes it. Required if O(state=acquired),
        O(state=renewed) or O(state=released).
    type: str
    default: ''
  by:
    description:
      - Whose run it is, for people who find the slot taken. Only for O(state=acquired).
      - When it is empty, it is the user and the host that run this.
    type: str
    default: ''
  rank:
    description:
      - The node's place in the plan, as RV(kubeops.aks_reboot.reboot_plan_info#module:plan.planned[].rank). Only for
        O(state=acquired).
    type: int
    default: 0
  method:
    description: How the node will be rebooted, for people who look at the slots. Only for O(state=acquired).
    type: str
    default: ''
  concurrency:
    description: How many nodes may be out of service at once, across all runs on all machines.
    type: int
    default: 1
  max_per_zone:
    description: How many of them in one availability zone. V(0) means any.
    type: int
    default: 1
  max_unavailable:
    description:
      - How many nodes of one pool may be out of service for whatever reason before a slot is given. V(0) means any.
    type: int
    default: 0
  lock_timeout:
    description: Seconds to wait for a slot. Only for O(state=acquired).
    type: int
    default: 3600
  release_delay:
    description: Seconds to keep the slot before it is given back. Only for O(state=released).
    type: int
    default: 0
  stop_reason:
    description:
      - Why the node failed. When it is set, this run is given no slot for any other node. When the slot can not be
        given back, either, the task does not fail; the slot is kept, and with this reason stops all other runs until
        the node is resolved. Only for O(state=released).
    type: str
    default: ''
  failed_reason:
    description:
      - The RV(reason) of the step that failed. V(node_not_found) and V(machine_gone) mean that the node was scaled in,
        which stops nobody. Only together with O(stop_reason).
    type: str
    default: ''
seealso:
  - module: kubeops.aks_reboot.node_cordon
  - module: kubeops.aks_reboot.reboot_recovery
"""

EXAMPLES = r"""
- name: Wait for a slot for half an hour, and take it
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    lock_timeout: 1800

- name: List the slots in use
  kubeops.aks_reboot.reboot_lock:
    state: listed
  register: lock

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.node }} since {{ item.acquired }} by {{ item.by }}"
  loop: "{{ lock.holders }}"
  loop_control:
    label: "{{ item.node }}"

- name: Give the slot back
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000003
    run_id: 20260801-021500-3fa9c1
    state: released

- name: Take the slot of a node from a run that hangs
  kubeops.aks_reboot.reboot_lock:
    node: aks-web-27414567-vmss000004
    state: broken
"""

RETURN = r"""
node:
  description: The node's name. On failure V(null) where the failure is not about the node.
  returned: success, when O(state=acquired) or O(state=released), and failure
  type: str
  sample: aks-web-27414567-vmss000003
waited:
  description: How many seconds it took to get the slot.
  returned: success, when O(state=acquired)
  type: float
  sample: 0.1
took_over:
  description: The slot of a dead run that was taken over, a row like those of RV(holders). V(null) when there was none.
  returned: success, when O(state=acquired)
  type: dict
released:
  description: Whether a slot was given back. V(false) when there was none, or when it was kept for O(stop_reason).
  returned: success, when O(state=released)
  type: bool
  sample: true
kept_message:
  description: Why the slot was kept. Empty when it was not.
  returned: success, when O(state=released)
  type: str
  sample: ""
run_stopped:
  description: Whether this run is given no slot for any other node any more.
  returned: success, when O(state=released)
  type: bool
  sample: false
broken:
  description: The slot that was broken, a row like those of RV(holders). V(null) when there was none.
  returned: success, when O(state=broken)
  type: dict
holders:
  description: The slots in use.
  returned: success, when O(state=renewed), O(state=broken) or O(state=listed)
  type: list
  elements: dict
  contains:
    node:
      description: The node.
      type: str
      sample: aks-web-27414567-vmss000003
    node_uid:
      description: Its UID.
      type: str
      sample: 5f2c4a5e-0f5c-4d0c-8c1c-6a1f3f1e9b77
    pool:
      description: Its agent pool.
      type: str
      sample: web
    zone:
      description: Its zone.
      type: str
      sample: westeurope-1
    rank:
      description: Its place in the plan of its run.
      type: int
      sample: 1
    method:
      description: How it will be rebooted.
      type: str
      sample: vmss
    run:
      description: The id of the run that has the slot.
      type: str
      sample: 20260801-021500-3fa9c1
    by:
      description: Whose run it is.
      type: str
      sample: runner@ci-7
    acquired:
      description: When it was taken, as an RFC 3339 time of the API server's clock.
      type: str
      sample: "2026-08-01T02:15:03Z"
    renewed:
      description: When it was renewed last, as an RFC 3339 time of the API server's clock.
      type: str
      sample: "2026-08-01T02:16:44Z"
    ttl:
      description: Seconds after which it may be taken over, O(lock_margin) added. V(0) means never.
      type: int
      sample: 300
    expired:
      description: Whether these are over.
      type: bool
      sample: false
    restart_sent:
      description: Whether a restart may be outstanding.
      type: bool
      sample: false
    stopped:
      description: Why the node failed, which stops all runs. Empty when it did not.
      type: str
      sample: ""
    revoked:
      description: Whether an operator broke the slot.
      type: bool
      sample: false
reason:
  description:
    - Why it failed, as a word.
    - V(lock_timeout) when there was no slot within O(lock_timeout); the message says who has them. V(run_stopped) when
      the run has been stopped because another of its nodes failed.
    - V(journal_left) and V(restart_outstanding) when the slot must not be given back yet.
    - V(lock_lost) and V(lock_unreachable) when the run does not hold the slot (any more); V(ledger_damaged) and
      V(kured_lock_damaged) when nobody can tell.
    - V(orphaned) when the playbook that started the task is gone, V(interrupted) when the task was stopped by a signal;
      V(node_not_found), V(invalid_setting), V(missing_library), V(kubernetes_unreachable), V(kubernetes_unauthorized),
      V(kubernetes_forbidden), V(kubernetes_error).
  returned: failure
  type: str
  sample: lock_timeout
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Holder, Limits, Request, find
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.outcome import GONE_REASONS
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
    LOCK,
    require_not_negative,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.ways import who
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting, Refused
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Interrupted
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.node_writes import read_node
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import (
    break_slot,
    new_writer,
    release,
    stop_all,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.take_slot import SlotTaker

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **LOCK,
    "state": {
        "type": "str",
        "choices": ["acquired", "renewed", "released", "broken", "listed"],
        "default": "acquired",
    },
    "node": {"type": "str", "default": ""},
    "run_id": {"type": "str", "default": ""},
    "by": {"type": "str", "default": ""},
    "rank": {"type": "int", "default": 0},
    "method": {"type": "str", "default": ""},
    "concurrency": {"type": "int", "default": 1},
    "max_per_zone": {"type": "int", "default": 1},
    "max_unavailable": {"type": "int", "default": 0},
    "lock_timeout": {"type": "int", "default": 3600},
    "release_delay": {"type": "int", "default": 0},
    "stop_reason": {"type": "str", "default": ""},
    "failed_reason": {"type": "str", "default": ""},
}

REQUIRED_IF = [
    ("state", "acquired", ["node", "run_id"]),
    ("state", "renewed", ["node", "run_id"]),
    ("state", "released", ["node", "run_id"]),
    ("state", "broken", ["node"]),
]


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "lock_timeout", "release_delay", "max_per_zone", "max_unavailable")
    if params["concurrency"] < 1:
        raise InvalidSetting(f"concurrency: {params['concurrency']} is not possible: give 1 or more")
    with session(params, call) as opened:
        if params["state"] == "acquired":
            return _acquired(opened, params, call)
        if params["state"] == "released":
            return _released(opened, params, call)
        if params["state"] == "broken":
            return _broken(opened, params, call)
        if params["state"] == "renewed" and not call.check_mode:
            with held(opened, params, call):
                pass
        return {"changed": params["state"] == "renewed", **_ledger(opened, params)}


def _acquired(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    node = read_node(opened.client, params["node"], opened.context)
    request = Request(
        run=params["run_id"],
        writer=new_writer(),
        node=node.name,
        node_uid=node.uid,
        ttl=params["lock_ttl"],
        pool=node.pool,
        zone=node.zone,
        rank=params["rank"],
        method=params["method"],
        by=params["by"] or who(),
    )
    limits = Limits(params["concurrency"], params["max_per_zone"], params["max_unavailable"], params["lock_margin"])
    try:
        taken = SlotTaker(
            client=opened.client,
            store=opened.store,
            kured=opened.kured,
            request=request,
            limits=limits,
            context=opened.context,
            timeout=params["lock_timeout"],
            parent=call.parent,
        ).take(check_mode=call.check_mode)
    except Interrupted:
        if not call.check_mode:
            release(opened.client, opened.store, opened.kured, request.run, node.name, opened.context)
        raise
    return {
        "changed": True,
        "node": node.name,
        "took_over": _row(taken.took_over) if taken.took_over else None,
        "waited": round(taken.waited, 1),
    }


def _released(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    name, run_id = params["node"], params["run_id"]
    if params["release_delay"] and not call.check_mode and _holds(opened, params):
        with held(opened, params, call) as context:
            context.progress.say(f"waits {params['release_delay']} s before the slot is released")
            context.clock.sleep(params["release_delay"])
    stopped = bool(params["stop_reason"]) and params["failed_reason"] not in GONE_REASONS
    if stopped and not call.check_mode:
        opened.store.stop_run(run_id)
    try:
        changed = release(
            opened.client, opened.store, opened.kured, run_id, name, opened.context, check_mode=call.check_mode
        )
    except Refused as error:
        if not params["stop_reason"] or call.check_mode:
            raise
        changed = stop_all(opened.store, run_id, name, params["stop_reason"], opened.context)
        return {
            "changed": changed,
            "node": name,
            "released": False,
            "kept_message": error.message,
            "run_stopped": True,
        }
    return {"changed": changed, "node": name, "released": changed, "kept_message": "", "run_stopped": stopped}


def _holds(opened: Session, params: Mapping[str, Any]) -> bool:
    entry = find(opened.store.read_patiently().holders, params["node"])
    return entry is not None and entry.run == params["run_id"]


def _broken(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    broken = break_slot(opened.store, params["node"], check_mode=call.check_mode)
    if broken is None:
        return {"changed": False, "broken": None, **_ledger(opened, params)}
    opened.context.progress.say(f"broke the slot of {broken}; run the recover playbook to look after the node")
    return {"changed": not broken.revoked, "broken": _row(broken), **_ledger(opened, params)}


def _ledger(opened: Session, params: Mapping[str, Any]) -> Result:
    ledger = opened.store.read_patiently()
    margin = params["lock_margin"]
    return {"holders": [{**_row(holder), "expired": holder.expired(ledger.now, margin)} for holder in ledger.holders]}


def _row(holder: Holder) -> dict[str, Any]:
    """An entry without its writer token, which is nobody else's business."""
    return {name: value for name, value in asdict(holder).items() if name != "writer"}


def main() -> None:
    run_module(SPEC, run, required_if=REQUIRED_IF)


if __name__ == "__main__":
    main()
