#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sentinel_info
short_description: Ask many nodes at once whether they require a reboot
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Looks on each node for the sentinel, the file by which the operating system says that it requires a reboot.
  - The answer is V(required), V(not_required) or V(unknown). A node that cannot be reached, does not let us in or
    gives no clear answer is V(unknown), with the reason, and never counts as one that needs nothing. It does not fail
    the task.
  - Up to 64 nodes are asked at once.
extends_documentation_fragment:
  - kubeops.aks_reboot._ssh
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.info
  - kubeops.aks_reboot._attributes.action
attributes:
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.ssh
options:
  nodes:
    description:
      - The nodes to ask, as RV(kubeops.aks_reboot.node_info#module:nodes). Of each row the C(name), the C(address) and
        C(excluded) are read.
      - Nodes that must not be rebooted (C(excluded) is not empty) are not asked.
    type: list
    elements: dict
    required: true
  only:
    description:
      - Names of nodes. Others of O(nodes) are not asked.
      - When it is not set, all are asked.
    type: list
    elements: str
  method:
    description: How to ask. V(ssh) logs in to the node's InternalIP address and needs no root rights there.
    type: str
    choices: [ssh]
    default: ssh
  sentinel:
    description:
      - The file whose presence says that a node requires a reboot.
      - The packages that asked for the reboot are read from the file of the same name with C(.pkgs) at its end.
    type: path
    default: /var/run/reboot-required
seealso:
  - module: kubeops.aks_reboot.node_info
  - module: kubeops.aks_reboot.reboot_plan_info
"""

EXAMPLES = r"""
- name: Find the nodes
  kubeops.aks_reboot.node_info:
  register: found

- name: Ask them whether they require a reboot
  kubeops.aks_reboot.sentinel_info:
    nodes: "{{ found.nodes }}"
  register: asked

- name: Show the nodes that could not be asked
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.error }}"
  loop: "{{ asked.sentinels | selectattr('state', 'equalto', 'unknown') }}"
  loop_control:
    label: "{{ item.name }}"

- name: Ask the nodes of one pool, as another user and with a key of its own
  kubeops.aks_reboot.sentinel_info:
    nodes: "{{ found.nodes | selectattr('pool', 'equalto', 'web') }}"
    ssh_user: operator
    ssh_private_key_file: ~/.ssh/aks
"""

RETURN = r"""
sentinels:
  description: One row for each node that was asked, in the order of O(nodes).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The node's name.
      type: str
      sample: aks-web-27414567-vmss000003
    state:
      description: V(required), V(not_required) or V(unknown).
      type: str
      sample: required
    since:
      description:
        - When the sentinel was last touched, by the node's clock, as an RFC 3339 time.
        - V(null) unless the node requires a reboot and said since when.
      type: str
      sample: "2026-07-30T06:12:44Z"
    packages:
      description: The packages that asked for the reboot.
      type: list
      elements: str
      sample: [linux-image-6.8.0-1031-azure, linux-base]
    error:
      description: Why the state is V(unknown). Empty otherwise.
      type: str
      sample: "10.224.0.7: port 22 cannot be reached: [Errno 111] Connection refused"
reason:
  description: Why it failed, as a word, V(invalid_setting) or V(missing_library).
  returned: failure
  type: str
  sample: invalid_setting
node:
  description: The node that the failure is about. V(null), as a node that cannot be asked is no failure.
  returned: failure
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.ssh import SshClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import sentinel_row
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.sentinel import DEFAULT_SENTINEL
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import SSH, ssh_access
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.probe import ProbeTarget, probe_all

SPEC: dict[str, dict[str, Any]] = {
    **SSH,
    "nodes": {"type": "list", "elements": "dict", "required": True},
    "only": {"type": "list", "elements": "str"},
    "method": {"type": "str", "choices": ["ssh"], "default": "ssh"},
    "sentinel": {"type": "path", "default": DEFAULT_SENTINEL},
}


def run(params: Mapping[str, Any], _call: Call) -> Result:
    only = params["only"]
    try:
        targets = [
            ProbeTarget(row["name"], row["address"])
            for row in params["nodes"]
            if not row["excluded"] and (only is None or row["name"] in only)
        ]
    except KeyError as error:
        raise InvalidSetting(f"nodes: not rows of node_info: {error} is missing") from error
    states = probe_all(SshClient(ssh_access(params)), targets, params["sentinel"])
    return {"changed": False, "sentinels": [sentinel_row(name, state) for name, state in states.items()]}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
