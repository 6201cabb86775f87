# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows between modules: what one returns the next one understands."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.journal import Journal
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.pods import Owner, OwnerState
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import (
    candidates,
    node_row,
    owner_row,
    owner_states,
    planned_row,
    sentinel_row,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.sentinel import SentinelState, unknown
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import (
    PROVIDER_ID,
    make_node,
)

SINCE = datetime(2026, 4, 30, 6, tzinfo=UTC)
JOURNAL = Journal("run-1", "drained", "boot-1", unschedulable=False, since="2026-05-01T12:00:00Z", method="vmss")


def through_json(rows: Any) -> Any:
    """As a playbook hands them on."""
    return json.loads(json.dumps(rows))


def test_a_node() -> None:
    row = node_row(make_node("n1"), None)
    assert through_json(row) == row
    assert row["machine"] == {
        "kind": "vmss",
        "subscription": "11111111-2222-4333-8444-555555555555",
        "resource_group": "mc_shop_shop_westeurope",
        "scale_set": "aks-web-1-vmss",
        "instance_id": "3",
        "name": "",
    }
    assert (row["provider_id"], row["pool"], row["zone"]) == (PROVIDER_ID, "web", "westeurope-1")
    assert (row["ready"], row["cordoned"], row["spot"]) == (True, False, False)
    assert node_row(make_node(unschedulable=True), None)["cordoned"] is True
    assert (row["hold"], row["journal"], row["last_reboot"]) == (None, None, {})
    assert (row["excluded"], row["excluded_message"]) == ("", "")


def test_a_node_that_is_left() -> None:
    node = make_node(
        provider_id="kind://x", unschedulable=True, ready="False", annotations={"aks-reboot/journal": JOURNAL.dump()}
    )
    row = node_row(node, ("hold", "is on hold"))
    assert (row["machine"], row["ready"], row["cordoned"]) == (None, False, True)
    assert (row["excluded"], row["excluded_message"]) == ("hold", "is on hold")
    assert (row["journal"]["run"], row["journal"]["phase"], row["journal"]["boot_id"]) == ("run-1", "drained", "boot-1")


def test_a_journal_that_cannot_be_read_does_not_break_the_list() -> None:
    assert node_row(make_node(annotations={"aks-reboot/journal": "?"}), None)["journal"] is None


def test_nodes_and_answers_are_joined_by_name() -> None:
    nodes = [node_row(make_node(name), None) for name in ("n1", "n2", "n3")]
    sentinels = [
        sentinel_row("n3", unknown("no route")),
        sentinel_row("n1", SentinelState("required", SINCE, ("linux-base",))),
    ]
    first, second, third = candidates(through_json(nodes), through_json(sentinels))
    assert (first.name, first.state, first.since, first.packages) == ("n1", "required", SINCE, ("linux-base",))
    assert (second.state, second.since, second.error) == ("unknown", None, "")
    assert (third.state, third.error) == ("unknown", "no route")
    assert (first.uid, first.boot_id, first.provider_id, first.address) == (
        "uid-n1",
        "boot-1",
        PROVIDER_ID,
        "10.224.0.7",
    )


def test_a_planned_node() -> None:
    nodes = [node_row(make_node("n1"), None)]
    (candidate,) = candidates(nodes, [sentinel_row("n1", SentinelState("required", SINCE, ("linux-base",)))])
    assert planned_row(candidate, 3) == {
        "rank": 3,
        "name": "n1",
        "uid": "uid-n1",
        "boot_id": "boot-1",
        "pool": "web",
        "mode": "user",
        "zone": "westeurope-1",
        "since": "2026-04-30T06:00:00Z",
        "packages": ["linux-base"],
    }


def test_owners_are_read_back() -> None:
    states = [
        OwnerState(Owner("ReplicaSet", "shop", "web", "u1"), 3),
        OwnerState(Owner("StatefulSet", "a", "b", "u"), 0),
    ]
    assert owner_states(through_json([owner_row(state) for state in states])) == states


@pytest.mark.parametrize(
    "row", [{}, {"kind": "ReplicaSet"}, {**owner_row(OwnerState(Owner("a", "b", "c", "d"), 1)), "ready": "x"}]
)
def test_foreign_owners_are_refused_in_one_line(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match="settle_owners"):
        owner_states([row])
