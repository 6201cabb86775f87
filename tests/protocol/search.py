# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breadth-first search over every interleaving."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from .state import Setting, State, broken, first, unfinished
from .world import steps


class Found(NamedTuple):
    """``why`` is empty when everything holds; ``trace`` is a shortest way to what does not."""

    states: int
    ends: int
    seconds: float
    why: str = ""
    trace: tuple[str, ...] = ()


def search(setting: Setting, *, limit: int = 5_000_000) -> Found:
    """Visit every state that can be reached, ``limit`` at most (then MemoryError)."""
    began = time.monotonic()
    start = first(setting)
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    ends = 0
    while queue:
        state = queue.popleft()
        why = broken(state, setting)
        following = [] if why else list(steps(state, setting))
        if not following and not why:
            ends += 1
            why = unfinished(state)
        if why:
            return Found(len(came_from), ends, time.monotonic() - began, why, _trace(came_from, state))
        for name, after in following:
            if after not in came_from:
                came_from[after] = (state, name)
                queue.append(after)
        if len(came_from) > limit:
            raise MemoryError(f"more than {limit} states")
    return Found(len(came_from), ends, time.monotonic() - began)


def _trace(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    names = []
    while (before := came_from[state]) is not None:
        state, name = before
        names.append(name)
    return tuple(reversed(names))
