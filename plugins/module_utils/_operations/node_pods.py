# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods of one node."""

from __future__ import annotations

from .._clients.kubernetes import KubernetesClient, Params
from .._decisions.pods import Pod
from .context import Context
from .retry import retried

PODS = "/api/v1/pods"


def node_pods_params(node: str, label_selector: str = "") -> Params:
    """The query for the pods bound to ``node``, optionally only those that a label selector selects."""
    return {"fieldSelector": f"spec.nodeName={node}", **({"labelSelector": label_selector} if label_selector else {})}


def list_node_pods(client: KubernetesClient, node: str, context: Context) -> list[Pod]:
    """All pods bound to ``node``, in one request (a kubelet runs a few hundred at most). Raises KubernetesError."""
    items, _version = retried(lambda: client.list(PODS, node_pods_params(node)), context.clock)
    return [Pod(item) for item in items]
