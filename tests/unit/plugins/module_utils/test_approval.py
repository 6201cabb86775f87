# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An approved plan: what of it is carried out, and when it is refused as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.approval import restrict
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.plan import Candidate, Left, Plan
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting, RebootError, Refused

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LEFT = Left("n9", "not_required", "requires no reboot")


def candidate(name: str) -> Candidate:
    return Candidate(name, f"uid-{name}", f"boot-{name}", "azure:///x", "web", "user", "z1", "10.0.0.1")


PRESENT = Plan([candidate("n1"), candidate("n2"), candidate("n3")], [LEFT], 1800)


def approved(*names: str, **changes: Any) -> dict[str, Any]:
    rows = [{"name": name, "uid": f"uid-{name}", "boot_id": f"boot-{name}"} for name in names]
    return {"version": 1, "created": "2026-05-01T11:00:00Z", "cluster_id": "c1", "planned": rows, **changes}


def outcome(plan: Plan) -> tuple[list[str], list[tuple[str, str]]]:
    return [item.name for item in plan.planned], [(left.name, left.reason) for left in plan.left]


def test_a_part_in_the_approved_order() -> None:
    plan = restrict(PRESENT, approved("n3", "n1"), "c1", NOW, 86400)
    assert outcome(plan) == (["n3", "n1"], [("n9", "not_required"), ("n2", "not_approved")])
    assert plan.seconds == 1200


def test_what_is_no_longer_due_is_not_carried_out() -> None:
    plan = restrict(PRESENT, approved("n1", "n7"), "c1", NOW, 86400)
    assert outcome(plan)[0] == ["n1"]


@pytest.mark.parametrize("changed", ["uid", "boot_id"])
def test_a_node_that_changed_since_is_left(changed: str) -> None:
    document = approved("n1", "n2")
    document["planned"][0][changed] = "another"
    plan = restrict(PRESENT, document, "c1", NOW, 86400)
    assert outcome(plan) == (
        ["n2"],
        [("n9", "not_required"), ("n1", "changed_since_approval"), ("n3", "not_approved")],
    )


def test_a_node_that_is_named_twice_is_rebooted_once() -> None:
    plan = restrict(PRESENT, approved("n1", "n2", "n1"), "c1", NOW, 86400)
    assert outcome(plan)[0] == ["n1", "n2"]
    assert plan.seconds == 1200


def test_nothing_approved_and_nothing_due() -> None:
    assert restrict(Plan([], [LEFT], 0), approved("n1"), "c1", NOW, 86400) == Plan([], [LEFT], 0)
    assert restrict(PRESENT, approved(), "c1", NOW, 86400).planned == []


def test_another_clusters_plan_is_refused() -> None:
    with pytest.raises(Refused, match="id c1, this one is c2") as caught:
        restrict(PRESENT, approved("n1"), "c2", NOW, 86400)
    assert caught.value.reason == "plan_of_another_cluster"


@pytest.mark.parametrize(("age", "max_age", "refused"), [(3600, 3600, False), (3601, 3600, True), (10**8, 0, False)])
def test_an_old_plan_is_refused(age: int, max_age: float, refused: bool) -> None:
    created = (NOW - timedelta(seconds=age)).isoformat()
    if refused:
        with pytest.raises(Refused, match="make a new one") as caught:
            restrict(PRESENT, approved("n1", created=created), "c1", NOW, max_age)
        assert caught.value.reason == "plan_too_old"
    else:
        assert len(restrict(PRESENT, approved("n1", created=created), "c1", NOW, max_age).planned) == 1


@pytest.mark.parametrize(
    "document",
    [
        {},
        approved("n1", version=2),
        approved("n1", version=None),
        approved("n1", planned={}),
        approved("n1", planned=["n1"]),
        approved("n1", planned=[["n1"]]),
        approved("n1", planned=[None]),
        approved("n1", planned=[{"name": ["n1"], "uid": "uid-n1", "boot_id": "boot-n1"}]),
        approved("n1", planned=[{"name": "n1", "uid": "uid-n1"}]),
        approved("n1", created="yesterday"),
        approved("n1", created="2026-05-01T11:00:00"),
        approved("n1", created=None),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(document: dict[str, Any]) -> None:
    with pytest.raises(RebootError) as caught:
        restrict(PRESENT, document, "c1", NOW, 86400)
    assert isinstance(caught.value, InvalidSetting)
    assert caught.value.message.startswith("approved_plan_file: ")
    assert "\n" not in caught.value.message
