# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Giving up in good order, when somebody stops a run while it works on a node."""

from __future__ import annotations

from .._clients.kubernetes import KubernetesClient
from .._errors import RebootError
from .context import Context
from .cordon import roll_back
from .kured import Kured
from .ledger import LedgerStore
from .slot import release


def give_up(client: KubernetesClient, store: LedgerStore, kured: Kured, run: str, node: str, context: Context) -> None:
    """Roll the node back and release its slot, or keep both when a restart may have been sent; never raises.

    What cannot be done now is done by the next run's recovery.
    """
    try:
        rolled_back = roll_back(client, node, run, context)
        if not rolled_back.kept:
            release(client, store, kured, run, node, context)
            context.progress.say("stopped: rolled back and released")
            return
        context.progress.say("stopped: the node stays cordoned, the next run looks after it")
    except RebootError as error:
        context.progress.say(f"stopped: not rolled back ({error.message}): the next run looks after it")
