# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settle: after a node is back, the workloads that it displaced come back to the readiness they had."""

from __future__ import annotations

from collections.abc import Iterable

from .._clients.kubernetes import KubernetesClient
from .._decisions.pods import OwnerState
from .._errors import KubernetesError
from .context import Context
from .owners import read_owner

POLL_SECONDS = 2.0


def settle(client: KubernetesClient, owners: Iterable[OwnerState], context: Context, *, timeout: float) -> list[str]:
    """Wait, for ``timeout`` seconds at most, until each owner has as many Ready pods as before, or as it wants by now.

    Returns what lags, one text each; nothing when all is well. An owner that is gone lags no more.
    """
    lagging = list(owners)
    started = context.clock.monotonic()
    while True:
        states = [(before, _lag(client, before)) for before in lagging]
        texts = [text for _before, text in states if text]
        lagging = [before for before, text in states if text]
        elapsed = context.clock.monotonic() - started
        if not lagging or elapsed >= timeout:
            return texts
        context.progress.waiting("settle", ", ".join(texts[:3]), elapsed, timeout)
        context.clock.sleep(min(POLL_SECONDS, timeout - elapsed))


def _lag(client: KubernetesClient, before: OwnerState) -> str:
    try:
        found = read_owner(client, before.owner)
    except KubernetesError as error:
        return f"{before.owner} cannot be read: {error.message}"
    if found is None:
        return ""
    now, wanted = found
    return "" if now.ready >= min(before.ready, wanted) else f"{before.owner}: {now.ready} of {before.ready} Ready"
