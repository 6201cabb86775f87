# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows that modules return and take: plain JSON types, with the names that playbooks use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .._errors import InvalidSetting, RebootError
from .node import Node
from .plan import Candidate, Left
from .pods import Owner, OwnerState, Pod
from .sentinel import SentinelState
from .times import format_time, parse_time

Row = dict[str, Any]


def node_row(node: Node, excluded: tuple[str, str] | None) -> Row:
    """A node as node_info returns it; ``excluded`` is the reason to leave it, as (word, sentence)."""
    word, sentence = excluded or ("", "")
    return {
        "name": node.name,
        "uid": node.uid,
        "boot_id": node.boot_id,
        "provider_id": node.provider_id,
        "machine": {**asdict(node.machine), "kind": node.machine.kind} if node.machine else None,
        "pool": node.pool,
        "mode": node.mode,
        "zone": node.zone,
        "os": node.os,
        "os_image": node.os_image,
        "spot": node.spot,
        "address": node.address,
        "ready": node.ready,
        "cordoned": node.unschedulable,
        "hold": node.hold,
        "journal": _journal_row(node),
        "last_reboot": dict(node.last_reboot),
        "excluded": word,
        "excluded_message": sentence,
    }


def _journal_row(node: Node) -> Row | None:
    try:
        journal = node.journal
    except RebootError:  # the row's reason says so already
        return None
    return asdict(journal) if journal else None


def sentinel_row(name: str, state: SentinelState) -> Row:
    return {
        "name": name,
        "state": state.state,
        "since": format_time(state.since) if state.since else None,
        "packages": list(state.packages),
        "error": state.error,
    }


def candidates(nodes: Iterable[Mapping[str, Any]], sentinels: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """Join the rows of node_info with those of sentinel_info, by name. Raises ValueError, KeyError for foreign rows."""
    answers = {row["name"]: row for row in sentinels}
    return [_candidate(node, answers.get(node["name"], {})) for node in nodes]


def _candidate(node: Mapping[str, Any], answer: Mapping[str, Any]) -> Candidate:
    return Candidate(
        name=node["name"],
        uid=node["uid"],
        boot_id=node["boot_id"],
        provider_id=node["provider_id"],
        pool=node["pool"],
        mode=node["mode"],
        zone=node["zone"],
        address=node["address"],
        excluded=node["excluded"],
        excluded_message=node["excluded_message"],
        last_reboot=node["last_reboot"],
        state=answer.get("state", "unknown"),
        since=_time(answer.get("since")),
        packages=tuple(answer.get("packages", ())),
        error=answer.get("error", ""),
    )


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def planned_row(candidate: Candidate, rank: int) -> Row:
    """``rank`` is the candidate's place in the plan, from 1."""
    return {
        "rank": rank,
        "name": candidate.name,
        "uid": candidate.uid,
        "boot_id": candidate.boot_id,
        "pool": candidate.pool,
        "mode": candidate.mode,
        "zone": candidate.zone,
        "since": format_time(candidate.since) if candidate.since else None,
        "packages": list(candidate.packages),
    }


def left_row(left: Left) -> Row:
    return asdict(left)


def pod_row(pod: Pod) -> Row:
    return {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid}


def owner_row(state: OwnerState) -> Row:
    return {**asdict(state.owner), "ready": state.ready}


def owner_states(rows: Iterable[Mapping[str, Any]]) -> list[OwnerState]:
    """The owners that a drain returned. Raises InvalidSetting for foreign rows."""
    try:
        return [
            OwnerState(Owner(row["kind"], row["namespace"], row["name"], row["uid"]), int(row["ready"])) for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidSetting(f"settle_owners: not rows as node_drain returns them in owners: {error}") from error
