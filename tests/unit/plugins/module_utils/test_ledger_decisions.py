# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's decisions: who gets a slot, who waits, and what cannot be read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import (
    Busy,
    DamagedLedger,
    Granted,
    Holder,
    Limits,
    Request,
    Wait,
    acquire,
    dump_holders,
    find,
    parse_holders,
    summary,
)

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
EARLIER = "2026-05-01T11:00:00Z"
JUST_NOW = "2026-05-01T11:59:00Z"


def holder(node: str = "n1", run: str = "a", **changes: Any) -> Holder:
    given = {
        "writer": f"{run}-token",
        "node_uid": f"uid-{node}",
        "acquired": JUST_NOW,
        "renewed": JUST_NOW,
        "ttl": 300,
        "pool": "user",
        "zone": "1",
    }
    return Holder(run=run, node=node, **{**given, **changes})


def request(node: str = "n2", run: str = "b", **changes: Any) -> Request:
    given = {"writer": "new-token", "node_uid": f"uid-{node}", "ttl": 300, "pool": "user", "zone": "2"}
    return Request(run=run, node=node, **{**given, **changes})


def decide(
    holders: list[Holder],
    asked: Request,
    *busy: Busy,
    limits: Limits | None = None,
    now: datetime = NOW,
    take_over: Holder | None = None,
) -> Granted | Wait:
    return acquire(holders, busy, asked, limits or Limits(), now, take_over=take_over)


def why(decision: Granted | Wait) -> str:
    assert isinstance(decision, Wait)
    return decision.why


def granted(decision: Granted | Wait, node: str) -> Holder:
    assert isinstance(decision, Granted)
    entry = find(decision.holders, node)
    assert entry is not None
    return entry


def test_a_free_slot_is_entered_with_the_servers_time() -> None:
    decision = decide([], request(rank=3, method="vmss", by="me"))
    entry = granted(decision, "n2")
    assert (entry.run, entry.writer, entry.acquired, entry.renewed) == (
        "b",
        "new-token",
        "2026-05-01T12:00:00Z",
        "2026-05-01T12:00:00Z",
    )
    assert (entry.rank, entry.method, entry.by, entry.zone, entry.node_uid) == (3, "vmss", "me", "2", "uid-n2")
    assert not entry.restart_sent
    assert not entry.stopped


def test_concurrency_counts_all_runs() -> None:
    one = [holder(by="ann@ci")]
    told = why(decide(one, request()))
    assert told == f"1 of 1 slots are in use: run a (ann@ci) since {JUST_NOW}, on node n1"
    two = granted(decide(one, request(), limits=Limits(concurrency=2)), "n2")
    told = why(decide([*one, two], request("n3", "c", zone="3"), limits=Limits(concurrency=2)))
    assert "2 of 2 slots are in use" in told


def test_a_run_with_smaller_limits_waits() -> None:
    held = [holder("n1"), holder("n2", zone="2")]
    assert "2 of 1 slots" in why(decide(held, request("n3", zone="3"), limits=Limits(concurrency=1)))


@pytest.mark.parametrize(
    ("per_zone", "zone", "free"), [(1, "1", False), (1, "2", True), (2, "1", True), (0, "1", True)]
)
def test_zones(per_zone: int, zone: str, free: bool) -> None:
    decision = decide([holder()], request(zone=zone), limits=Limits(concurrency=9, per_zone=per_zone))
    assert isinstance(decision, Granted) is free
    if not free:
        assert "zone 1 has its 1 in use: run a" in why(decision)


def test_nodes_without_a_zone_share_none() -> None:
    assert isinstance(decide([holder(zone="")], request(zone=""), limits=Limits(concurrency=2)), Granted)


def test_pools_count_nodes_that_others_took_out_of_service() -> None:
    limits = Limits(concurrency=9, per_zone=0, max_unavailable=2)
    outside = Busy("n8", "user", "3", ours=False)
    other_pool = Busy("n9", "system", "3", ours=False)
    assert isinstance(decide([holder()], request(), other_pool, limits=limits), Granted)
    told = why(decide([holder()], request(), outside, limits=limits))
    assert told == "pool user has 2 of 2 nodes out of service: n1, n8"


def test_the_node_itself_may_be_out_of_service_by_others() -> None:
    limits = Limits(max_unavailable=1)
    assert isinstance(decide([], request(), Busy("n2", "user", "2", ours=False), limits=limits), Granted)


def test_a_holder_whose_node_is_cordoned_counts_once() -> None:
    limits = Limits(concurrency=2, per_zone=0, max_unavailable=2)
    assert isinstance(decide([holder()], request(), Busy("n1", "user", "1", ours=True), limits=limits), Granted)


def test_nodes_that_dead_runs_left_count_without_a_holder() -> None:
    orphan = Busy("n1", "user", "1", ours=True)
    assert why(decide([], request(), orphan)) == "1 of 1 slots are in use: n1, left by a dead run"
    assert "zone 1" in why(decide([], request(zone="1"), orphan, limits=Limits(concurrency=2)))
    assert isinstance(decide([], request(), orphan, limits=Limits(concurrency=2)), Granted)


