#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_report
short_description: Tell what became of a plan
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Makes the report of a run from its plan and from what the steps on each node returned. It is a table for people and
    a document for programs. It asks nobody, and changes nothing but O(json_file).
  - It does not fail when the run did not end well. RV(report.ok) tells, and RV(report.summary) says in one line what is
    left.
extends_documentation_fragment:
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.action
attributes:
  check_mode:
    support: full
    details:
      - O(json_file) is not written.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - O(json_file) is written anew each time, as the report carries the time at which it was made.
  action_group:
    membership:
      - kubeops.aks_reboot.all
options:
  plan:
    description: The plan, as RV(kubeops.aks_reboot.reboot_plan_info#module:plan).
    type: dict
    required: true
  steps:
    description:
      - What was done, by the names of the nodes. Of each node, the registered results of its steps C(lock), C(check),
        C(cordon), C(drain), C(reboot), C(uncordon), C(rollback) and C(unlock). A step that was not run is missing or
        empty, and so is a node that was not started.
    type: dict
    required: true
  run_id:
    description: The id of the run, as RV(kubeops.aks_reboot.reboot_plan_info#module:run_id).
    type: str
    required: true
  reason:
    description: Why the reboots were done.
    type: str
    default: ''
  wanted:
    description: Names of nodes that were asked to be rebooted in any case. Each of them that is left needs attention.
    type: list
    elements: str
    default: []
  recovered:
    description:
      - What was done about nodes that earlier runs had left, as
        RV(kubeops.aks_reboot.reboot_recovery#module:recovered). Nodes that were kept need attention.
    type: list
    elements: dict
    default: []
  unknown_ok:
    description:
      - Whether a run counts as complete although it could not learn of some node whether it requires a reboot.
    type: bool
    default: false
  json_file:
    description: Where to write the report as JSON, readable for its owner only. When it is not set, nowhere.
    type: path
seealso:
  - module: kubeops.aks_reboot.reboot_plan_info
"""

EXAMPLES = r"""
- name: Find the nodes
  kubeops.aks_reboot.node_info:
  register: found

- name: Plan the reboot of one of them
  kubeops.aks_reboot.reboot_plan_info:
    nodes: "{{ found.nodes }}"
    cluster_id: "{{ found.cluster_id }}"
    only:
      - "{{ found.nodes[0].name }}"
    ignore_sentinel: true
  register: decided

- name: Take a slot for it
  kubeops.aks_reboot.reboot_lock:
    node: "{{ found.nodes[0].name }}"
    run_id: "{{ decided.run_id }}"
  register: lock

- name: Cordon it
  kubeops.aks_reboot.node_cordon:
    node: "{{ found.nodes[0].name }}"
    run_id: "{{ decided.run_id }}"
  register: cordon

- name: Give it back
  kubeops.aks_reboot.node_cordon:
    node: "{{ found.nodes[0].name }}"
    run_id: "{{ decided.run_id }}"
    state: rolled_back
  register: rollback

- name: Give the slot back
  kubeops.aks_reboot.reboot_lock:
    node: "{{ found.nodes[0].name }}"
    run_id: "{{ decided.run_id }}"
    state: released
  register: unlock

- name: Report what was done
  kubeops.aks_reboot.reboot_report:
    plan: "{{ decided.plan }}"
    run_id: "{{ decided.run_id }}"
    steps: "{{ {found.nodes[0].name: {'lock': lock, 'cordon': cordon, 'rollback': rollback, 'unlock': unlock}} }}"
    json_file: report.json
  register: told

- name: Show what is left
  ansible.builtin.debug:
    msg: "{{ told.report.summary }}"
"""

RETURN = r"""
report:
  description: The report. It is what O(json_file) holds.
  returned: success
  type: dict
  contains:
    version:
      description: The version of this document's form.
      type: int
      sample: 1
    run_id:
      description: The id of the run.
      type: str
      sample: 20260801-021500-3fa9c1
    cluster_id:
      description: The cluster's id.
      type: str
      sample: 0b1c7d4e-5c0e-4f6f-9a55-2f7d7a9f2f10
    reason:
      description: Why the reboots were done.
      type: str
      sample: kernel update
    started:
      description: When the plan was made, as an RFC 3339 time.
      type: str
      sample: "2026-08-01T02:15:00Z"
    finished:
      description: When the report was made, as an RFC 3339 time.
      type: str
      sample: "2026-08-01T02:21:37Z"
    outcome:
      description:
        - What became of the run.
        - V(done) when all that was planned is done, V(nothing_due) when nothing was, V(incomplete) when something is
          left.
      type: str
      sample: done
    ok:
      description: Whether nothing is left.
      type: bool
      sample: true
    summary:
      description: The run in one line.
      type: str
      sample: 1 of 1 nodes rebooted
    attention:
      description:
        - What needs somebody's attention, rows like those of RV(report.left). They are nodes that were not planned, or
          that an earlier run has left and that had to be kept.
      type: list
      elements: dict
      sample: []
    nodes:
      description: The planned nodes, in the order of the plan.
      type: list
      elements: dict
      contains:
        name:
          description: The node's name.
          type: str
          sample: aks-web-27414567-vmss000003
        outcome:
          description:
            - What became of it.
            - Good are V(rebooted), V(skipped) (it was not due any more) and V(gone) (it was scaled in meanwhile).
            - V(rolled_back) is in service as before, V(failed) was not touched, V(not_started) neither.
            - V(kept) is still cordoned and needs somebody's attention.
            - V(lost) has been taken over by another run, which reports what became of it.
            - V(lost) was taken over by another run, which reports what became of it.
            - V(still_required) rebooted well, but its sentinel is still there; V(unsettled) rebooted well, but not all
              that it displaced is back.
          type: str
          sample: rebooted
        message:
          description: The same in one line.
          type: str
          sample: rebooted, proven well, back in service
        reason:
          description: Why it did not end well, as a word. Empty when it did.
          type: str
          sample: ""
        step:
          description: The step at which it did not go on. Empty when it did.
          type: str
          sample: ""
        seconds:
          description: How many seconds the steps C(drain) and C(reboot) took, as far as they were run.
          type: dict
          sample:
            drain: 12.4
            reboot: 113.0
        times:
          description: RFC 3339 times, as RV(kubeops.aks_reboot.node_reboot#module:times).
          type: dict
          sample:
            started: "2026-08-01T02:16:10Z"
            sent: "2026-08-01T02:16:12Z"
            booted: "2026-08-01T02:17:48Z"
            proven: "2026-08-01T02:18:05Z"
        boot_id_before:
          description: The boot ID before the reboot.
          type: str
          sample: 8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11
        boot_id_after:
          description: The boot ID after the reboot.
          type: str
          sample: e47d5b0b-91a9-4a63-8a0a-5a1a2a1c6f02
        pods_evicted:
          description: How many pods were evicted.
          type: int
          sample: 14
        blocked:
          description: The pods that held up the drain, as RV(kubeops.aks_reboot.node_drain#module:blocked).
          type: list
          elements: dict
          sample: []
        volumes_attached:
          description: The volumes that were still attached when the restart was sent.
          type: list
          elements: str
          sample: []
        pods_not_ready:
          description: The pods that were not Ready at the proof and that the proof does not need.
          type: list
          elements: str
          sample: []
    left:
      description: The nodes that were not planned, as RV(kubeops.aks_reboot.reboot_plan_info#module:plan.left).
      type: list
      elements: dict
      sample:
        - name: aks-web-27414567-vmss000004
          reason: not_required
          message: requires no reboot
    recovered:
      description: What was done about nodes that earlier runs had left, as it was given in O(recovered).
      type: list
      elements: dict
      sample: []
lines:
  description: The report as lines of text for people.
  returned: success
  type: list
  elements: str
  sample:
    - NODE                         OUTCOME   DRAIN  REBOOT  PODS  MESSAGE
    - aks-web-27414567-vmss000003  rebooted  12 s   113 s   14    rebooted, proven well, back in service
    - ""
    - "done: 1 of 1 nodes rebooted"
reason:
  description: Why it failed, as a word, V(not_written) or V(invalid_setting).
  returned: failure
  type: str
  sample: not_written
node:
  description: The node that the failure is about. V(null), as it is about the report.
  returned: failure
  type: str
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.outcome import run_outcome
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.report import make_report
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.text import report_lines
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.times import format_time
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.files import write_json

SPEC: dict[str, dict[str, Any]] = {
    "plan": {"type": "dict", "required": True},
    "steps": {"type": "dict", "required": True},
    "run_id": {"type": "str", "required": True},
    "reason": {"type": "str", "default": ""},
    "wanted": {"type": "list", "elements": "str", "default": []},
    "recovered": {"type": "list", "elements": "dict", "default": []},
    "unknown_ok": {"type": "bool", "default": False},
    "json_file": {"type": "path"},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    try:
        report = _report(params)
        lines = report_lines(report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InvalidSetting(
            f"plan, steps, recovered: not what reboot_plan_info, the steps and reboot_recovery return: {error!r}"
        ) from error
    for line in lines:
        call.sink(line)
    changed = False
    if params["json_file"]:
        changed = write_json(params["json_file"], report, check_mode=call.check_mode)
    return {"changed": changed, "report": report, "lines": lines}


def _report(params: Mapping[str, Any]) -> dict[str, Any]:
    plan, steps = params["plan"], params["steps"]
    outcome = run_outcome(
        [row["name"] for row in plan["planned"]],
        plan["left"],
        steps,
        unknown_ok=params["unknown_ok"],
        wanted=params["wanted"],
        recovered=params["recovered"],
    )
    return make_report(
        outcome,
        plan,
        steps,
        run_id=params["run_id"],
        started=plan["created"],
        finished=format_time(datetime.now(UTC)),
        reason=params["reason"],
        recovered=params["recovered"],
    )


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
