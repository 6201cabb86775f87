# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cordon and uncordon: taking a node out of service, and giving it back as it was."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.journal import CORDONED, JOURNAL, LAST_REBOOT, PROVEN, SCALE_DOWN_DISABLED, Journal
from .._decisions.node import Node
from .._decisions.times import format_time
from .._errors import Refused
from .context import Context
from .events import record_event
from .node_pods import list_node_pods
from .node_writes import NodeChange, Patch, change_node, owned_journal, read_node, refuse_unwanted


@dataclass(frozen=True)
class CordonOptions:
    """``run`` is the run id that will own the node; ``method`` the way in which it will be rebooted; with
    ``autoscaler_guard`` the cluster autoscaler is kept from removing the node while it is empty."""

    run: str
    reason: str = ""
    method: str = ""
    autoscaler_guard: bool = True


def cordon(
    client: KubernetesClient, name: str, options: CordonOptions, context: Context, *, check_mode: bool = False
) -> NodeChange:
    """Cordon ``name`` and write the journal, in one PATCH.

    A node that this run has cordoned already is left as it is. Raises Refused: on hold, about to be removed or
    upgraded, or in the hands of another run.
    """
    ready_daemonsets = tuple(
        sorted(
            f"{pod.owner.namespace}/{pod.owner.name}"
            for pod in list_node_pods(client, name, context)
            if pod.owner is not None and pod.owner.kind == "DaemonSet" and pod.ready
        )
    )

    def change(node: Node) -> Patch | None:
        if node.journal is not None:
            owned_journal(node, options.run)
            return None
        refuse_unwanted(node)
        if node.aks_upgrading:
            raise Refused(f"{name}: AKS is upgrading this node", reason="aks_upgrade", node=name)
        added = {}
        if options.autoscaler_guard and SCALE_DOWN_DISABLED not in node.annotations:
            added[SCALE_DOWN_DISABLED] = "true"
        journal = Journal(
            run=options.run,
            phase=CORDONED,
            boot_id=node.boot_id,
            unschedulable=node.unschedulable,
            since=format_time(context.clock.utcnow()),
            reason=options.reason,
            method=options.method,
            annotations=tuple(added),
            daemonsets=ready_daemonsets,
        )
        return {
            "metadata": {"annotations": {**added, JOURNAL: journal.dump()}},
            "spec": {"unschedulable": True},
        }

    # The one write that no journal of ours fences: an older task of this run may have been given up meanwhile.
    result = change_node(client, name, change, context, check_mode=check_mode, afresh=True)
    if result.changed and not check_mode:
        was = " (it was cordoned already, and stays so afterwards)" if result.before.unschedulable else ""
        context.progress.say(f"cordoned{was}")
        record_event(client, result.after, "RebootCordon", f"Cordoned by run {options.run}: {options.reason}", context)
    return result


def cordon_again(client: KubernetesClient, name: str, journal: Journal, context: Context) -> Node:
    """Cordon a node whose object came back as a new one while a restart may be outstanding; write ``journal`` again.

    A node that carries a journal already is left as it is. Raises KubernetesError, DamagedJournal.
    """

    def change(node: Node) -> Patch | None:
        if node.journal is not None:
            return None
        kept = replace(journal, unschedulable=node.unschedulable, annotations=())
        return {"metadata": {"annotations": {JOURNAL: kept.dump()}}, "spec": {"unschedulable": True}}

    return change_node(client, name, change, context).after


def uncordon(
    client: KubernetesClient,
    name: str,
    run: str,
    context: Context,
    *,
    still_required: bool = False,
    check_mode: bool = False,
) -> NodeChange:
    """Put ``name`` back to what it was before this run's :func:`cordon`, and remove the journal, in one PATCH.

    That happens after proof, or as a roll back when no restart was sent; a node without a journal is not ours and is
    left as it is. ``still_required`` marks a node whose sentinel survived a proven reboot. Raises Refused when the
    journal is another run's, or when a restart may be outstanding.
    """

    def change(node: Node) -> Patch | None:
        if node.journal is None:
            return None
        journal = owned_journal(node, run)
        if journal.restart_outstanding:
            raise Refused(
                f"{name}: a restart was sent at {journal.marked} and is not proven: the node stays cordoned",
                reason="restart_outstanding",
                node=name,
            )
        annotations: dict[str, Any] = dict.fromkeys((JOURNAL, *journal.annotations))
        if journal.phase == PROVEN:
            annotations[LAST_REBOOT] = json.dumps(
                {
                    "at": format_time(context.clock.utcnow()),
                    "bootID": node.boot_id,
                    "run": run,
                    "stillRequired": still_required,
                }
            )
        patch: Patch = {"metadata": {"annotations": annotations}}
        if not journal.unschedulable:
            patch["spec"] = {"unschedulable": None}
        return patch

    result = change_node(client, name, change, context, check_mode=check_mode)
    if result.changed and not check_mode:
        what = "left cordoned, as it was before" if result.after.unschedulable else "uncordoned"
        context.progress.say(what)
        record_event(client, result.after, "RebootUncordon", f"{what.capitalize()} by run {run}", context)
    return result


@dataclass(frozen=True)
class RollBack:
    """``kept`` says why the node was left as it is; empty when nothing of ours is on it any more."""

    change: NodeChange
    kept: str = ""


def roll_back(client: KubernetesClient, name: str, run: str, context: Context, *, check_mode: bool = False) -> RollBack:
    """Undo this run's cordon after a failure, unless a restart may have been sent: then the node is kept cordoned.

    A node in the hands of another run is kept, too.
    """
    try:
        return RollBack(uncordon(client, name, run, context, check_mode=check_mode))
    except Refused as error:
        node = read_node(client, name, context)
        context.progress.say(f"kept as it is: {error.message}")
        return RollBack(NodeChange(node, node, changed=False), error.message)
