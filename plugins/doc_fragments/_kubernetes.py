# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of everything that talks to the cluster's API; their argument spec is KUBERNETES in _edge/specs.py
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The cluster's kubeconfig file, as C(az aks get-credentials) writes it.
      - When it is not set, E(K8S_AUTH_KUBECONFIG) names the file, then E(KUBECONFIG). When these are not set either,
        it is C(~/.kube/config), or, where that does not exist, the service account of the pod in which this runs.
    type: path
  context:
    description:
      - The context of the kubeconfig.
      - When it is not set, E(K8S_AUTH_CONTEXT) names it. When that is not set either, it is the file's current context.
    type: str
requirements:
  - kubernetes >= 29.0.0
"""
