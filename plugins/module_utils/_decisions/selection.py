# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes this collection may reboot at all."""

from __future__ import annotations

from dataclasses import dataclass

from .._errors import RebootError
from .node import Node


@dataclass(frozen=True)
class Selection:
    """The user's choices: ``pools`` limits the plan to these agent pools (empty: all); ``include_spot`` and
    ``include_auto_provisioned`` allow nodes that come and go by themselves."""

    pools: tuple[str, ...] = ()
    include_spot: bool = False
    include_auto_provisioned: bool = False


def reason_to_exclude(node: Node, selection: Selection) -> tuple[str, str] | None:
    """Why ``node`` is none of our business, as (word, sentence), or None when it may be rebooted.

    The order goes from what the node is to what it is just now, so that the reason that lasts is the one that is told.
    """
    return _by_kind(node, selection) or _by_state(node)


def _by_kind(node: Node, selection: Selection) -> tuple[str, str] | None:
    if node.virtual:
        return "virtual", "is a virtual node: it has no machine"
    if node.os == "windows":
        return "windows", "runs Windows, which has no sentinel file"
    if node.machine is None:
        return "not_a_machine", f"its provider ID {node.provider_id!r} is no virtual machine of Azure"
    if node.labels.get("kubernetes.azure.com/managed") == "false":
        return "not_managed", "is not managed by AKS (label kubernetes.azure.com/managed=false)"
    if selection.pools and node.pool not in selection.pools:
        return "other_pool", f"belongs to pool {node.pool or '(none)'}"
    if node.spot and not selection.include_spot:
        return "spot", "is a spot node (include_spot allows these)"
    if "karpenter.sh/nodepool" in node.labels and not selection.include_auto_provisioned:
        return "auto_provisioned", "was provisioned automatically (include_auto_provisioned allows these)"
    return None


def _by_state(node: Node) -> tuple[str, str] | None:
    if node.hold is not None:
        return "hold", f"is on hold: {node.hold or 'no reason given'}"
    if node.deletion_taint:
        return "being_deleted", f"is about to be removed (taint {node.deletion_taint})"
    if node.aks_upgrading:
        return "aks_upgrade", "is being upgraded by AKS"
    if node.labels.get("kubernetes.azure.com/upgrade-status", "").lower() == "quarantined":
        return "quarantined", "was quarantined by an AKS upgrade"
    try:
        journal = node.journal
    except RebootError as error:
        return error.reason, error.message
    if journal is not None:
        return (
            "in_progress",
            f"is in the hands of run {journal.run} since {journal.since} (phase {journal.phase})",
        )
    if not node.ready:
        return "not_ready", "is not Ready"
    return None
