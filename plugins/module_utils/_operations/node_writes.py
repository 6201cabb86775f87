# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing one Node object, safely beside everybody else who writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.journal import DRAINED, FENCE, JOURNAL, Journal
from .._decisions.node import Node
from .._errors import KubernetesError, Refused
from .context import Context
from .retry import OUTAGE_SECONDS, backoff, retried

NODES = "/api/v1/nodes"

Patch = dict[str, Any]


@dataclass(frozen=True)
class NodeChange:
    """``before`` is the node as read; ``after`` as written, or the same object when there was nothing to do."""

    before: Node
    after: Node
    changed: bool


def node_path(name: str) -> str:
    return f"{NODES}/{name}"


def find_node(client: KubernetesClient, name: str, context: Context) -> Node | None:
    """The node, read anew, or None if there is none; an API outage is waited out. Raises KubernetesError."""
    try:
        return Node(retried(lambda: client.get(node_path(name)), context.clock))
    except KubernetesError as error:
        if error.status == 404:
            return None
        raise


def read_node(client: KubernetesClient, name: str, context: Context) -> Node:
    """As :func:`find_node`, but raises Refused if there is no such node."""
    node = find_node(client, name, context)
    if node is None:
        raise Refused(f"{name}: there is no such node in the cluster (any more)", reason="node_not_found", node=name)
    return node


def change_node(
    client: KubernetesClient,
    name: str,
    change: Callable[[Node], Patch | None],
    context: Context,
    *,
    check_mode: bool = False,
    afresh: bool = False,
) -> NodeChange:
    """Compare-and-swap: read, let ``change`` decide on what was read, write only if nobody wrote in between.

    ``change`` returns a merge patch, or None when there is nothing (left) to do, and raises Refused when a rule forbids
    the write; it is asked again after each conflict and after each write whose answer was lost. The guard is asked
    right before each write; with ``afresh`` for a proof of this moment, not for a remembered one.
    """
    attempt = 0
    sent = False
    deadline = context.clock.monotonic() + OUTAGE_SECONDS
    while True:
        before = read_node(client, name, context)
        patch = change(before)
        if patch is None:
            return NodeChange(before, before, sent)
        swap = {
            **patch,
            "metadata": {
                **patch.get("metadata", {}),
                "uid": before.uid,
                "resourceVersion": before.resource_version,
            },
        }
        if check_mode:
            return NodeChange(before, before, True)
        if afresh:
            context.guard.afresh()
        else:
            context.guard()
        try:
            return NodeChange(before, Node(client.merge_patch(node_path(name), swap)), True)
        except KubernetesError as error:
            if error.status != 409 and not error.transient:
                raise
            if context.clock.monotonic() > deadline:
                raise
            sent = sent or error.status != 409
        context.clock.sleep(backoff(attempt, first=0.02))
        attempt += 1


def owned_journal(node: Node, run: str) -> Journal:
    """The fence, first half: the node's journal, which has to be this run's."""
    journal = node.journal
    if journal is None:
        raise Refused(
            f"{node.name}: carries no journal of run {run}; cordon it with this run first",
            reason="not_ours",
            node=node.name,
        )
    if journal.run != run:
        raise Refused(
            f"{node.name}: the journal belongs to run {journal.run} (phase {journal.phase}, since {journal.since}), "
            f"not to run {run}; nothing was touched",
            reason="journal_of_another_run",
            node=node.name,
        )
    return journal


def refuse_unwanted(node: Node) -> None:
    """The fence, second half: nobody wants the node left alone, and nothing is about to delete it."""
    if node.hold is not None:
        raise Refused(f"{node.name}: is on hold: {node.hold or 'no reason given'}", reason="hold", node=node.name)
    if node.deletion_taint:
        raise Refused(
            f"{node.name}: is about to be removed (taint {node.deletion_taint})", reason="being_deleted", node=node.name
        )


def fenced_journal(node: Node, run: str) -> Journal:
    """The whole fence before a write that drives the work on: ours, still cordoned, and nobody objects."""
    journal = owned_journal(node, run)
    refuse_unwanted(node)
    if not node.unschedulable:
        raise Refused(
            f"{node.name}: was uncordoned by somebody else while run {run} worked on it",
            reason="uncordoned_by_others",
            node=node.name,
        )
    return journal


def journal_patch(journal: Journal) -> Patch:
    return {"metadata": {"annotations": {JOURNAL: journal.dump()}}}


def move_journal(client: KubernetesClient, name: str, run: str, phase: str, context: Context) -> Node:
    """Note that the journal of ``run`` is in ``phase`` now; returns the node.

    Back in ``drained`` it knows of no restart any more. Raises KubernetesError, and Refused when the journal is another
    run's.
    """

    def change(node: Node) -> Patch | None:
        journal = owned_journal(node, run)
        if journal.phase == phase:
            return None
        cleared = {"marked": "", "operation": ""} if phase == DRAINED else {}
        return journal_patch(journal.to(phase, **cleared))

    return change_node(client, name, change, context).after


def fence_off(client: KubernetesClient, name: str, run: str, context: Context) -> bool:
    """Make a compare-and-swap fail that a dead or frozen run may still have under way against a node without a journal.

    Any write moves the node's resource version; this one adds an annotation and takes it away again. Returns false,
    having written nothing more, when the node carries a journal by now. Raises KubernetesError.
    """

    def put(value: str | None) -> bool:
        def change(node: Node) -> Patch | None:
            if node.journalled or node.annotations.get(FENCE) == value:
                return None
            return {"metadata": {"annotations": {FENCE: value}}}

        return not change_node(client, name, change, context).after.journalled

    fenced = put(run)
    return put(None) and fenced
