# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kured in the same cluster: its lock is honoured, taken while we work, and given back."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import PlaybookRun, run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, wait_until

LOCK = "weave.works/kured-node-lock"


def install_kured(cluster: SimulatedCluster, lock: object = None, *arguments: str) -> None:
    """kured's DaemonSet, whose pods run nowhere: only its lock matters here."""
    cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {
                "name": "kured",
                "namespace": "kube-system",
                "annotations": {} if lock is None else {LOCK: json.dumps(lock)},
            },
            "spec": {
                "selector": {"matchLabels": {"name": "kured"}},
                "template": {
                    "metadata": {"labels": {"name": "kured"}},
                    "spec": {
                        "nodeSelector": {"nowhere": "true"},
                        "containers": [{"name": "kured", "image": "kured", "args": list(arguments)}],
                    },
                },
            },
        }
    )


def kured_lock(cluster: SimulatedCluster) -> Any:
    daemonset = cluster.get("daemonset", "kured", "-n", "kube-system")
    return json.loads((daemonset["metadata"].get("annotations") or {}).get(LOCK, "null"))


def held_by(node: str, **more: object) -> dict[str, object]:
    return {
        "nodeID": node,
        "metadata": {"unschedulable": False},
        "created": "2026-01-01T00:00:00Z",
        "TTL": 0,
        **more,
    }


@pytest.mark.parametrize(
    "lock",
    [held_by("aks-other-1"), held_by("manual"), {"maxOwners": 2, "locks": [held_by("aks-other-1")]}],
    ids=["a node", "by hand", "one of several"],
)
def test_a_lock_that_kured_holds_is_waited_for(cluster: SimulatedCluster, lock: object) -> None:
    install_kured(cluster, lock)

    run = run_playbook(cluster, kured_reboot_lock_timeout=1)

    assert run.rc == 2
    assert "kured holds its own lock" in run.errors[-1]
    assert "since 2026-01-01T00:00:00Z" in run.errors[-1]
    assert cluster.boots() == [0, 0, 0]
    assert cluster.left_behind() == []
    assert kured_lock(cluster) == lock


def test_a_lock_that_has_expired_is_nobodys(cluster: SimulatedCluster) -> None:
    install_kured(cluster, held_by("aks-other-1", TTL=1_000_000_000))
    assert run_playbook(cluster).rc == 0
    assert kured_lock(cluster) is None


def test_a_lock_that_nobody_understands_stops_us(cluster: SimulatedCluster) -> None:
    install_kured(cluster, ["what?"])
    run = run_playbook(cluster, kured_reboot_lock_timeout=1)
    assert run.rc == 2
    assert "kured's lock annotation cannot be read" in run.errors[-1]
    assert cluster.boots() == [0, 0, 0]
    assert cluster.left_behind() == []


@pytest.mark.parametrize(("arguments", "slots"), [((), 1), (("--concurrency=2",), 2), (("--concurrency", "3"), 3)])
def test_while_we_work_the_lock_is_ours(cluster: SimulatedCluster, arguments: tuple[str, ...], slots: int) -> None:
    install_kured(cluster, None, *arguments)
    runs: list[PlaybookRun] = []
    working = threading.Thread(
        target=lambda: runs.append(run_playbook(cluster, kured_reboot_lock_release_delay=2)), daemon=True
    )
    working.start()
    wait_until(cluster.cordoned, "a node is cordoned", 90)
    lock = kured_lock(cluster)
    working.join()

    locks = lock["locks"] if slots > 1 else [lock]
    assert [item["nodeID"] for item in locks] == ["kubeops.aks_reboot"] * slots
    assert lock.get("maxOwners", 1) == slots
    assert locks[0]["TTL"] == 300 * 10**9
    assert runs[0].rc == 0
    assert kured_lock(cluster) is None
