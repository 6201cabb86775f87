# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and addresses of nodes, and the checks of scenario files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.kubeops.aks_reboot.tests.simulator.layout import (
    Pool,
    default_pools,
    lay_out,
    parse_pool,
)
from ansible_collections.kubeops.aks_reboot.tests.simulator.scenario import ScenarioError, parse


def test_names_of_a_uniform_scale_set() -> None:
    nodes = lay_out([Pool("user", 37, zones=("1", "3"))])
    base = nodes[0].pool.base
    assert nodes[36].name == f"{base}-vmss000010"
    assert nodes[36].instance == "36"
    assert [node.zone for node in nodes[:3]] == ["westeurope-1", "westeurope-3", "westeurope-1"]
    assert nodes[36].provider_id.startswith("azure:///subscriptions/")
    assert "/resourceGroups/mc_sim-rg_sim_westeurope/" in nodes[36].provider_id
    assert nodes[36].provider_id.endswith(f"/virtualMachineScaleSets/{base}-vmss/virtualMachines/36")


def test_names_of_single_vms() -> None:
    node = lay_out([parse_pool("name=vms,count=1,kind=vm,zones=")])[0]
    assert node.provider_id.endswith(f"/providers/Microsoft.Compute/virtualMachines/{node.name}")
    assert node.zone == "0"
    assert node.pool.scale_set is None


def test_addresses_differ_across_pools() -> None:
    nodes = lay_out([*default_pools(1000), Pool("more", 300)])
    assert len({node.address for node in nodes}) == len({node.name for node in nodes}) == 1300
    assert nodes[0].address == "127.10.0.1"
    assert nodes[0].pool.mode == "System"


def test_pool_specification() -> None:
    assert parse_pool("name=spot,count=2,mode=system,zones=1/2,os=windows,kind=vm,priority=spot") == Pool(
        "spot", 2, "System", ("1", "2"), "Windows", "vm", "Spot"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "scenario: the file: [] must be a mapping"),
        ("node: {}", "scenario: the file: 'node' is unknown; did you mean nodes?"),
        ("objects: [{kind: Pod}]", "scenario: objects[0]: apiVersion is missing"),
        ("nodes: {0: {required: 1}}", "scenario: nodes: 0: required: 1 must be true or false"),
        ("nodes: {0: {since: true}}", "scenario: nodes: 0: since: True must be a number"),
        ("nodes: {0: {pakages: []}}", "scenario: nodes: 0: 'pakages' is unknown; did you mean packages?"),
        ("faults: [{kind: x}]", "scenario: faults[0]: kind 'x' is none of http-status, "),
        ("faults: [{kind: drop, code: 3}]", "scenario: faults[0]: 'code' is unknown; "),
        ("faults: [{kind: drop, count: many}]", "scenario: faults[0]: count: 'many' must be a number"),
        ("settings: {boot_second: 1}", "scenario: settings: 'boot_second' is unknown; did you mean boot_seconds?"),
        ("settings: {boot_seconds: -1}", "scenario: settings: boot_seconds: -1 must not be negative"),
    ],
)
def test_bad_scenarios(text: str, complaint: str) -> None:
    data: Any = yaml.safe_load(text)
    with pytest.raises(ScenarioError) as caught:
        parse(data)
    assert str(caught.value).startswith(complaint)


def test_scenario_for_an_unknown_node() -> None:
    with pytest.raises(ScenarioError, match="there is no node 5; numbers go from 0 to 1"):
        parse({"nodes": {5: {}}}).check_nodes(["a", "b"])
