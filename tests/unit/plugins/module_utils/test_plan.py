# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: who is left and why, and in which order the others are rebooted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.plan import (
    Candidate,
    Policy,
    in_order,
    make_plan,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def candidate(name: str = "n1", **changes: Any) -> Candidate:
    """A node of the user pool ``web`` that requires a reboot, unless told otherwise."""
    given = {"uid": f"uid-{name}", "boot_id": "boot-1", "provider_id": "azure:///x", "pool": "web", "mode": "user"}
    return Candidate(name, **{**given, "zone": "z1", "address": "10.0.0.1", "state": "required", **changes})


def names(candidates: list[Candidate]) -> list[str]:
    return [item.name for item in candidates]


def left_reason(item: Candidate, policy: Policy | None = None) -> str:
    plan = make_plan([item], policy or Policy(), NOW)
    return plan.left[0].reason if plan.left else ""


@pytest.mark.parametrize(
    ("changes", "reason", "told"),
    [
        ({"excluded": "hold", "excluded_message": "is on hold: x"}, "hold", "is on hold: x"),
        ({"state": "unknown", "error": "no route"}, "sentinel_unknown", "no route"),
        ({"state": "unknown"}, "sentinel_unknown", "was not asked"),
        ({"state": "not_required"}, "not_required", "requires no reboot"),
    ],
)
def test_reasons_to_leave_a_node(changes: dict[str, Any], reason: str, told: str) -> None:
    plan = make_plan([candidate("n1", **changes)], Policy(), NOW)
    assert plan.planned == []
    (left,) = plan.left
    assert (left.name, left.reason) == ("n1", reason)
    assert told in left.message


def test_a_node_that_must_not_be_rebooted_is_left_whatever_is_asked_for() -> None:
    policy = Policy(only=["n1"], ignore_sentinel=True)
    assert left_reason(candidate("n1", excluded="windows", excluded_message="runs Windows"), policy) == "windows"


def test_a_plan_that_is_limited() -> None:
    plan = make_plan([candidate("n1"), candidate("n2")], Policy(only=["n2", "n9", "n8"]), NOW)
    assert names(plan.planned) == ["n2"]
    assert [(left.name, left.reason) for left in plan.left] == [
        ("n1", "not_selected"),
        ("n8", "node_not_found"),
        ("n9", "node_not_found"),
    ]


def test_a_limit_to_nothing_plans_nothing() -> None:
    plan = make_plan([candidate("n1")], Policy(only=[]), NOW)
    assert plan.planned == []
    assert plan.left[0].reason == "not_selected"


@pytest.mark.parametrize("state", ["not_required", "unknown", "required"])
def test_the_sentinel_can_be_ignored(state: str) -> None:
    assert left_reason(candidate("n1", state=state), Policy(only=["n1"], ignore_sentinel=True)) == ""


class TestLoopProtection:
    """A sentinel that survives a proven reboot would have its node rebooted for ever."""

    def last(self, seconds_ago: float, **changes: Any) -> Candidate:
        at = (NOW - timedelta(seconds=seconds_ago)).isoformat()
        return candidate("n1", last_reboot={"at": at, "bootID": "boot-1", "stillRequired": True, **changes})

    def test_a_node_waits(self) -> None:
        plan = make_plan([self.last(3600)], Policy(), NOW)
        (left,) = plan.left
        assert left.reason == "still_required_after_reboot"
        assert "not rebooted again before 2026-05-01T17:00:00+00:00" in left.message

    @pytest.mark.parametrize(("seconds", "reason"), [(99, "still_required_after_reboot"), (100, ""), (101, "")])
    def test_the_interval_is_over_to_the_second(self, seconds: float, reason: str) -> None:
        assert left_reason(self.last(seconds), Policy(min_reboot_interval=100)) == reason

    def test_a_boot_since_then_counts_as_a_new_start(self) -> None:
        assert left_reason(self.last(10, bootID="another")) == ""

    def test_a_reboot_that_cleared_the_sentinel_keeps_nobody_back(self) -> None:
        assert left_reason(self.last(10, stillRequired=False)) == ""

    @pytest.mark.parametrize("at", ["", "yesterday", None, "2026-05-01T11:59:00"])
    def test_an_annotation_that_cannot_be_read_keeps_nobody_back(self, at: str | None) -> None:
        assert left_reason(self.last(10, at=at)) == ""

    def test_who_is_named_waits_no_more(self) -> None:
        assert left_reason(self.last(10), Policy(only=["n1"], ignore_sentinel=True)) == ""

    def test_being_limited_to_the_node_is_not_naming_it(self) -> None:
        assert left_reason(self.last(10), Policy(only=["n1"])) == "still_required_after_reboot"


