# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection reads of a Node object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from .identity import Machine, parse_provider_id
from .journal import HOLD, JOURNAL, LAST_REBOOT, SCALE_DOWN_DISABLED, Journal, parse_journal
from .objects import KubernetesObject
from .times import parse_time

ZONE = "topology.kubernetes.io/zone"
DELETION_TAINTS = ("ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted", "karpenter.sh/disruption")
UPGRADE_REASON = "kubernetes.azure.com/azure-cluster-autoscaler-scale-down-disabled-reason"


@dataclass(frozen=True)
class Node(KubernetesObject):
    """A Node object, read-only, with the names that the rest of the code uses."""

    @property
    def resource_version(self) -> str:
        return str(self.raw["metadata"]["resourceVersion"])

    @property
    def taints(self) -> list[Mapping[str, str]]:
        return self._spec.get("taints") or []

    @property
    def unschedulable(self) -> bool:
        """Whether the node is cordoned, by whomever."""
        return bool(self._spec.get("unschedulable"))

    @property
    def provider_id(self) -> str:
        return str(self._spec.get("providerID", ""))

    @cached_property
    def machine(self) -> Machine | None:
        return parse_provider_id(self.provider_id)

    @property
    def pool(self) -> str:
        return self.labels.get("kubernetes.azure.com/agentpool") or self.labels.get("agentpool", "")

    @property
    def mode(self) -> str:
        """``system`` or ``user``."""
        return (self.labels.get("kubernetes.azure.com/mode") or "user").lower()

    @property
    def zone(self) -> str:
        return self.labels.get(ZONE, "")

    @property
    def os(self) -> str:
        """``linux`` or ``windows``."""
        return (self.labels.get("kubernetes.io/os") or self._info.get("operatingSystem", "")).lower()

    @property
    def os_image(self) -> str:
        return str(self._info.get("osImage", ""))

    @property
    def spot(self) -> bool:
        return self.labels.get("kubernetes.azure.com/scalesetpriority", "").lower() == "spot"

    @property
    def virtual(self) -> bool:
        """Whether it is a virtual node (Azure Container Instances), which has no machine to restart."""
        return self.labels.get("type") == "virtual-kubelet" or self.has_taint("virtual-kubelet.io/provider")

    @property
    def boot_id(self) -> str:
        """The kernel's boot ID as the kubelet last reported it; it changes with every boot."""
        return str(self._info.get("bootID", ""))

    @property
    def address(self) -> str:
        """The InternalIP address, or an empty string."""
        for item in self._status.get("addresses") or []:
            if item.get("type") == "InternalIP":
                return str(item["address"])
        return ""

    def condition(self, kind: str) -> Mapping[str, str] | None:
        for item in self._status.get("conditions") or []:
            if item.get("type") == kind:
                return dict(item)
        return None

    @property
    def ready(self) -> bool:
        condition = self.condition("Ready")
        return condition is not None and condition.get("status") == "True"

    @property
    def heartbeat(self) -> datetime | None:
        """When the kubelet last confirmed the condition Ready, by the node's own clock."""
        text = (self.condition("Ready") or {}).get("lastHeartbeatTime")
        return parse_time(text) if text else None

    @property
    def event_scheduled(self) -> bool:
        """Whether Azure has announced a reboot, redeploy or preemption that has not happened yet."""
        return (self.condition("VMEventScheduled") or {}).get("status") == "True"

    @property
    def hold(self) -> str | None:
        """Why an operator wants the node left alone; None when nobody does."""
        return self.annotations.get(HOLD)

    @property
    def deletion_taint(self) -> str | None:
        """The taint by which an autoscaler announced that it is about to remove the node."""
        return next((key for key in DELETION_TAINTS if self.has_taint(key)), None)

    @property
    def aks_upgrading(self) -> bool:
        return self.annotations.get(UPGRADE_REASON, "").lower() == "upgrade"

    def has_taint(self, key: str) -> bool:
        return any(taint.get("key") == key for taint in self.taints)

    @property
    def journalled(self) -> bool:
        """Whether the node carries a journal of ours, readable or not."""
        return JOURNAL in self.annotations

    @property
    def journal(self) -> Journal | None:
        """Our journal. Raises :class:`~.journal.DamagedJournal`."""
        text = self.annotations.get(JOURNAL)
        return None if text is None else parse_journal(text, self.name)

    @property
    def own_annotations(self) -> dict[str, str]:
        """The annotations that this collection writes, as they are on the node."""
        own = (JOURNAL, LAST_REBOOT, SCALE_DOWN_DISABLED)
        return {key: self.annotations[key] for key in own if key in self.annotations}

    @property
    def last_reboot(self) -> Mapping[str, Any]:
        """What our last proven reboot of this node left: ``at``, ``bootID``, ``stillRequired``; else empty."""
        try:
            value = json.loads(self.annotations.get(LAST_REBOOT, "{}"))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def _info(self) -> Mapping[str, Any]:
        return self._status.get("nodeInfo") or {}
