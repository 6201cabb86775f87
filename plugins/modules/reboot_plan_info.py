#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_plan_info
short_description: Decide which nodes to reboot, in which order, and why the others not
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Makes a plan of what M(kubeops.aks_reboot.node_info) and M(kubeops.aks_reboot.sentinel_info) found. It asks nobody
    else, and changes nothing but O(plan_file).
  - Every node is either planned, or left with a reason.
  - Nodes of user pools come before those of system pools. Within that the node with the oldest requirement comes first,
    but among those whose requirement is at most an hour younger the zones take turns.
  - A node whose sentinel survived a proven reboot is left for O(min_reboot_interval), so that a broken sentinel does
    not reboot it in a loop.
extends_documentation_fragment:
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
    details:
      - O(plan_file) is not written.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - O(plan_file) is written anew each time, as the plan carries the time at which it was made.
  action_group:
    membership:
      - kubeops.aks_reboot.all
options:
  nodes:
    description: The nodes, as RV(kubeops.aks_reboot.node_info#module:nodes).
    type: list
    elements: dict
    required: true
  sentinels:
    description:
      - What the nodes answered, as RV(kubeops.aks_reboot.sentinel_info#module:sentinels). A node without an answer
        counts as unknown.
    type: list
    elements: dict
    default: []
  cluster_id:
    description:
      - The cluster's id, as RV(kubeops.aks_reboot.node_info#module:cluster_id). It stands in the plan, and an approved
        plan of another cluster is refused.
    type: str
    default: ''
  only:
    description:
      - The names of the nodes to which the plan is limited. A name that is not among O(nodes) is left as not found.
      - When it is not set, the plan is about all nodes.
    type: list
    elements: str
  ignore_sentinel:
    description: Whether the nodes in O(only), which has to be set, are rebooted whatever their sentinel says.
    type: bool
    default: false
  min_reboot_interval:
    description: Seconds before a node is rebooted again whose sentinel survived a proven reboot.
    type: int
    default: 21600
  node_seconds:
    description: Seconds that one node is expected to take, for the plan's estimate.
    type: int
    default: 600
  approved_plan_file:
    description:
      - A plan that this module wrote to O(plan_file), and that somebody approved since, to carry out.
      - What is due now is then restricted to what was approved, in the approved order. A node that was replaced or has
        rebooted since is left.
    type: path
  max_plan_age:
    description: Seconds after which an approved plan is refused. V(0) means never.
    type: int
    default: 86400
  plan_file:
    description: Where to write the plan as JSON, readable for its owner only. When it is not set, nowhere.
    type: path
seealso:
  - module: kubeops.aks_reboot.node_info
  - module: kubeops.aks_reboot.sentinel_info
  - module: kubeops.aks_reboot.reboot_report
"""

EXAMPLES = r"""
- name: Find the nodes
  kubeops.aks_reboot.node_info:
  register: found

- name: Ask them whether they require a reboot
  kubeops.aks_reboot.sentinel_info:
    nodes: "{{ found.nodes }}"
  register: asked

- name: Decide which to reboot, and write that down for approval
  kubeops.aks_reboot.reboot_plan_info:
    nodes: "{{ found.nodes }}"
    sentinels: "{{ asked.sentinels }}"
    cluster_id: "{{ found.cluster_id }}"
    plan_file: plan.json
  register: decided

- name: Restrict what is due now to the approved plan
  kubeops.aks_reboot.reboot_plan_info:
    nodes: "{{ found.nodes }}"
    sentinels: "{{ asked.sentinels }}"
    cluster_id: "{{ found.cluster_id }}"
    approved_plan_file: plan.json
    max_plan_age: 14400

- name: Plan the reboot of one node, whether it requires one or not
  kubeops.aks_reboot.reboot_plan_info:
    nodes: "{{ found.nodes }}"
    cluster_id: "{{ found.cluster_id }}"
    only:
      - "{{ found.nodes[0].name }}"
    ignore_sentinel: true
"""

RETURN = r"""
plan:
  description: The plan. It is what O(plan_file) holds.
  returned: success
  type: dict
  contains:
    version:
      description: The version of this document's form.
      type: int
      sample: 1
    created:
      description: When the plan was made, as an RFC 3339 time.
      type: str
      sample: "2026-08-01T02:15:00Z"
    cluster_id:
      description: The cluster's id.
      type: str
      sample: 0b1c7d4e-5c0e-4f6f-9a55-2f7d7a9f2f10
    seconds:
      description: The seconds that all of it is expected to take.
      type: float
      sample: 1800
    planned:
      description: The nodes to reboot, in the order of work.
      type: list
      elements: dict
      contains:
        rank:
          description: Its place in the order of work, from 1.
          type: int
          sample: 1
        name:
          description: The node's name.
          type: str
          sample: aks-web-27414567-vmss000003
        uid:
          description: Its UID.
          type: str
          sample: 5f2c4a5e-0f5c-4d0c-8c1c-6a1f3f1e9b77
        boot_id:
          description: Its boot ID.
          type: str
          sample: 8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11
        pool:
          description: Its agent pool.
          type: str
          sample: web
        mode:
          description: The agent pool's mode, V(system) or V(user).
          type: str
          sample: user
        zone:
          description: Its zone.
          type: str
          sample: westeurope-1
        since:
          description: Since when it requires a reboot, as an RFC 3339 time. V(null) when that is not known.
          type: str
          sample: "2026-07-30T06:12:44Z"
        packages:
          description: The packages that asked for the reboot.
          type: list
          elements: str
          sample: [linux-image-6.8.0-1031-azure, linux-base]
    left:
      description: The nodes that are left as they are.
      type: list
      elements: dict
      contains:
        name:
          description: The node's name.
          type: str
          sample: aks-web-27414567-vmss000004
        reason:
          description:
            - Why it is left, as a word.
            - A word of RV(kubeops.aks_reboot.node_info#module:nodes[].excluded), or V(not_selected), V(node_not_found),
              V(not_required), V(sentinel_unknown), V(still_required_after_reboot), V(not_approved),
              V(changed_since_approval).
          type: str
          sample: not_required
        message:
          description: The same as a sentence that begins with its verb.
          type: str
          sample: requires no reboot
run_id:
  description: A fresh id for the run that carries out this plan.
  returned: success
  type: str
  sample: 20260801-021500-3fa9c1
lines:
  description: The plan as lines of text for people.
  returned: success
  type: list
  elements: str
  sample:
    - 1 nodes to reboot, about 10 min
    - "#  NODE                         POOL  ZONE          REQUIRED SINCE        PACKAGES"
    - 1  aks-web-27414567-vmss000003  web   westeurope-1  2026-07-30T06:12:44Z  linux-base
reason:
  description:
    - Why it failed, as a word.
    - V(invalid_setting), V(plan_of_another_cluster), V(plan_too_old) or V(not_written).
  returned: failure
  type: str
  sample: plan_too_old
node:
  description: The node that the failure is about. V(null), as it is about the plan.
  returned: failure
  type: str
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.approval import VERSION, restrict
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.plan import Policy, make_plan
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import (
    candidates,
    left_row,
    planned_row,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.text import plan_lines
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.times import format_time
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import require_not_negative
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.ways import new_run_id
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.files import read_json, write_json

SPEC: dict[str, dict[str, Any]] = {
    "nodes": {"type": "list", "elements": "dict", "required": True},
    "sentinels": {"type": "list", "elements": "dict", "default": []},
    "cluster_id": {"type": "str", "default": ""},
    "only": {"type": "list", "elements": "str"},
    "ignore_sentinel": {"type": "bool", "default": False},
    "min_reboot_interval": {"type": "int", "default": 21600},
    "node_seconds": {"type": "int", "default": 600},
    "approved_plan_file": {"type": "path"},
    "max_plan_age": {"type": "int", "default": 86400},
    "plan_file": {"type": "path"},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "min_reboot_interval", "node_seconds", "max_plan_age")
    if params["ignore_sentinel"] and not params["only"]:
        raise InvalidSetting("ignore_sentinel: name the nodes in only; it is never applied to a whole cluster")
    policy = Policy(params["only"], params["ignore_sentinel"], params["min_reboot_interval"], params["node_seconds"])
    now = datetime.now(UTC)
    try:
        known = candidates(params["nodes"], params["sentinels"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidSetting(f"nodes, sentinels: not rows of node_info and sentinel_info: {error}") from error
    plan = make_plan(known, policy, now)
    if params["approved_plan_file"]:
        approved = read_json(params["approved_plan_file"], "approved_plan_file")
        plan = restrict(plan, approved, params["cluster_id"], now, params["max_plan_age"])
    document = {
        "version": VERSION,
        "created": format_time(now),
        "cluster_id": params["cluster_id"],
        "planned": [planned_row(candidate, rank) for rank, candidate in enumerate(plan.planned, 1)],
        "left": [left_row(left) for left in plan.left],
        "seconds": plan.seconds,
    }
    lines = plan_lines(document)
    for line in lines:
        call.sink(line)
    changed = False
    if params["plan_file"]:
        changed = write_json(params["plan_file"], document, check_mode=call.check_mode)
    return {"changed": changed, "plan": document, "run_id": new_run_id(), "lines": lines}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
