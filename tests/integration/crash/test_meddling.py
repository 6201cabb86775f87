# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else does something to the node that a run works on."""

from __future__ import annotations

import json

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.invariants import history
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.writes import Gate
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import wait_until


def test_an_operator_uncordons_the_node(crash: CrashCluster) -> None:
    first = crash.required[0]
    with Gate(crash.cluster) as gate:
        playbook = crash.start(kured_reboot_lock_ttl=60)
        assert gate.until(playbook, f"node drained of {first}") is not None, playbook.output
        gate.open(None)
        crash.cluster.kubectl("uncordon", first)
        gate.open("through")
        assert playbook.finish() == 2, playbook.output
    assert "uncordoned by somebody else" in playbook.output
    assert crash.machines()[first]["restarts_accepted"] == 0
    assert crash.left() == []
    crash.must_succeed()
    assert [text for text in crash.problems() if "journal without a cordon" not in text] == []


def test_the_node_object_is_deleted_and_comes_back_while_a_restart_is_outstanding(crash: CrashCluster) -> None:
    first = crash.required[0]
    crash.cluster.fault("arm-late-reboot", node=first, seconds=6, count=1)
    playbook = crash.start(kured_reboot_lock_ttl=60, kured_reboot_restart_horizon=30)
    wait_until(lambda: crash.journal(first).get("operation"), "the restart is sent", 60)
    node = crash.cluster.node(first)
    crash.cluster.kubectl("delete", "node", first, "--wait=false")
    fresh = {"apiVersion": "v1", "kind": "Node", "spec": {"providerID": node["spec"]["providerID"]}}
    metadata = {"name": first, "labels": node["metadata"]["labels"]}
    crash.cluster.kubectl("create", "-f", "-", stdin=json.dumps({**fresh, "metadata": metadata}))
    addresses = json.dumps({"status": {"addresses": node["status"]["addresses"]}})
    crash.cluster.kubectl("patch", "node", first, "--subresource=status", "--patch", addresses)
    code = playbook.finish(120)
    if code != 0:
        crash.wait_for_expiry()
        crash.must_succeed(kured_reboot_restart_horizon=30)
    # Between its return and our next look nothing can keep it out of service.
    wrong = [text for text in crash.problems() if "which is in service" not in text]
    assert wrong == [], crash.log()
    assert _cordoned_before_it_went_down(crash, first), crash.log()


def _cordoned_before_it_went_down(crash: CrashCluster, name: str) -> bool:
    cordoned = False
    for entry in history(crash.cluster):
        if entry["name"] == name and entry["kind"] == "node":
            cordoned = entry["unschedulable"] and entry["journal"] is not None and not entry["deleted"]
        if entry["name"] == name and entry["kind"] == "machine" and entry["power"] == "stopped":
            return cordoned
    return False