def test_the_expected_time_is_that_of_the_planned_nodes() -> None:
    plan = make_plan([candidate("a"), candidate("b"), candidate("c", state="not_required")], Policy(), NOW)
    assert plan.seconds == 1200


def test_system_pools_come_last_however_old_their_need() -> None:
    old = NOW - timedelta(days=30)
    order = in_order([candidate("s", mode="system", since=old), candidate("u", since=NOW)])
    assert names(order) == ["u", "s"]


def test_the_oldest_need_comes_first_and_an_unknown_age_before_it() -> None:
    order = in_order(
        [
            candidate("young", since=NOW),
            candidate("old", since=NOW - timedelta(days=9)),
            candidate("middle", since=NOW - timedelta(days=3)),
            candidate("ageless", since=None),
        ]
    )
    assert names(order) == ["ageless", "old", "middle", "young"]


def test_zones_take_turns_among_needs_of_about_the_same_age() -> None:
    same = [candidate(name, zone=zone, since=NOW) for name, zone in zip("abcdef", "111223", strict=True)]
    order = in_order(same)
    assert names(order) == ["a", "d", "b", "e", "c", "f"]


def test_a_zone_does_not_overtake_a_need_that_is_an_hour_older() -> None:
    hour = timedelta(hours=1)
    first = [candidate("a", zone="1", since=NOW - 4 * hour), candidate("b", zone="1", since=NOW - 2 * hour)]
    within = candidate("c", zone="2", since=NOW - hour)
    beyond = candidate("c", zone="2", since=NOW - hour + timedelta(seconds=1))
    assert names(in_order([*first, within])) == ["a", "c", "b"]
    assert names(in_order([*first, beyond])) == ["a", "b", "c"]


CANDIDATES = st.lists(
    st.builds(
        candidate,
        name=st.uuids().map(str),
        zone=st.sampled_from(["", "z1", "z2", "z3"]),
        mode=st.sampled_from(["user", "system"]),
        since=st.one_of(st.none(), st.integers(0, 10**5).map(lambda s: NOW - timedelta(seconds=s))),
    ),
    max_size=12,
    unique_by=lambda item: item.name,
)


@given(CANDIDATES)
def test_any_order_is_of_all_nodes_users_first_and_nobody_overtaken_by_more_than_an_hour(
    candidates: list[Candidate],
) -> None:
    order = in_order(candidates)
    assert sorted(names(order)) == sorted(names(candidates))
    assert [item.mode for item in order] == sorted((item.mode for item in order), key="user system".index)
    for place, item in enumerate(order):
        waiting = [other for other in order[place + 1 :] if other.mode == item.mode]
        for other in waiting:
            if other.since is None:
                assert item.since is None
            elif item.since is not None:
                assert item.since <= other.since + timedelta(hours=1)


@given(CANDIDATES, st.randoms())
def test_the_order_does_not_depend_on_the_order_of_the_api(candidates: list[Candidate], random: Any) -> None:
    shuffled = random.sample(candidates, len(candidates))
    assert in_order(shuffled) == in_order(candidates)


@given(CANDIDATES)
def test_every_node_is_accounted_for(candidates: list[Candidate]) -> None:
    plan = make_plan(candidates, Policy(), NOW)
    assert len(plan.planned) + len(plan.left) == len(candidates)
