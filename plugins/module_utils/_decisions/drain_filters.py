# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods of a node a drain evicts: exactly those that ``kubectl drain`` would.

The order of the questions is kubectl's (k8s.io/kubectl, pkg/drain): a pod already on its way, DaemonSet, mirror pod,
local data, no controller.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .pods import Pod


@dataclass(frozen=True)
class DrainOptions:
    """kubectl drain's options under its names; the defaults are kured's.

    ``grace_period``, ``timeout`` and ``skip_wait_for_delete_timeout`` are in seconds: a ``grace_period`` of -1 is each
    pod's own, a ``timeout`` of 0 waits for ever, a ``skip_wait_for_delete_timeout`` of 0 waits for every pod.
    """

    force: bool = True
    delete_emptydir_data: bool = True
    ignore_daemonsets: bool = True
    pod_selector: str = ""
    grace_period: int = -1
    timeout: float = 1800
    skip_wait_for_delete_timeout: int = 0


class Action(Enum):
    EVICT = "evict"
    LEAVE = "leave"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Verdict:
    """``reason`` says why a pod is left, why it forbids the drain, or what evicting it costs (else empty)."""

    action: Action
    reason: str = ""


_EVICT = Verdict(Action.EVICT)


def judge(pod: Pod, options: DrainOptions, daemonsets: Collection[str], now: datetime) -> Verdict:
    """What a drain does with ``pod``. ``daemonsets`` are the ``namespace/name`` of all that exist."""
    if _overdue(pod, options.skip_wait_for_delete_timeout, now):
        return Verdict(Action.LEAVE, "terminating for longer than skip_wait_for_delete_timeout")
    warning = ""
    owner = pod.owner
    if owner is not None and owner.kind == "DaemonSet" and not pod.finished:
        if f"{owner.namespace}/{owner.name}" in daemonsets:
            if options.ignore_daemonsets:
                return Verdict(Action.LEAVE, "managed by a DaemonSet")
            return Verdict(Action.REFUSE, "is managed by a DaemonSet (set ignore_daemonsets to leave it)")
        if not options.force:
            return Verdict(Action.REFUSE, f"belongs to {owner}, which does not exist (set force to evict it)")
        warning = f"{owner} does not exist any more"
    if pod.mirror:
        return Verdict(Action.LEAVE, "mirror of a static pod")
    if pod.finished:
        return _EVICT
    if pod.empty_dir:
        if not options.delete_emptydir_data:
            return Verdict(Action.REFUSE, "keeps data in an emptyDir (set delete_emptydir_data to delete it)")
        warning = warning or "its emptyDir data is deleted"
    if owner is None:
        if not options.force:
            return Verdict(Action.REFUSE, "has no controller that would replace it (set force to evict it)")
        warning = warning or "no controller replaces it"
    return Verdict(Action.EVICT, warning)


def _overdue(pod: Pod, limit: int, now: datetime) -> bool:
    """Whether it should have been gone for more than ``limit`` whole seconds, as kubectl counts them."""
    return limit > 0 and pod.deleted_at is not None and int((now - pod.deleted_at).total_seconds()) > limit
