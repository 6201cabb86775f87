# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An approved plan: a plan that was written to a file, looked at by somebody, and is to be carried out now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .._errors import InvalidSetting, Refused
from .plan import Candidate, Left, Plan
from .times import parse_time

VERSION = 1


def restrict(plan: Plan, approved: Mapping[str, Any], cluster_id: str, now: datetime, max_age: float) -> Plan:
    """The part of ``plan`` that was approved, in the approved order.

    A node counts as approved with its UID and its boot ID: a node that was replaced or has rebooted since is left. So
    the approved plan can only make the present one smaller. ``max_age`` is in seconds, 0 for any. Raises InvalidSetting
    for something that is no plan of this release, Refused for another cluster's or an old one.
    """
    rows = {row["name"]: row for row in _rows(approved)}.values()
    if approved.get("cluster_id") != cluster_id:
        raise Refused(
            f"the approved plan is for the cluster with the id {approved.get('cluster_id')}, this one is {cluster_id}",
            reason="plan_of_another_cluster",
        )
    created = parse_time(str(approved["created"]))
    if max_age and now - created > timedelta(seconds=max_age):
        raise Refused(
            f"the approved plan was made at {approved['created']}, longer ago than {max_age:.0f} s: make a new one",
            reason="plan_too_old",
        )
    present = {candidate.name: candidate for candidate in plan.planned}
    planned = [present[row["name"]] for row in rows if row["name"] in present and _same(present[row["name"]], row)]
    kept = {candidate.name for candidate in planned}
    names = {row["name"] for row in rows}
    left = [_left(candidate, candidate.name in names) for candidate in plan.planned if candidate.name not in kept]
    seconds = plan.seconds * len(planned) / len(plan.planned) if plan.planned else 0.0
    return Plan(planned, [*plan.left, *left], seconds)


def _rows(approved: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = approved.get("planned")
    if approved.get("version") != VERSION or not isinstance(rows, list):
        raise InvalidSetting(f"approved_plan_file: is not a plan of version {VERSION}, as the plan playbook writes it")
    try:
        parse_time(str(approved.get("created")))
        if not all(isinstance(row[key], str) for row in rows for key in ("name", "uid", "boot_id")):
            raise TypeError("a name, uid or boot_id is no text")
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidSetting(f"approved_plan_file: is damaged: {error}") from error
    return rows


def _same(candidate: Candidate, row: Mapping[str, Any]) -> bool:
    return (candidate.uid, candidate.boot_id) == (row["uid"], row["boot_id"])


def _left(candidate: Candidate, named: bool) -> Left:
    if named:
        return Left(
            candidate.name, "changed_since_approval", "was replaced or has rebooted since the plan was approved"
        )
    return Left(candidate.name, "not_approved", "requires a reboot, but is not in the approved plan")
