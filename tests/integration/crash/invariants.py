# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol's invariants, judged by the simulator's own record of what happened."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster
from ansible_collections.kubeops.aks_reboot.tests.simulator import control

Object = dict[str, Any]


@dataclass
class _Node:
    """A node and its machine at one moment."""

    unschedulable: bool = False
    journal: str | None = None
    deleted: bool = False
    accepted: int = 0
    executed: int = 0
    power: str = "running"
    cordoned_by_others: bool = False
    restarts_of_ours: int = 0

    @property
    def pending(self) -> int:
        """Restarts that Azure has promised and not yet carried out."""
        return self.accepted - self.executed

    @property
    def out_by_us(self) -> bool:
        """Unschedulable or down by our doing. A cordon of ours is one that carries a journal."""
        return self.journal is not None or self.pending > 0 or (self.power != "running" and self.restarts_of_ours > 0)


@dataclass
class Verdict:
    """``broken`` names every broken invariant, with the number of the entry that broke it; ``most_out`` is the largest
    number of nodes that were out of service by our doing at one instant."""

    broken: list[str] = field(default_factory=list)
    most_out: int = 0


def history(cluster: SimulatedCluster) -> list[Object]:
    return list(control.request(cluster.directory, "state", requests=False, history=True)["history"])


def ledger(cluster: SimulatedCluster) -> list[Object]:
    """The slots in use, by the simulator's record."""
    texts = [entry["holders"] for entry in history(cluster) if entry["kind"] == "lease"]
    return list(json.loads(texts[-1] or "[]")) if texts else []


def judge(
    entries: list[Object],
    *,
    concurrency: int = 1,
    others: Collection[str] = (),
    needs: Mapping[str, int] | None = None,
) -> Verdict:
    """Walk through the history. ``others`` are nodes that somebody else cordons; ``needs`` how often a node may be
    restarted by us (default once)."""
    verdict = Verdict()
    nodes: dict[str, _Node] = {}
    for entry in entries:
        if entry["kind"] == "lease":
            continue
        node = nodes.setdefault(entry["name"], _Node())
        if entry["kind"] == "machine":
            node.power = entry["power"]
            node.restarts_of_ours = node.accepted = entry["restarts_accepted"]
            node.executed = min(entry["boots"] - entry["guest_reboots"], node.accepted)
        else:
            node.unschedulable, node.journal = entry["unschedulable"], entry["journal"]
            node.deleted = entry["deleted"]
        for what in _broken(entry["name"], node, entry["name"] in others, (needs or {}).get(entry["name"], 1)):
            verdict.broken.append(f"{what} (entry {entry['number']})")
        out = sum(item.out_by_us for item in nodes.values())
        verdict.most_out = max(verdict.most_out, out)
        if out > concurrency:
            names = ", ".join(name for name, item in nodes.items() if item.out_by_us)
            verdict.broken.append(f"{out} nodes out of service at once: {names} (entry {entry['number']})")
    return verdict


def _broken(name: str, node: _Node, others: bool, need: int) -> list[str]:
    broken: list[str] = []
    if node.deleted:
        return broken
    if node.pending and not node.unschedulable:
        broken.append(f"a restart is pending on {name}, which is in service")
    if node.accepted > need:
        broken.append(f"{name} was restarted {node.accepted} times for {need} needs")
    if node.unschedulable and node.journal is None and not others:
        broken.append(f"the cordon of {name} has no journal")
    if node.journal is not None and not node.unschedulable:
        broken.append(f"{name} has a journal without a cordon: {json.loads(node.journal)['phase']}")
    return broken


def left_behind(cluster: SimulatedCluster, *, others: Collection[str] = ()) -> list[str]:
    """What of ours is left, and every node whose cordon is not as it was before us."""
    allowed = {
        text for name in others for text in (f"cordon of {name}", f"taint node.kubernetes.io/unschedulable of {name}")
    }
    left = [text for text in cluster.left_behind() if text not in allowed]
    cordoned = cluster.cordoned()
    return left + [f"{name} is not cordoned any more" for name in others if name not in cordoned]
