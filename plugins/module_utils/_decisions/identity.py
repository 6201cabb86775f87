# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Azure virtual machine a Kubernetes node is."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCALE_SET_INSTANCE = re.compile(
    r"azure:///subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Compute"
    r"/virtualMachineScaleSets/(?P<scale_set>[^/]+)/virtualMachines/(?P<instance>\d+)",
    re.IGNORECASE,
)
_VIRTUAL_MACHINE = re.compile(
    r"azure:///subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Compute"
    r"/virtualMachines/(?P<name>[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Machine:
    """One virtual machine: an instance of a Uniform scale set (``scale_set`` and ``instance_id``), or a machine of its
    own (``name``), as members of Flexible scale sets, availability sets and VirtualMachines pools are."""

    subscription: str
    resource_group: str
    scale_set: str = ""
    instance_id: str = ""
    name: str = ""

    @property
    def kind(self) -> str:
        """``vmss`` for an instance of a Uniform scale set, else ``vm``."""
        return "vmss" if self.scale_set else "vm"

    @property
    def resource_id(self) -> str:
        """The Azure resource id, in the spelling of the node's provider ID (Azure compares without case)."""
        base = f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}/providers/Microsoft.Compute"
        if self.scale_set:
            return f"{base}/virtualMachineScaleSets/{self.scale_set}/virtualMachines/{self.instance_id}"
        return f"{base}/virtualMachines/{self.name}"


def parse_provider_id(provider_id: str) -> Machine | None:
    """The machine behind a node's ``spec.providerID``; None when it is no Azure virtual machine.

    Case is ignored: the cloud provider lower-cases the resource group, Azure itself does not.
    """
    if match := _SCALE_SET_INSTANCE.fullmatch(provider_id):
        return Machine(match["subscription"], match["group"], match["scale_set"], match["instance"])
    if match := _VIRTUAL_MACHINE.fullmatch(provider_id):
        return Machine(match["subscription"], match["group"], name=match["name"])
    return None
