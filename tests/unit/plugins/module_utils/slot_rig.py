# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots as tests take, hold and lose them, against a simulated API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Holder, Limits, Request, find
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Context, NoWrites, Progress
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.kured import Kured, KuredSettings
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.ledger import LedgerStore, LockSettings
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import new_writer, release
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot_guard import SlotGuard
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.take_slot import Acquired, SlotTaker
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.simulated_api import SimulatedApi, add_node

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
LEASE = f"{LEASES}/aks-reboot"
TTL = 60
MARGIN = 30.0


def always() -> None:
    """The parent that never dies."""


@dataclass
class Rig:
    """A cluster of three nodes, one per zone, and its lock; ``lines`` are what was told to people."""

    api: SimulatedApi
    settings: LockSettings = field(default_factory=lambda: LockSettings(ttl=TTL, margin=MARGIN))
    lines: list[str] = field(default_factory=list)
    uids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = self.api.client()
        self.store = LedgerStore(self.client, self.settings, self.api.clock)
        self.kured = Kured(self.client, KuredSettings(), self.api.clock)
        present = {item["metadata"]["name"]: item["metadata"]["uid"] for item in self.client.items("/api/v1/nodes")}
        for number in (1, 2, 3):
            name = f"n{number}"
            self.uids[name] = present.get(name) or add_node(self.client, name, zone=str(number))

    def context(self, node: str = "n1") -> Context:
        return Context(Progress(node, self.lines.append, self.api.clock), NoWrites(), self.api.clock)

    def request(self, node: str = "n1", run: str = "a", **changes: Any) -> Request:
        number = node.removeprefix("n")
        given = {"ttl": self.settings.ttl, "pool": "user", "zone": f"westeurope-{number}", "rank": 0, **changes}
        return Request(run=run, writer=new_writer(), node=node, node_uid=self.uids.get(node, ""), **given)

    def take(
        self,
        node: str = "n1",
        run: str = "a",
        *,
        limits: Limits | None = None,
        timeout: float = 600,
        check_mode: bool = False,
        **changes: Any,
    ) -> Acquired:
        taker = SlotTaker(
            self.client,
            self.store,
            self.kured,
            self.request(node, run, **changes),
            limits or Limits(margin=MARGIN),
            self.context(node),
            timeout,
            always,
        )
        return taker.take(check_mode=check_mode)

    def release(self, node: str = "n1", run: str = "a", *, check_mode: bool = False) -> bool:
        return release(self.client, self.store, self.kured, run, node, self.context(node), check_mode=check_mode)

    def guard(self, node: str = "n1", run: str = "a") -> SlotGuard:
        return SlotGuard(self.store, run, node, parent=always, seconds=self.api.clock.monotonic)

    def holders(self) -> list[Holder]:
        return self.store.read().holders

    def holder(self, node: str = "n1") -> Holder:
        found = find(self.holders(), node)
        assert found is not None
        return found

    def annotate(self, node: str, **annotations: str | None) -> None:
        named = {f"aks-reboot/{name}": value for name, value in annotations.items()}
        self.client.merge_patch(f"/api/v1/nodes/{node}", {"metadata": {"annotations": named}})

    def cordon(self, node: str, *, cordoned: bool = True) -> None:
        self.client.merge_patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": cordoned or None}})
