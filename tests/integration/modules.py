# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calling the modules in this process, on a simulated cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result
from ansible_collections.kubeops.aks_reboot.plugins.modules import node_cordon, node_drain, reboot_lock
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import USER_AGENT, SimulatedCluster

RUN = "test-run"


def parameters(spec: Mapping[str, Mapping[str, Any]], **given: Any) -> dict[str, Any]:
    """A module's parameters with the defaults of its argument ``spec``."""
    unknown = set(given) - set(spec)
    assert not unknown, f"no such options: {unknown}"
    return {name: given.get(name, option.get("default")) for name, option in spec.items()}


def take(cluster: SimulatedCluster, node: str) -> None:
    """Take a slot for ``node`` and cordon it, as the role does before it drains."""
    access = {"kubeconfig": str(cluster.kubeconfig), "node": node, "run_id": RUN}
    reboot_lock.run(parameters(reboot_lock.SPEC, **access), Call())
    node_cordon.run(parameters(node_cordon.SPEC, reason="test", **access), Call())


def drain(cluster: SimulatedCluster, node: str, *, check_mode: bool = False, **options: Any) -> Result:
    """Drain ``node``, which has been taken. Raises RebootError."""
    access = {"kubeconfig": str(cluster.kubeconfig), "node": node, "run_id": RUN}
    return node_drain.run(parameters(node_drain.SPEC, **access, **options), Call(check_mode))


def own_requests(cluster: SimulatedCluster) -> list[dict[str, Any]]:
    """The requests that the collection has made to the Kubernetes API."""
    return cluster.requests(server="api", user_agent=USER_AGENT)
