# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controllers of the simulated cluster. They are clients of the API and nothing else: any API server will do."""

from __future__ import annotations

import asyncio

from ..kube_client import Informer, KubeClient
from ..settings import Settings
from .caches import NodeCache, PodCache
from .daemonset import DaemonSetController
from .deployment import DeploymentController
from .namespace import NamespaceController
from .node_lifecycle import NodeLifecycle
from .pdb import BudgetController, Workloads
from .replicaset import ReplicaSetController
from .scheduler import Scheduler

__all__ = ["run_controllers"]


async def run_controllers(client: KubeClient, settings: Settings) -> None:
    """Run all controllers until cancelled.

    client: a client with the rights of a cluster administrator; it is not closed here.
    settings: `node_monitor_grace_seconds` is used.
    """
    namespaces = Informer(client, "/api/v1/namespaces")
    nodes = Informer(client, "/api/v1/nodes")
    pods = Informer(client, "/api/v1/pods")
    leases = Informer(client, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
    deployments = Informer(client, "/apis/apps/v1/deployments")
    replica_sets = Informer(client, "/apis/apps/v1/replicasets")
    stateful_sets = Informer(client, "/apis/apps/v1/statefulsets")
    daemon_sets = Informer(client, "/apis/apps/v1/daemonsets")
    budgets = Informer(client, "/apis/policy/v1/poddisruptionbudgets")
    informers = (
        namespaces, nodes, pods, leases, deployments, replica_sets, stateful_sets, daemon_sets, budgets
    )  # fmt: skip

    async with asyncio.TaskGroup() as group:
        for informer in informers:
            group.create_task(informer.run())
        # Controllers that decide before they know everything would create what is there already.
        await asyncio.gather(*(informer.synced.wait() for informer in informers))
        pod_cache, node_cache = PodCache(pods), NodeCache(nodes)
        controllers = (
            DeploymentController(client, deployments, replica_sets),
            ReplicaSetController(client, replica_sets, pod_cache),
            DaemonSetController(client, daemon_sets, pod_cache, node_cache),
            Scheduler(client, node_cache, pod_cache),
            BudgetController(client, budgets, pod_cache, Workloads(replica_sets, deployments, stateful_sets)),
            NodeLifecycle(client, nodes, leases, pod_cache, settings.node_monitor_grace_seconds),
            NamespaceController(client, namespaces),
        )
        for controller in controllers:
            group.create_task(controller.run())
