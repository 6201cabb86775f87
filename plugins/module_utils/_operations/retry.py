# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repeating requests that failed for a reason that may pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .._errors import KubernetesError
from .context import Clock

T = TypeVar("T")

OUTAGE_SECONDS = 120.0
"""Seconds of API server outage that an operation on a node lives through."""

FIRST_CONTACT_SECONDS = 3.0
"""Seconds for the first request of a task: an address that is simply wrong shall be reported soon."""


def backoff(attempt: int, *, first: float = 0.25, most: float = 10.0) -> float:
    """Seconds to wait after failure number ``attempt`` (from 0): doubling from ``first`` up to ``most``."""
    return min(most, first * 2.0 ** min(attempt, 16))


def retried(call: Callable[[], T], clock: Clock, *, seconds: float = OUTAGE_SECONDS) -> T:
    """The result of ``call``, repeated while its :class:`KubernetesError` is transient, for ``seconds`` at most."""
    deadline = clock.monotonic() + seconds
    attempt = 0
    while True:
        try:
            return call()
        except KubernetesError as error:
            pause = max(error.retry_after or 0.0, backoff(attempt))
            if not error.transient or clock.monotonic() + pause > deadline:
                raise
        clock.sleep(pause)
        attempt += 1