def test_a_node_that_a_dead_run_left_may_always_be_looked_after() -> None:
    orphan = Busy("n2", "user", "2", ours=True)
    assert isinstance(decide([holder(stopped="drain failed")], request(), orphan), Granted)


def test_a_slot_of_the_same_run_is_entered_anew() -> None:
    before = holder("n2", "b", restart_sent=True, stopped="failed")
    entry = granted(decide([before, holder()], request()), "n2")
    assert (entry.writer, entry.acquired, entry.renewed) == ("new-token", JUST_NOW, "2026-05-01T12:00:00Z")
    assert (entry.restart_sent, entry.stopped) == (True, "failed")


def test_a_revoked_slot_is_not_entered_anew() -> None:
    assert "held by run b" in why(decide([holder("n2", "b", revoked=True)], request()))


def test_another_runs_node_is_left_alone() -> None:
    assert why(decide([holder("n2")], request(), limits=Limits(concurrency=9))).startswith("the node is held by run a")


def test_take_over_needs_the_same_node_expired_and_unchanged() -> None:
    dead = holder("n2", renewed=EARLIER, restart_sent=True, stopped="no proof")
    decision = decide([dead], request(), take_over=dead)
    entry = granted(decision, "n2")
    assert isinstance(decision, Granted)
    assert decision.took_over == dead
    assert (entry.run, entry.acquired, entry.restart_sent, entry.stopped) == (
        "b",
        "2026-05-01T12:00:00Z",
        True,
        "no proof",
    )
    assert "held by run a" in why(decide([dead], request())), "not seen for an interval"
    assert "held by run a" in why(decide([dead], request(), take_over=replace(dead, renewed=JUST_NOW))), "changed"
    alive = holder("n2")
    assert "held by run a" in why(decide([alive], request(), take_over=alive)), "not expired"


def test_an_expired_slot_of_another_node_still_counts() -> None:
    dead = holder("n1", renewed=EARLIER)
    assert "1 of 1 slots" in why(decide([dead], request(), take_over=dead))


@pytest.mark.parametrize(("seconds", "expired"), [(329, False), (330, False), (331, True)])
def test_expiry_is_ttl_and_margin_after_the_renewal(seconds: int, expired: bool) -> None:
    entry = holder(renewed="2026-05-01T12:00:00Z")
    assert entry.expired(NOW + timedelta(seconds=seconds), 30) is expired


def test_a_ttl_of_zero_never_expires() -> None:
    assert not holder(renewed=EARLIER, ttl=0).expired(NOW + timedelta(days=999), 30)


def test_a_failed_node_stops_all_others() -> None:
    failed = holder(stopped="drain timed out")
    told = why(decide([failed], request(), limits=Limits(concurrency=9, per_zone=0)))
    assert told.startswith("n1 failed and is not resolved (drain timed out); it is held by run a")


ENTRIES = st.builds(
    Holder,
    run=st.text(),
    writer=st.text(),
    node=st.text(),
    node_uid=st.text(),
    acquired=st.just(EARLIER),
    renewed=st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()),
    ttl=st.integers(),
    pool=st.text(),
    zone=st.text(),
    rank=st.integers(),
    method=st.text(),
    by=st.text(),
    restart_sent=st.booleans(),
    stopped=st.text(),
    revoked=st.booleans(),
)


@given(st.lists(ENTRIES))
def test_round_trip(holders: list[Holder]) -> None:
    assert parse_holders(dump_holders(holders)) == holders


def test_names_in_json_are_those_of_the_protocol() -> None:
    [row] = json.loads(dump_holders([holder()]))
    assert {"run", "writer", "node", "nodeUID", "restartSent", "stopped", "revoked", "ttl", "renewed"} <= set(row)


@pytest.mark.parametrize("text", [None, "", "[]"])
def test_no_holders(text: str | None) -> None:
    assert parse_holders(text) == []


def row(**changes: Any) -> str:
    [entry] = json.loads(dump_holders([holder()]))
    entry.update(changes)
    return json.dumps([{name: value for name, value in entry.items() if value is not None}])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list of objects"),
        ('["n1"]', "is not a list of objects"),
        (row(colour="red"), "has unknown fields (colour): a newer release wrote it"),
        (row(ttl="300"), "has ttl: '300'"),
        (row(ttl=True), "has ttl: True"),
        (row(stopped=1), "has stopped: 1"),
        (row(node=None), "has an incomplete entry"),
        (row(renewed="yesterday"), "has an incomplete entry"),
        (row(renewed="2026-05-01T12:00:00"), "has no time zone"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_decided(text: str, complaint: str) -> None:
    with pytest.raises(DamagedLedger) as caught:
        parse_holders(text)
    assert complaint in caught.value.message
    assert caught.value.reason == "ledger_damaged"
    assert "nothing was touched" in caught.value.message


def test_summary_for_people() -> None:
    assert summary([holder(by="ann@ci"), holder("n2", "b")]) == "n1 by ann@ci, n2 by b"
