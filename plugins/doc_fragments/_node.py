# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of every step on one node; their argument spec is NODE in _edge/specs.py
    DOCUMENTATION = r"""
options:
  node:
    description: The name of the node.
    type: str
    required: true
  run_id:
    description:
      - The id of the run that does this, as M(kubeops.aks_reboot.reboot_plan_info) makes it. All steps of one run have
        the same.
      - It stands in the journal on the node, and a node that carries the journal of another run is left untouched.
    type: str
    required: true
seealso:
  - module: kubeops.aks_reboot.node_cordon
  - module: kubeops.aks_reboot.node_drain
  - module: kubeops.aks_reboot.node_reboot
"""
