# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of whoever takes part in the lock; their argument spec is LOCK in _edge/specs.py
    DOCUMENTATION = r"""
options:
  lock_namespace:
    description: The namespace of the Lease that all runs share.
    type: str
    default: kube-system
  lock_name:
    description: The name of that Lease.
    type: str
    default: aks-reboot
  lock_ttl:
    description:
      - Seconds after which a slot that its run does not renew any more may be taken over, O(lock_margin) added.
      - At least twice O(lock_margin). V(0) means never; then only an operator frees such a slot.
    type: int
    default: 300
  lock_margin:
    description: Seconds of grace beyond O(lock_ttl). Shorten it in a laboratory only.
    type: int
    default: 30
  ds_namespace:
    description: The namespace of kured's DaemonSet, whose lock is honoured and taken too where there is one.
    type: str
    default: kube-system
  ds_name:
    description: The name of kured's DaemonSet.
    type: str
    default: kured
  lock_annotation:
    description: The annotation in which kured keeps its lock.
    type: str
    default: weave.works/kured-node-lock
"""
