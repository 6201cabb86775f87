# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check: is a planned node still to be rebooted, and could its restart be sent?

The plan may be minutes or, as a file that somebody approved, days old. This is asked right before the first change.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._clients.kubernetes import KubernetesClient
from .._decisions.node import Node
from .._decisions.selection import Selection, reason_to_exclude
from .._decisions.sentinel import NOT_REQUIRED, UNKNOWN
from .._errors import RebootError, Refused
from .context import Context
from .node_writes import read_node
from .probe import ProbeTarget, probe
from .proof import SentinelCheck
from .restart import Restarter


@dataclass(frozen=True)
class Expected:
    """What the plan knew of the node; empty where nothing is expected."""

    uid: str = ""
    boot_id: str = ""


@dataclass(frozen=True)
class Check:
    """``due``: it is to be rebooted. Otherwise ``reason`` and ``message`` say why not any more."""

    due: bool
    reason: str = ""
    message: str = ""


def check(
    client: KubernetesClient,
    name: str,
    restarter: Restarter,
    sentinel: SentinelCheck | None,
    expected: Expected,
    run: str,
    context: Context,
) -> Check:
    """Look once more, changing nothing.

    ``sentinel`` None means that the reboot is wanted whatever the sentinel says. Raises RebootError when the node is
    due but a restart could not be sent, or its sentinel cannot be read.
    """
    try:
        node = read_node(client, name, context)
    except Refused as error:
        return Check(False, error.reason, error.message)
    changed = _changed(node, expected)
    if changed is not None:
        return changed
    if not _ours(node, run):
        excluded = reason_to_exclude(node, Selection(include_spot=True, include_auto_provisioned=True))
        if excluded is not None:
            return Check(False, excluded[0], f"{name}: {excluded[1]}")
    if sentinel is not None:
        state = probe(sentinel.shell, ProbeTarget(name, node.address), sentinel.sentinel)
        if state.state == UNKNOWN:
            raise RebootError(
                f"{name}: whether it still requires a reboot is not known: {state.error}",
                reason="sentinel_unknown",
                node=name,
            )
        if state.state == NOT_REQUIRED:
            return Check(False, "not_required", f"{name}: requires no reboot any more")
    restarter.check(node)
    return Check(True)


def _ours(node: Node, run: str) -> bool:
    journal = node.journal
    return journal is not None and journal.run == run


def _changed(node: Node, expected: Expected) -> Check | None:
    if expected.uid and node.uid != expected.uid:
        return Check(False, "node_replaced", f"{node.name}: is another node than the planned one (new UID)")
    if expected.boot_id and node.boot_id != expected.boot_id:
        return Check(False, "rebooted_meanwhile", f"{node.name}: has rebooted since it was planned (new boot ID)")
    return None
