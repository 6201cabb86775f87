# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dead runs left: finished, rolled back, released, left alone or kept, and what is said about it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster

QUICK_LOCK = {"kured_reboot_lock_ttl": 3, "kured_reboot_lock_margin": 1}


def text_of(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


LONG_AGO = text_of(datetime.now(UTC) - timedelta(hours=3))


@pytest.fixture
def idle(simulate: Simulate) -> SimulatedCluster:
    """A cluster in which no node requires a reboot."""
    return simulate(nodes=3, required=0)


def leave_journal(cluster: SimulatedCluster, node: str, text: str = "", **changes: object) -> str:
    """Cordon ``node`` as a run does that died; returns the annotation."""
    journal = {
        "version": 1,
        "run": "dead",
        "phase": "drained",
        "bootID": cluster.machine(node)["boot_id"],
        "unschedulable": False,
        "since": LONG_AGO,
        **changes,
    }
    text = text or json.dumps(journal)
    patch = {"metadata": {"annotations": {"aks-reboot/journal": text}}, "spec": {"unschedulable": True}}
    cluster.kubectl("patch", "node", node, "--type", "merge", "-p", json.dumps(patch))
    return text


def leave_slot(cluster: SimulatedCluster, node: str, **changes: object) -> None:
    """An entry in the lock, as a run that died long ago left it, or with ``changes``."""
    entry = {
        "run": "dead",
        "writer": "token",
        "node": node,
        "node_uid": "",
        "acquired": LONG_AGO,
        "renewed": LONG_AGO,
        "ttl": 3,
        **changes,
    }
    entry["nodeUID"] = entry.pop("node_uid")
    cluster.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": "aks-reboot",
                "namespace": "kube-system",
                "annotations": {"aks-reboot/holders": json.dumps([entry])},
            },
            "spec": {},
        }
    )


def uid(cluster: SimulatedCluster, node: str) -> str:
    return str(cluster.node(node)["metadata"]["uid"])


@pytest.mark.parametrize("phase", ["cordoned", "drained"])
def test_before_the_restart_it_is_rolled_back(idle: SimulatedCluster, phase: str) -> None:
    _system, node, _other = idle.names
    leave_journal(idle, node, phase=phase)
    leave_slot(idle, node, node_uid=uid(idle, node))

    run = run_playbook(idle, "recover", **QUICK_LOCK)

    assert run.rc == 0
    assert f"{node}: recovery: rolled_back: run dead left it {phase}" in run.stdout
    assert idle.left_behind() == []
    assert idle.boots() == [0, 0, 0]


def test_a_node_that_somebody_else_had_cordoned_stays_cordoned(idle: SimulatedCluster) -> None:
    _system, node, _other = idle.names
    leave_journal(idle, node, unschedulable=True)
    assert run_playbook(idle, "recover", **QUICK_LOCK).rc == 0
    assert idle.journals() == {}
    assert idle.cordoned() == [node]


@pytest.mark.parametrize(
    ("text", "told"),
    [("what?", "is not JSON"), ('{"version": 2, "run": "newer"}', "has version 2")],
    ids=["damaged", "newer"],
)
def test_a_journal_that_cannot_be_read_is_not_touched(idle: SimulatedCluster, text: str, told: str) -> None:
    _system, node, _other = idle.names
    leave_journal(idle, node, text)

    run = run_playbook(idle, "recover", **QUICK_LOCK)

    assert run.rc == 2
    assert node in run.errors[-1]
    assert told in run.stdout
    idle.assert_unchanged()
    assert idle.cordoned() == [node]


def test_a_run_that_has_just_died_is_waited_for(idle: SimulatedCluster) -> None:
    _system, node, _other = idle.names
    leave_journal(idle, node)
    leave_slot(idle, node, node_uid=uid(idle, node), renewed=text_of(datetime.now(UTC)), ttl=6)

    run = run_playbook(idle, "recover", **QUICK_LOCK)

    assert run.rc == 0
    assert "recovery: waiting for a sign of life of run dead" in run.stdout
    assert f"{node}: recovery: rolled_back" in run.stdout
    assert idle.left_behind() == []


