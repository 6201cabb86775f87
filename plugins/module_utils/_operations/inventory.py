# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listing the cluster's nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.node import Node
from .._decisions.rows import node_row
from .._decisions.selection import Selection, reason_to_exclude
from .context import Context
from .node_writes import NODES
from .retry import FIRST_CONTACT_SECONDS, retried


def list_nodes(
    client: KubernetesClient, names: Collection[str] | None, selection: Selection, context: Context
) -> dict[str, Any]:
    """All nodes (or those in ``names``) as rows, and the cluster's id, which is the UID of its namespace kube-system.

    Nodes are parsed page by page, so that thousands of them never are in memory as whole objects. Raises
    KubernetesError.
    """
    cluster = retried(
        lambda: client.get("/api/v1/namespaces/kube-system"), context.clock, seconds=FIRST_CONTACT_SECONDS
    )
    rows = []
    for item in client.items(NODES):
        node = Node(item)
        if names is None or node.name in names:
            rows.append(node_row(node, reason_to_exclude(node, selection)))
    return {"cluster_id": cluster["metadata"]["uid"], "nodes": sorted(rows, key=lambda row: str(row["name"]))}
