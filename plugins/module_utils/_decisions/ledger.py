# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: who may work on which node, across all runs on all machines.

It is one Lease; its annotation ``aks-reboot/holders`` lists the slots in use. Every change is a compare-and-swap of the
whole list, so that the budgets below are decided atomically. Times in it are the API server's, never our own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from .._errors import RebootError
from .times import format_time, parse_time

HOLDERS = "aks-reboot/holders"
WAITING = "aks-reboot/waiting"
STOPPED_RUNS = "aks-reboot/stopped-runs"

REMEMBERED_STOPS = 20
"""How many stopped runs are remembered; a run that stops is over soon."""

_JSON_NAMES = {"node_uid": "nodeUID", "restart_sent": "restartSent"}


class DamagedLedger(RebootError):
    """The annotation cannot be read: nothing is decided on a guess."""

    def __init__(self, why: str, annotation: str = HOLDERS) -> None:
        super().__init__(
            f"the lock's annotation {annotation} {why}; nothing was touched. Make sure that no run is under way, look "
            "at the nodes, then delete the Lease",
            reason="ledger_damaged",
        )


@dataclass(frozen=True)
class Holder:
    """One slot in use.

    ``writer`` is the token of the one task that may write; ``rank`` the node's place in its run's plan; ``by`` tells
    people whose run it is; ``acquired`` and ``renewed`` are RFC 3339 times; ``ttl`` is in seconds, 0 for ever;
    ``restart_sent`` says that a restart may be outstanding; ``stopped`` why no run may start another node; ``revoked``
    that an operator broke the slot.
    """

    run: str
    writer: str
    node: str
    node_uid: str
    acquired: str
    renewed: str
    ttl: int
    pool: str = ""
    zone: str = ""
    rank: int = 0
    method: str = ""
    by: str = ""
    restart_sent: bool = False
    stopped: str = ""
    revoked: bool = False

    def expired(self, now: datetime, margin: float) -> bool:
        """Whether its holder has not renewed it for ``ttl`` + ``margin`` seconds."""
        return self.ttl > 0 and now > parse_time(self.renewed) + timedelta(seconds=self.ttl + margin)

    def __str__(self) -> str:
        return f"run {self.run}{f' ({self.by})' if self.by else ''} since {self.acquired}, on node {self.node}"


@dataclass(frozen=True)
class Request:
    """A wish for a slot: the node, and who asks."""

    run: str
    writer: str
    node: str
    node_uid: str
    ttl: int
    pool: str = ""
    zone: str = ""
    rank: int = 0
    method: str = ""
    by: str = ""


@dataclass(frozen=True)
class Waiter:
    """A request that waits: of one run the node with the lowest ``rank`` is served first; ``asked`` is an RFC 3339
    time, renewed while it waits."""

    run: str
    node: str
    rank: int
    asked: str


@dataclass(frozen=True)
class Busy:
    """A node that is out of service: by us without a slot (``ours``: a run died), or by others."""

    node: str
    pool: str
    zone: str
    ours: bool


@dataclass(frozen=True)
class Limits:
    """``concurrency`` nodes at once in all; ``per_zone`` in one zone (0: any); ``max_unavailable`` per pool counts
    nodes that are out of service for whatever reason, too (0: any). ``margin`` (seconds) is added to each ttl."""

    concurrency: int = 1
    per_zone: int = 1
    max_unavailable: int = 0
    margin: float = 30


@dataclass(frozen=True)
class Granted:
    """``holders`` is the new ledger; ``took_over`` the dead holder of the same node, if there was one."""

    holders: list[Holder]
    took_over: Holder | None = None


@dataclass(frozen=True)
class Wait:
    """No slot now; ``why`` says who has it, since when, on which node."""

    why: str


def parse_holders(text: str | None) -> list[Holder]:
    """Read the annotation. Raises DamagedLedger."""
    if not text:
        return []
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise DamagedLedger("is not JSON") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DamagedLedger("is not a list of objects")
    return [_parse(row) for row in rows]


def _parse(row: dict[str, Any]) -> Holder:
    names = {_JSON_NAMES.get(item.name, item.name): item for item in fields(Holder)}
    unknown = sorted(set(row) - set(names))
    if unknown:
        raise DamagedLedger(f"has unknown fields ({', '.join(unknown)}): a newer release wrote it")
    for json_name, value in row.items():
        if str(names[json_name].type) != type(value).__name__:
            raise DamagedLedger(f"has {json_name}: {value!r}")
    try:
        holder = Holder(**{names[json_name].name: value for json_name, value in row.items()})
        parse_time(holder.renewed)
    except (TypeError, ValueError) as error:
        raise DamagedLedger(f"has an incomplete entry: {error}") from error
    return holder


def dump_holders(holders: Iterable[Holder]) -> str:
    rows = [{_JSON_NAMES.get(name, name): value for name, value in asdict(holder).items()} for holder in holders]
    return json.dumps(rows, separators=(",", ":"))


def parse_waiting(text: str | None) -> list[Waiter]:
    """Read the line of waiters. It only orders them, so what cannot be read is left out."""
    try:
        rows = json.loads(text or "[]")
        times = [format_time(parse_time(str(r["asked"]))) for r in rows]
        return [
            Waiter(str(r["run"]), str(r["node"]), int(r["rank"]), time) for r, time in zip(rows, times, strict=True)
        ]
    except (ValueError, TypeError, KeyError):
        return []