def test_a_holder_that_never_expires_is_left_alone(idle: SimulatedCluster) -> None:
    _system, node, _other = idle.names
    leave_journal(idle, node)
    leave_slot(idle, node, node_uid=uid(idle, node), renewed=text_of(datetime.now(UTC)), ttl=0, by="ann@ci")

    run = run_playbook(idle, "recover", **QUICK_LOCK)

    assert run.rc == 0
    assert "is being worked on by run dead (ann@ci)" in run.stdout
    idle.assert_unchanged()


def test_a_slot_of_a_deleted_node_is_released(idle: SimulatedCluster) -> None:
    leave_slot(idle, "aks-gone")
    run = run_playbook(idle, "recover", **QUICK_LOCK)
    assert run.rc == 0
    assert "aks-gone: recovery: released: run dead left its slot, the node is gone" in run.stdout
    assert idle.holders() == []


def test_a_restart_may_still_reach_the_machine_of_a_deleted_node(idle: SimulatedCluster) -> None:
    lately = text_of(datetime.now(UTC) - timedelta(minutes=5))
    leave_slot(idle, "aks-gone", renewed=lately, restartSent=True)

    run = run_playbook(idle, "recover", **QUICK_LOCK)
    assert run.rc == 2
    assert "aks-gone" in run.errors[-1]
    assert [holder["node"] for holder in idle.holders()] == ["aks-gone"]

    later = run_playbook(idle, "recover", kured_reboot_restart_horizon=60, **QUICK_LOCK)
    assert later.rc == 0
    assert idle.holders() == []


def test_a_node_that_came_back_under_a_restart_is_cordoned_until_nothing_can_come(idle: SimulatedCluster) -> None:
    _system, node, _other = idle.names
    lately = text_of(datetime.now(UTC) - timedelta(seconds=10))
    leave_slot(idle, node, node_uid="the-object-before", renewed=lately, restartSent=True, method="vmss")

    kept = run_playbook(idle, "recover", kured_reboot_timeout=1, **QUICK_LOCK)
    assert kept.rc == 2
    assert idle.cordoned() == [node]
    assert idle.journals()[node]["phase"] == "rebooting"

    time.sleep(
        QUICK_LOCK["kured_reboot_lock_ttl"] + QUICK_LOCK["kured_reboot_lock_margin"] + 1
    )  # until the slot expires
    done = run_playbook(idle, "recover", kured_reboot_restart_horizon=5, **QUICK_LOCK)
    assert done.rc == 0
    assert idle.left_behind() == []
    assert idle.boots() == [0, 0, 0]


def test_a_lock_that_cannot_be_read_stops_everything(idle: SimulatedCluster) -> None:
    leave_slot(idle, "aks-gone", surprise=1)
    run = run_playbook(idle, "reboot", **QUICK_LOCK)
    assert run.rc == 2
    assert "unknown fields (surprise)" in run.errors[-1]
    idle.assert_unchanged()


def test_unlock_breaks_a_slot_on_purpose(idle: SimulatedCluster) -> None:
    _system, node, _other = idle.names
    leave_journal(idle, node)
    leave_slot(idle, node, node_uid=uid(idle, node), renewed=text_of(datetime.now(UTC)), ttl=0, by="ann@ci")

    run = run_playbook(idle, "unlock", "-e", f"node={node}", **QUICK_LOCK)

    assert run.rc == 0
    assert "Broke the slot of run dead (ann@ci)" in run.stdout
    assert "recover" in run.stdout
    (holder,) = idle.holders()
    assert holder["revoked"]
    assert run_playbook(idle, "recover", kured_reboot_lock_timeout=30, **QUICK_LOCK).rc == 0


def test_unlock_wants_a_node_and_says_when_there_is_no_slot(idle: SimulatedCluster) -> None:
    assert "-e node=NAME" in run_playbook(idle, "unlock").errors[-1]
    run = run_playbook(idle, "unlock", "-e", "node=aks-nobody")
    assert run.rc == 0
    assert "There was no slot for aks-nobody" in run.stdout
