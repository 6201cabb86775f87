# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Azure machine a provider ID names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.identity import Machine, parse_provider_id

SEGMENT = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.()", min_size=1, max_size=20)
INSTANCES = st.builds(
    Machine, SEGMENT, SEGMENT, scale_set=SEGMENT, instance_id=st.integers(0, 10**7).map(str), name=st.just("")
)
MACHINES = st.builds(Machine, SEGMENT, SEGMENT, scale_set=st.just(""), instance_id=st.just(""), name=SEGMENT)


@given(st.one_of(INSTANCES, MACHINES))
def test_the_resource_id_of_a_machine_is_read_back(machine: Machine) -> None:
    assert parse_provider_id(f"azure://{machine.resource_id}") == machine


@given(st.one_of(INSTANCES, MACHINES), st.data())
def test_letter_case_does_not_matter(machine: Machine, data: st.DataObject) -> None:
    straight = f"azure://{machine.resource_id}"
    flips = data.draw(st.lists(st.booleans(), min_size=len(straight), max_size=len(straight)))
    crooked = "".join(c.swapcase() if flip else c for c, flip in zip(straight, flips, strict=True))
    found = parse_provider_id(crooked)
    assert found is not None
    assert found.resource_id.lower() == machine.resource_id.lower()
    assert found.kind == machine.kind


def test_the_spelling_of_the_node_is_kept() -> None:
    found = parse_provider_id(
        "azure:///subscriptions/S/resourceGroups/mc_Shop/providers/Microsoft.Compute"
        "/virtualMachineScaleSets/aks-web-vmss/virtualMachines/12"
    )
    assert found == Machine("S", "mc_Shop", "aks-web-vmss", "12")
    assert found.kind == "vmss"


def test_a_machine_of_its_own() -> None:
    found = parse_provider_id(
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/aks-flex-7"
    )
    assert found == Machine("s", "g", name="aks-flex-7")
    assert found.kind == "vm"


@pytest.mark.parametrize(
    "provider_id",
    [
        "",
        "azure://",
        "aws:///eu-west-1a/i-0123456789",
        "kind://docker/kind/worker",
        # an Azure id of something that is no machine
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/c",
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/v",
        # the instances of a Uniform scale set have numbers
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/v/virtualMachines/x",
        # something before, behind or missing
        "x azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m",
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m/extensions/e",
        "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/",
        "azure:///subscriptions//resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m",
        # the dot is one, not any character
        "azure:///subscriptions/s/resourceGroups/g/providers/MicrosoftxCompute/virtualMachines/m",
    ],
)
def test_what_is_no_azure_machine(provider_id: str) -> None:
    assert parse_provider_id(provider_id) is None
