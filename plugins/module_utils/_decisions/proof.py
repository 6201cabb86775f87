# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proof: what has to be seen before a node counts as rebooted and well.

Azure calling the restart done is no proof: its operation has been seen to succeed in two seconds with the reboot an
hour later. The boot ID is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .node import Node
from .pods import Pod


@dataclass(frozen=True)
class Baseline:
    """What the node was like before its restart: its boot ID, its last heartbeat, the containers that ran on it, and
    the DaemonSets (``namespace/name``) whose pod was Ready."""

    boot_id: str
    heartbeat: datetime | None
    containers: frozenset[str]
    daemonsets: tuple[str, ...]


def booted(node: Node, baseline: Baseline) -> bool:
    return bool(node.boot_id) and node.boot_id != baseline.boot_id


def missing_of_node(node: Node, baseline: Baseline) -> str:
    """What the Node object lacks for the proof, or an empty string."""
    if not booted(node, baseline):
        return "a new boot ID"
    if node.event_scheduled:
        return "the end of the maintenance event that Azure has announced for the node"
    heartbeat = node.heartbeat
    if not node.ready:
        condition = node.condition("Ready") or {}
        return f"the node to be Ready ({condition.get('reason') or 'no condition yet'})"
    if heartbeat is None or (baseline.heartbeat is not None and heartbeat <= baseline.heartbeat):
        return "a heartbeat after the boot"
    return ""


def missing_daemonsets(pods: Iterable[Pod], baseline: Baseline) -> list[str]:
    """The DaemonSets that were Ready before and have no Ready pod with containers of this boot yet."""
    well = {
        f"{pod.owner.namespace}/{pod.owner.name}"
        for pod in pods
        if pod.owner is not None and pod.owner.kind == "DaemonSet" and _restarted(pod, baseline) and pod.ready
    }
    return [name for name in baseline.daemonsets if name not in well]


def _restarted(pod: Pod, baseline: Baseline) -> bool:
    """Whether all of the pod's containers are of this boot: new ones, started after the node's last heartbeat before.

    Both times are by the node's own clock. Each test alone can be fooled: by a container that crashed in the last
    minute before the boot, and by a status that the kubelet has not renewed yet.
    """
    since = pod.running_since()
    if since is None or pod.container_ids() & baseline.containers:
        return False
    return baseline.heartbeat is None or since >= baseline.heartbeat
