#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_recovery
short_description: Finish or roll back what dead runs left
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Looks at all nodes and slots. A node that carries a journal without a run that is alive is taken over, once the dead
    run's slot has expired, and brought to an end that leaves nothing of this collection on it.
  - A node to which no restart was sent is rolled back, to what it was before the dead run. A node to which one was, or
    may have been, is waited for until its reboot is proven (see M(kubeops.aks_reboot.node_reboot)), and then put back
    into service. It never restarts a node.
  - What is being worked on by a run that is alive is left alone. What needs a person is kept as it is, and told in
    RV(attention).
extends_documentation_fragment:
  - kubeops.aks_reboot._kubernetes
  - kubeops.aks_reboot._azure
  - kubeops.aks_reboot._ssh
  - kubeops.aks_reboot._lock
  - kubeops.aks_reboot._restart
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
    details:
      - Tells what dead runs left, without looking after it.
  diff_mode:
    support: none
  idempotent:
    support: full
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.azure
      - kubeops.aks_reboot.kubernetes
      - kubeops.aks_reboot.lock
      - kubeops.aks_reboot.restart
      - kubeops.aks_reboot.ssh
options:
  lock_timeout:
    description: Seconds to wait for the slot of each node that is to be looked after.
    type: int
    default: 600
  by:
    description:
      - Whose run this is, for people who find a slot taken.
      - When it is empty, it is the user and the host that run this.
    type: str
    default: ''
seealso:
  - module: kubeops.aks_reboot.reboot_lock
  - module: kubeops.aks_reboot.node_reboot
"""

EXAMPLES = r"""
- name: Tell what dead runs left
  kubeops.aks_reboot.reboot_recovery:
  check_mode: true
  register: found

- name: Finish it or roll it back
  kubeops.aks_reboot.reboot_recovery:
  register: recovery

- name: Fail when something is left that needs a person
  ansible.builtin.assert:
    that: recovery.attention | length == 0
    fail_msg: "{{ recovery.recovered }}"
"""

RETURN = r"""
recovered:
  description: One row for each node or slot that some run has left, or is working on.
  returned: success
  type: list
  elements: dict
  contains:
    node:
      description: The node's name.
      type: str
      sample: aks-web-27414567-vmss000003
    outcome:
      description:
        - What became of it.
        - V(finished) when its reboot is proven and it is back in service.
        - V(rolled_back) when no restart was outstanding and it is as it was before.
        - V(released) when only its slot was left.
        - V(alive) when a run is working on it, so it was left alone.
        - V(kept) when it needs a person, and in check mode.
      type: str
      sample: finished
    message:
      description: The same in one line.
      type: str
      sample: >-
        run 20260801-021500-3fa9c1 left it rebooting at 2026-08-01T02:16:12Z; its reboot is proven, and it is back in
        service
    changed:
      description: Whether anything was changed.
      type: bool
      sample: true
attention:
  description: The names of the nodes that need a person, those whose C(outcome) is V(kept).
  returned: success
  type: list
  elements: str
  sample: []
node:
  description: The node that the failure is about. V(null), as it is about the cluster.
  returned: failure
  type: str
reason:
  description:
    - Why it failed, as a word.
    - V(ledger_damaged) when nobody can tell who works on what.
    - V(orphaned) when the playbook that started the task is gone, V(interrupted) when the task was stopped by a signal;
      V(invalid_setting), V(missing_library), V(kubernetes_unreachable), V(kubernetes_unauthorized),
      V(kubernetes_forbidden), V(kubernetes_error).
  returned: failure
  type: str
  sample: ledger_damaged
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module, session
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    AZURE,
    KUBERNETES,
    LOCK,
    REBOOT,
    SSH,
    require_not_negative,
    wait_limits,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.ways import Ways, new_run_id, who
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Progress
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.recover import (
    Recovery,
    RecoverySettings,
    needing_attention,
)

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **AZURE,
    **SSH,
    **LOCK,
    **REBOOT,
    "lock_timeout": {"type": "int", "default": 600},
    "by": {"type": "str", "default": ""},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "lock_timeout")
    with ExitStack() as stack:
        opened = stack.enter_context(session(params, call))
        ways = Ways(params, stack)
        recovery = Recovery(
            client=opened.client,
            store=opened.store,
            kured=opened.kured,
            restarters=ways.restarter,
            sentinel=ways.sentinel_check(),
            settings=RecoverySettings(
                run=new_run_id(),
                by=params["by"] or who(),
                limits=wait_limits(params),
                margin=params["lock_margin"],
                lock_timeout=params["lock_timeout"],
            ),
            context=opened.context,
            progress=lambda node: Progress(node, call.sink),
            parent=call.parent,
        )
        recovered = recovery.run(check_mode=call.check_mode)
    for item in recovered:
        call.sink(f"{item.node}: recovery: {item.outcome}: {item.message}")
    return {
        "changed": any(item.changed for item in recovered),
        "recovered": [asdict(item) for item in recovered],
        "attention": [item.node for item in needing_attention(recovered)],
    }


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
