# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server's answer to an eviction means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .._errors import KubernetesError
from .objects import NamespacedObject
from .pods import Pod
from .selectors import selects


class Refusal(Enum):
    """GONE: that pod exists no more. BUDGET: a PodDisruptionBudget has nothing to give right now. LATER: the same
    request may pass later. NEVER: it will not."""

    GONE = "gone"
    BUDGET = "budget"
    LATER = "later"
    NEVER = "never"


def judge_refusal(error: KubernetesError) -> Refusal:
    """Decide on status, reason and causes, never on a message's words.

    Only a 429 with the cause ``DisruptionBudget`` comes from a budget; other 429s are the API server throttling. A 500
    is the refusal of a pod with two budgets when it says so by a plain InternalError without cause; the caller, who
    knows the budgets, decides. A 409 is a changed precondition: the watch will tell whether the pod is gone.
    """
    causes = {cause.get("reason") for cause in ((error.body.get("details") or {}).get("causes") or [])}
    if error.status == 404:
        return Refusal.GONE
    if error.status == 429 and "DisruptionBudget" in causes:
        return Refusal.BUDGET
    if error.status == 403 and "NamespaceTerminating" in causes:
        return Refusal.LATER
    if error.status == 409 or error.transient:
        return Refusal.LATER
    return Refusal.NEVER


@dataclass(frozen=True)
class Budget(NamespacedObject):
    """A PodDisruptionBudget, read-only."""

    @property
    def allowed(self) -> int:
        """How many pods may be evicted right now; 0 while the controller has not caught up with the object."""
        if self._status.get("observedGeneration", 0) < self.raw["metadata"].get("generation", 0):
            return 0
        return int(self._status.get("disruptionsAllowed", 0))

    def covers(self, pod: Pod) -> bool:
        if self.namespace != pod.namespace:
            return False
        return selects(self._spec.get("selector"), pod.labels)

    def numbers(self) -> dict[str, int | str]:
        """What to tell about it when it blocks."""
        return {
            "name": self.key,
            "disruptions_allowed": int(self._status.get("disruptionsAllowed", 0)),
            "current_healthy": int(self._status.get("currentHealthy", 0)),
            "desired_healthy": int(self._status.get("desiredHealthy", 0)),
            "expected_pods": int(self._status.get("expectedPods", 0)),
        }

    def __str__(self) -> str:
        numbers = self.numbers()
        return (
            f"PDB {self.key} ({numbers['current_healthy']} healthy, {numbers['desired_healthy']} needed, "
            f"{numbers['disruptions_allowed']} disruptions allowed)"
        )