def dump_waiting(waiting: Iterable[Waiter]) -> str | None:
    rows = [asdict(waiter) for waiter in waiting]
    return json.dumps(rows, separators=(",", ":")) if rows else None


def in_line(waiting: Iterable[Waiter], request: Request, now: datetime, max_age: float) -> Wait | None:
    """Who of the same run comes first; None when it is this request's turn. Waiters that have not renewed their wish
    for ``max_age`` seconds are gone."""
    oldest = now - timedelta(seconds=max_age)
    first = min(
        (w for w in waiting if w.run == request.run and w.rank < request.rank and parse_time(w.asked) >= oldest),
        key=lambda waiter: waiter.rank,
        default=None,
    )
    return Wait(f"{first.node}, which comes first in the plan, waits, too") if first else None


def asks(waiting: Iterable[Waiter], request: Request, now: datetime, max_age: float) -> bool:
    """Whether this request is in the line, with a wish that is not older than ``max_age`` seconds."""
    oldest = now - timedelta(seconds=max_age)
    return any((w.run, w.node) == (request.run, request.node) and parse_time(w.asked) >= oldest for w in waiting)


def line_up(waiting: Iterable[Waiter], request: Request, now: datetime, max_age: float) -> list[Waiter]:
    """The line with this request in it, and without those that have been gone for long."""
    oldest = now - timedelta(seconds=max_age)
    others = [w for w in waiting if w.node != request.node and parse_time(w.asked) >= oldest]
    return [*others, Waiter(request.run, request.node, request.rank, format_time(now))]


def summary(holders: Iterable[Holder]) -> str:
    """The Lease's ``holderIdentity``, for people who look at it with kubectl."""
    return ", ".join(f"{holder.node} by {holder.by or holder.run}" for holder in holders)


def find(holders: Iterable[Holder], node: str) -> Holder | None:
    return next((holder for holder in holders if holder.node == node), None)


def with_holder(holders: Iterable[Holder], changed: Holder) -> list[Holder]:
    """The ledger with the entry of ``changed.node`` replaced or added."""
    return [*without(holders, changed.node), changed]


def without(holders: Iterable[Holder], node: str) -> list[Holder]:
    return [holder for holder in holders if holder.node != node]


def acquire(
    holders: Sequence[Holder],
    busy: Sequence[Busy],
    request: Request,
    limits: Limits,
    now: datetime,
    *,
    take_over: Holder | None = None,
) -> Granted | Wait:
    """Decide on ``request``.

    A slot of the same run for the same node is entered anew, and a node that a dead run left may always be looked
    after. ``take_over`` is an entry that the caller has seen
    unchanged for a renewal interval: if it is still the same and expired, it is taken over, with what it knows. Budgets
    count the holders and the nodes that a dead run left; a failed node, which keeps its slot, stops all others.
    """
    mine = find(holders, request.node)
    entry = _entry(request, now)
    if mine is not None:
        if mine.run == request.run and not mine.revoked:
            return Granted(with_holder(holders, _inherit(entry, mine)))
        if take_over is not None and mine == take_over and mine.expired(now, limits.margin):
            return Granted(with_holder(holders, _inherit(entry, mine)), mine)
        return Wait(f"the node is held by {mine}")
    if any(item.ours and item.node == request.node for item in busy):
        # Left by a dead run: it is out of service already, so looking after it takes out no other.
        return Granted(with_holder(holders, entry))
    stopped = next((holder for holder in holders if holder.stopped), None)
    if stopped is not None:
        return Wait(f"{stopped.node} failed and is not resolved ({stopped.stopped}); it is held by {stopped}")
    taken = [Busy(holder.node, holder.pool, holder.zone, ours=True) for holder in holders]
    held = {item.node for item in taken}
    outside = [item for item in busy if item.node not in held]
    return _over_budget(taken, outside, holders, request, limits) or Granted(with_holder(holders, entry))


def _over_budget(
    taken: list[Busy], outside: list[Busy], holders: Sequence[Holder], request: Request, limits: Limits
) -> Wait | None:
    ours = [*taken, *(item for item in outside if item.ours)]
    whom = "; ".join(str(holder) for holder in holders) or "; ".join(
        f"{item.node}, left by a dead run" for item in ours
    )
    if len(ours) >= limits.concurrency:
        return Wait(f"{len(ours)} of {limits.concurrency} slots are in use: {whom}")
    if limits.per_zone and request.zone and sum(item.zone == request.zone for item in ours) >= limits.per_zone:
        return Wait(f"zone {request.zone} has its {limits.per_zone} in use: {whom}")
    out = [item for item in (*taken, *outside) if item.pool == request.pool and item.node != request.node]
    if limits.max_unavailable and len(out) >= limits.max_unavailable:
        names = ", ".join(item.node for item in out)
        return Wait(f"pool {request.pool} has {len(out)} of {limits.max_unavailable} nodes out of service: {names}")
    return None


def _entry(request: Request, now: datetime) -> Holder:
    time = format_time(now)
    return Holder(**asdict(request), acquired=time, renewed=time)


def _inherit(entry: Holder, before: Holder) -> Holder:
    """What stays true of a slot whoever holds it: that a restart may be outstanding, for which Node object it was sent,
    and that a node failed."""
    same_run = entry.run == before.run
    return replace(
        entry,
        acquired=before.acquired if same_run else entry.acquired,
        node_uid=before.node_uid if before.restart_sent else entry.node_uid,
        restart_sent=before.restart_sent,
        stopped=before.stopped,
    )
