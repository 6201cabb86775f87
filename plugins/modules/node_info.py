#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: List the nodes of an AKS cluster, and which of them may be rebooted
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Reads the nodes of a cluster and tells of each what it is (pool, zone, mode, operating system, virtual machine in
    Azure) and how it is (Ready, cordoned, on hold, its journal, its last reboot).
  - Tells of each node that must not be rebooted why, in RV(nodes[].excluded) and RV(nodes[].excluded_message). Such
    nodes are listed, too, so that a plan can account for every node.
  - The nodes are read page by page, so that clusters with thousands of nodes need little memory.
extends_documentation_fragment:
  - kubeops.aks_reboot._kubernetes
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.info
  - kubeops.aks_reboot._attributes.action
attributes:
  action_group:
    membership:
      - kubeops.aks_reboot.all
      - kubeops.aks_reboot.kubernetes
options:
  nodes:
    description:
      - The names of the nodes to list. A name that the cluster does not have is no error.
      - When it is not set, all nodes are listed.
    type: list
    elements: str
  pools:
    description: The agent pools to look after. Empty means all.
    type: list
    elements: str
    default: []
  include_spot:
    description: Whether spot nodes may be rebooted, too.
    type: bool
    default: false
  include_auto_provisioned:
    description: Whether nodes of node auto-provisioning may be rebooted, too.
    type: bool
    default: false
seealso:
  - module: kubeops.aks_reboot.sentinel_info
  - module: kubeops.aks_reboot.reboot_plan_info
"""

EXAMPLES = r"""
- name: List all nodes
  kubeops.aks_reboot.node_info:
  register: found

- name: Show the nodes that must not be rebooted, and why
  ansible.builtin.debug:
    msg: "{{ item.name }} {{ item.excluded_message }}"
  loop: "{{ found.nodes | selectattr('excluded') }}"
  loop_control:
    label: "{{ item.name }}"

- name: List the nodes of two pools of another cluster, spot nodes among them
  kubeops.aks_reboot.node_info:
    kubeconfig: ~/.kube/config
    context: aks-production
    pools:
      - batch
      - web
    include_spot: true
"""

RETURN = r"""
cluster_id:
  description: What tells this cluster from all others, the UID of its namespace C(kube-system).
  returned: success
  type: str
  sample: 0b1c7d4e-5c0e-4f6f-9a55-2f7d7a9f2f10
nodes:
  description: One row for each node, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The node's name.
      type: str
      sample: aks-web-27414567-vmss000003
    uid:
      description: The UID of the Node object. A node that is deleted and comes back has another one.
      type: str
      sample: 5f2c4a5e-0f5c-4d0c-8c1c-6a1f3f1e9b77
    boot_id:
      description: The kernel's boot ID as the kubelet last reported it. It changes with every boot.
      type: str
      sample: 8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11
    provider_id:
      description: The machine's id as the node carries it.
      type: str
      sample: "azure:///subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/mc_shop_shop_westeurope/\
        providers/Microsoft.Compute/virtualMachineScaleSets/aks-web-27414567-vmss/virtualMachines/3"
    machine:
      description: The virtual machine in Azure. V(null) when the node is none of Azure's.
      type: dict
      contains:
        kind:
          description: V(vmss) for an instance of a Uniform scale set, V(vm) for a machine of its own.
          type: str
          sample: vmss
        subscription:
          description: The id of the subscription.
          type: str
          sample: 11111111-2222-4333-8444-555555555555
        resource_group:
          description: The node resource group.
          type: str
          sample: mc_shop_shop_westeurope
        scale_set:
          description: The scale set. Empty for a machine of its own.
          type: str
          sample: aks-web-27414567-vmss
        instance_id:
          description: The instance's id in the scale set. Empty for a machine of its own.
          type: str
          sample: "3"
        name:
          description: The machine's name. Empty for an instance of a Uniform scale set.
          type: str
          sample: ""
    pool:
      description: The agent pool.
      type: str
      sample: web
    mode:
      description: The mode of the agent pool, V(system) or V(user).
      type: str
      sample: user
    zone:
      description: The availability zone, or the fault domain where there are no zones.
      type: str
      sample: westeurope-1
    os:
      description: V(linux) or V(windows).
      type: str
      sample: linux
    os_image:
      description: The operating system as the kubelet reports it.
      type: str
      sample: Ubuntu 22.04.5 LTS
    spot:
      description: Whether it is a spot node.
      type: bool
      sample: false
    address:
      description: Its InternalIP address, by which it is reached over SSH. Empty when it has none.
      type: str
      sample: 10.224.0.7
    ready:
      description: Whether it is Ready.
      type: bool
      sample: true
    cordoned:
      description: Whether it is cordoned, by whomever.
      type: bool
      sample: false
    hold:
      description:
        - Why an operator wants the node left alone, the value of its annotation C(aks-reboot/hold).
        - V(null) when nobody does.
      type: str
      sample: disk is being looked at
    journal:
      description:
        - What a run has done to the node and not undone yet, from its annotation C(aks-reboot/journal).
        - V(null) when there is none, and when it cannot be read (RV(nodes[].excluded) then says so).
      type: dict
      sample:
        run: 20260801-021500-3fa9c1
        phase: drained
        boot_id: 8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11
        unschedulable: false
        since: "2026-08-01T02:15:04Z"
        reason: reboot required
        method: vmss
        operation: ""
        marked: ""
        annotations: ["cluster-autoscaler.kubernetes.io/scale-down-disabled"]
        daemonsets: ["kube-system/kube-proxy"]
    last_reboot:
      description:
        - What the last proven reboot by this collection left, from the node's annotation C(aks-reboot/last-reboot).
        - Empty when there was none.
      type: dict
      sample:
        at: "2026-07-01T02:31:40Z"
        bootID: 8c1f7e0a-3d1e-4c43-9a0d-0f6c2f0b7c11
        run: 20260701-021500-90ab12
        stillRequired: false
    excluded:
      description:
        - Why the node must not be rebooted, as a word. Empty when it may be.
        - What it is comes first (V(virtual), V(windows), V(not_a_machine), V(not_managed), V(other_pool), V(spot),
          V(auto_provisioned)), then how it is (V(hold), V(being_deleted), V(aks_upgrade), V(quarantined),
          V(journal_damaged), V(journal_version), V(in_progress), V(not_ready)).
      type: str
      sample: hold
    excluded_message:
      description: The same as a sentence that begins with its verb. Empty when the node may be rebooted.
      type: str
      sample: "is on hold: disk is being looked at"
reason:
  description:
    - Why it failed, as a word.
    - V(invalid_setting), V(missing_library), V(kubernetes_unreachable), V(kubernetes_unauthorized),
      V(kubernetes_forbidden), V(kubernetes_error), V(not_found) or V(expired).
  returned: failure
  type: str
  sample: kubernetes_unreachable
node:
  description: The node that the failure is about. V(null), as it is about the cluster.
  returned: failure
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.kubernetes import KubernetesClient
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.selection import Selection
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import KUBERNETES, kubernetes_access
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.inventory import list_nodes

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    "nodes": {"type": "list", "elements": "str"},
    "pools": {"type": "list", "elements": "str", "default": []},
    "include_spot": {"type": "bool", "default": False},
    "include_auto_provisioned": {"type": "bool", "default": False},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    selection = Selection(tuple(params["pools"]), params["include_spot"], params["include_auto_provisioned"])
    with KubernetesClient(kubernetes_access(params)) as client:
        return {"changed": False, **list_nodes(client, params["nodes"], selection, call.looking("cluster"))}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
