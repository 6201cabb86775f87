# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a pod behind a PodDisruptionBudget is worth another try.

One request per refused pod and second is what makes a drain expensive. So once a budget has refused a pod, all pods
behind that budget wait together: for a change of the budget that gives room for some, or, now and then, for one of them
to try its luck.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .eviction import Budget
from .pods import Pod


def pause(attempt: int, *, first: float = 1.0, most: float = 10.0) -> float:
    """Seconds between one refused try and the next: doubling from 1 s up to 10 s."""
    return min(most, first * 2.0 ** min(attempt, 8))


@dataclass
class _Queue:
    """``room`` evictions are allowed as far as we know; at ``due`` (seconds, monotonic) one pod may try anyway."""

    room: int = 0
    due: float = 0.0
    attempts: int = 0
    trying: bool = False


@dataclass
class Budgets:
    """The budgets of the namespaces in which an eviction was refused."""

    known: dict[str, Budget] = field(default_factory=dict)
    _queues: dict[str, _Queue] = field(default_factory=dict)

    def update(self, budget: Budget) -> None:
        self.known[budget.key] = budget
        self._queue(budget.key).room = budget.allowed

    def remove(self, budget: Budget) -> None:
        self.known.pop(budget.key, None)
        self._queues.pop(budget.key, None)

    def replace(self, namespace: str, budgets: Iterable[Budget]) -> None:
        """Take over a fresh list of all budgets of ``namespace``."""
        fresh = {budget.key: budget for budget in budgets}
        for key in [k for k, b in self.known.items() if b.namespace == namespace and k not in fresh]:
            self.remove(self.known[key])
        for budget in fresh.values():
            self.update(budget)

    def of(self, pod: Pod) -> list[Budget]:
        return [budget for budget in self.known.values() if budget.covers(pod)]

    def admit(self, pod: Pod, now: float) -> bool:
        """Whether ``pod`` should be tried now; counts as a try if so."""
        budgets = self.of(pod)
        if len(budgets) != 1:
            return True
        queue = self._queue(budgets[0].key)
        if queue.room > 0:
            queue.room -= 1
            return True
        if queue.trying or now < queue.due:
            return False
        queue.trying = True
        return True

    def accepted(self, pod: Pod) -> None:
        """An eviction went through: where it was a lone try, let the next one follow at once."""
        for budget in self.of(pod):
            queue = self._queue(budget.key)
            if queue.trying:
                queue.trying, queue.attempts, queue.room = False, 0, 1

    def undecided(self, pod: Pod, now: float) -> None:
        """An eviction failed for a reason that says nothing about its budgets: a lone try is to be made again."""
        for budget in self.of(pod):
            queue = self._queue(budget.key)
            if queue.trying:
                queue.trying, queue.due = False, now + pause(0)

    def refused(self, pod: Pod, now: float, retry_after: float) -> None:
        for budget in self.of(pod):
            queue = self._queue(budget.key)
            queue.room, queue.trying = 0, False
            queue.due = now + max(retry_after, pause(queue.attempts))
            queue.attempts += 1

    def next_try(self, now: float) -> float:
        """Seconds until some budget's lone try is due (infinity when none waits)."""
        return min((max(0.0, q.due - now) for q in self._queues.values() if not q.trying), default=float("inf"))

    def _queue(self, key: str) -> _Queue:
        return self._queues.setdefault(key, _Queue())
