# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection reads of a Pod object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .objects import NamespacedObject
from .times import parse_time

MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Owner:
    """The controller of a pod; ``uid`` tells apart two owners of one name."""

    kind: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class OwnerState:
    """``ready`` is the number of its pods that were Ready when it was read."""

    owner: Owner
    ready: int


@dataclass(frozen=True)
class Pod(NamespacedObject):
    """A Pod object, read-only, with the names that the rest of the code uses."""

    @property
    def phase(self) -> str:
        return str(self._status.get("phase", ""))

    @property
    def finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    @property
    def mirror(self) -> bool:
        """Whether it only mirrors a static pod, which the kubelet runs from a file: nobody can evict that."""
        return MIRROR in self.annotations

    @property
    def deleted_at(self) -> datetime | None:
        """When its deletion is due, if it has been asked for."""
        text = self.raw["metadata"].get("deletionTimestamp")
        return parse_time(text) if text else None

    @property
    def finalizers(self) -> list[str]:
        return self.raw["metadata"].get("finalizers") or []

    @property
    def owner(self) -> Owner | None:
        for reference in self.raw["metadata"].get("ownerReferences") or []:
            if reference.get("controller"):
                return Owner(reference["kind"], self.namespace, reference["name"], reference["uid"])
        return None

    @property
    def empty_dir(self) -> bool:
        """Whether it keeps data in an emptyDir volume, which an eviction deletes."""
        return any("emptyDir" in volume for volume in self._spec.get("volumes") or [])

    @property
    def claims(self) -> list[str]:
        """The names of its PersistentVolumeClaims."""
        volumes = self._spec.get("volumes") or []
        return [v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v]

    @property
    def ready(self) -> bool:
        conditions = self._status.get("conditions") or []
        return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """The statuses of its containers (not the init containers)."""
        return self._status.get("containerStatuses") or []

    def running_since(self) -> datetime | None:
        """When the youngest of its containers started; None unless all are running."""
        starts = [(status.get("state") or {}).get("running", {}).get("startedAt") for status in self.containers]
        if not starts or not all(starts):
            return None
        return max(parse_time(start) for start in starts if start)

    def container_ids(self) -> frozenset[str]:
        return frozenset(str(status["containerID"]) for status in self.containers if status.get("containerID"))
