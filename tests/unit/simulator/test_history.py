# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of nodes, machines and locks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.cluster import Plan, Simulator
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube_client import KubeClient
from ansible_collections.kubeops.aks_reboot.tests.simulator.layout import Pool
from ansible_collections.kubeops.aks_reboot.tests.simulator.scenario import Scenario
from ansible_collections.kubeops.aks_reboot.tests.simulator.settings import Settings

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


class Rig:
    def __init__(self, directory: Path) -> None:
        settings = Settings(boot_seconds=0.1, heartbeat_seconds=0.1, pod_start_seconds=0.05)
        self.simulator = Simulator(Plan(directory, [Pool("user", 1)], 1, settings, Scenario(), None))
        self.directory = directory
        self.machine = self.simulator.machines[0]
        self.path = f"/api/v1/nodes/{self.machine.name}"

    async def start(self) -> None:
        await self.simulator.start()
        self.client = KubeClient.from_kubeconfig(self.directory / "kubeconfig", "test")

    async def until_running(self) -> None:
        for _look in range(500):
            if self.machine.power == "running":
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.simulator.history.list() if entry["kind"] == kind]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    await rig.start()
    yield rig
    await rig.client.close()
    await rig.simulator.close()


async def test_nodes(rig: Rig) -> None:
    marks = {"aks-reboot/journal": "j", "aks-reboot/hold": "h", "other": "o"}
    await rig.client.patch(rig.path, {"metadata": {"annotations": marks}, "spec": {"unschedulable": True}})
    await asyncio.sleep(0.3)
    uid = (await rig.client.get(rig.path))["metadata"]["uid"]
    await rig.client.patch(rig.path, {"metadata": {"annotations": dict.fromkeys(marks)}})
    await rig.client.delete(rig.path)
    entries = rig.of("node")
    names = ("unschedulable", "journal", "annotations", "deleted")
    states = [tuple(entry[name] for name in names) for entry in entries]
    hold = {"aks-reboot/hold": "h"}
    assert [state for state, _same in itertools.groupby(states)][:4] == [
        (False, None, {}, False),
        (True, "j", hold, False),
        (True, None, {}, False),
        (True, None, {}, True),
    ]
    assert {entry["uid"] for entry in entries if entry["journal"]} == {uid}
    cordoned = [entry["taints"] for entry in entries if entry["journal"]]
    assert cordoned[-1] == ["node.kubernetes.io/unschedulable:NoSchedule"]
    assert len(cordoned) <= 2, "heartbeats are no changes"


async def test_machines(rig: Rig) -> None:
    rig.machine.accept_restart()
    rig.machine.restart()
    await rig.until_running()
    states = [(entry["power"], entry["boots"], entry["restarts_accepted"]) for entry in rig.of("machine")]
    assert states == [
        ("running", 0, 0),
        ("running", 0, 1),
        ("stopped", 1, 1),
        ("starting", 1, 1),
        ("running", 1, 1),
    ]
    sentinels = [entry["sentinel"] for entry in rig.of("machine")]
    assert (sentinels[0], sentinels[-1]) == (True, False)


async def test_locks_and_the_order_of_all(rig: Rig) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"}, "spec": {}}
    await rig.client.create(LEASES, lease)
    await rig.client.patch(f"{LEASES}/lock", {"metadata": {"annotations": {"aks-reboot/holders": "[1]"}}})
    await rig.client.patch(f"{LEASES}/lock", {"spec": {"holderIdentity": "me"}})
    await rig.client.delete(f"{LEASES}/lock")
    assert [entry["holders"] for entry in rig.of("lease") if entry["name"] == "lock"] == [None, "[1]", None]
    assert all(entry["name"] != rig.machine.name for entry in rig.of("lease"))
    shown = rig.simulator.state(requests=False, history=True)["history"]
    assert all(first["number"] < second["number"] for first, second in itertools.pairwise(shown))
