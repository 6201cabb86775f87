# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kured's lock in both of its forms."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.kured_lock import (
    OUR_ID,
    KuredLock,
    concurrency,
    our_lock,
    parse_lock,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import RebootError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def lock(node: str, seconds_ago: float = 60, ttl: float = 0) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")
    return {"nodeID": node, "metadata": {"unschedulable": False}, "created": created, "TTL": int(ttl * 1e9)}


@pytest.mark.parametrize(
    "text", [None, "", "{}", '{"nodeID": ""}', '{"maxOwners": 2, "locks": []}', '{"maxOwners": 2, "locks": null}']
)
def test_nobody_has_it(text: str | None) -> None:
    assert parse_lock(text, NOW) == KuredLock()


def test_a_node_has_it() -> None:
    found = parse_lock(json.dumps(lock("aks-1")), NOW)
    assert found.others == ("aks-1 since 2026-05-01T11:59:00Z",)
    assert not found.ours


def test_somebody_took_it_by_hand() -> None:
    assert parse_lock('{"nodeID":"manual"}', NOW).others == ("manual since ?",)


def test_several_nodes_have_it() -> None:
    found = parse_lock(json.dumps({"maxOwners": 3, "locks": [lock("aks-1"), lock("aks-2"), lock(OUR_ID)]}), NOW)
    assert len(found.others) == 2
    assert found.ours


@pytest.mark.parametrize(("ttl", "held"), [(0, True), (60, True), (59, False)])
def test_a_lock_ends_with_its_ttl_and_one_without_never(ttl: float, held: bool) -> None:
    assert bool(parse_lock(json.dumps(lock("aks-1", 60, ttl)), NOW).others) is held


@pytest.mark.parametrize("owners", [0, 1, 2, 5])
def test_ours_takes_all_of_kureds_slots(owners: int) -> None:
    text = our_lock(NOW, 300, owners)
    assert parse_lock(text, NOW) == KuredLock((), ours=True)
    assert parse_lock(text, NOW + timedelta(seconds=301)) == KuredLock()
    value = json.loads(text)
    if owners > 1:
        assert (value["maxOwners"], len(value["locks"])) == (owners, owners)
    else:
        assert value["TTL"] == 300 * 10**9


@pytest.mark.parametrize(
    "text", ["?", "[]", "7", '"x"', '{"maxOwners": 2}', '{"nodeID": "a", "TTL": "x"}', '{"nodeID": "a", "TTL": 5}']
)
def test_a_lock_that_is_not_understood_stops_us(text: str) -> None:
    with pytest.raises(RebootError) as caught:
        parse_lock(text, NOW)
    assert caught.value.reason == "kured_lock_damaged"


@pytest.mark.parametrize(
    ("command", "args", "found"),
    [
        (["/usr/bin/kured"], None, 1),
        (["/usr/bin/kured", "--concurrency=3"], None, 3),
        (["/usr/bin/kured"], ["--period=1h", "--concurrency", "2"], 2),
        (["/usr/bin/kured"], ["--concurrency"], 1),
        (["/usr/bin/kured"], ["--concurrency=many"], 1),
        (None, None, 1),
    ],
)
def test_kureds_concurrency(command: list[str] | None, args: list[str] | None, found: int) -> None:
    container = {"command": command, "args": args}
    assert concurrency({"spec": {"template": {"spec": {"containers": [container]}}}}) == found
