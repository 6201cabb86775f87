# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan: which nodes are rebooted, in which order, and why each other one is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .times import parse_time

FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """A node as the plan sees it: a row of node_info, joined with one of sentinel_info."""

    name: str
    uid: str
    boot_id: str
    provider_id: str
    pool: str
    mode: str
    zone: str
    address: str
    excluded: str = ""
    excluded_message: str = ""
    state: str = "unknown"
    since: datetime | None = None
    packages: tuple[str, ...] = ()
    error: str = ""
    last_reboot: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """``only``: names to which the plan is restricted (None: all). ``ignore_sentinel``: the nodes in ``only`` are
    rebooted whatever their sentinel says. ``min_reboot_interval`` (seconds) keeps a node whose sentinel survived a
    proven reboot from being rebooted in a loop. ``node_seconds`` is the expected time for one node."""

    only: Collection[str] | None = None
    ignore_sentinel: bool = False
    min_reboot_interval: float = 6 * 3600
    node_seconds: float = 600


@dataclass(frozen=True)
class Left:
    """A node that is not planned: ``reason`` is a stable word, ``message`` tells it to people."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True)
class Plan:
    """``planned`` in the order of work; ``left`` with a reason each; ``seconds``: the expected time for all."""

    planned: list[Candidate]
    left: list[Left]
    seconds: float


def make_plan(candidates: Iterable[Candidate], policy: Policy, now: datetime) -> Plan:
    """Decide on every candidate. Names in ``policy.only`` that no candidate has appear as left, too."""
    planned: list[Candidate] = []
    left: list[Left] = []
    names = set()
    for candidate in candidates:
        names.add(candidate.name)
        reason = _reason_to_leave(candidate, policy, now)
        if reason:
            left.append(Left(candidate.name, *reason))
        else:
            planned.append(candidate)
    left += [
        Left(name, "node_not_found", "the cluster has no such node") for name in sorted(set(policy.only or ()) - names)
    ]
    return Plan(in_order(planned), left, policy.node_seconds * len(planned))


def _reason_to_leave(candidate: Candidate, policy: Policy, now: datetime) -> tuple[str, str] | None:
    if policy.only is not None and candidate.name not in policy.only:
        return "not_selected", "is not among the nodes that this run was limited to"
    if candidate.excluded:
        return candidate.excluded, candidate.excluded_message
    if policy.ignore_sentinel:
        return None
    if candidate.state == "unknown":
        return "sentinel_unknown", f"whether it requires a reboot is not known: {candidate.error or 'it was not asked'}"
    if candidate.state == "not_required":
        return "not_required", "requires no reboot"
    waiting = _looping(candidate, policy, now)
    if waiting:
        return "still_required_after_reboot", waiting
    return None


def _looping(candidate: Candidate, policy: Policy, now: datetime) -> str:
    last = candidate.last_reboot
    if not last.get("stillRequired") or last.get("bootID") != candidate.boot_id:
        return ""
    try:
        until = parse_time(str(last.get("at"))) + timedelta(seconds=policy.min_reboot_interval)
    except ValueError:
        return ""
    if now >= until:
        return ""
    return (
        f"requires a reboot although it was rebooted at {last['at']}: something sets the sentinel without need; it is "
        f"not rebooted again before {until.isoformat(timespec='seconds')}"
    )


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Pools of mode ``user`` before ``system``; within that the oldest requirement first, but among those that are at
    most an hour younger than the oldest the zones take turns."""
    rest = sorted(candidates, key=lambda c: (c.mode == "system", c.since or FIRST, c.name))
    order: list[Candidate] = []
    while rest:
        head = rest[0]
        horizon = (head.since or FIRST) + timedelta(hours=1)
        rivals = [c for c in rest if c.mode == head.mode and (c.since or FIRST) <= horizon]
        fresh = [c for c in rivals if not order or c.zone != order[-1].zone]
        chosen = fresh[0] if fresh else head
        rest.remove(chosen)
        order.append(chosen)
    return order
