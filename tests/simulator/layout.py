# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, addresses and Azure identities of the nodes of a simulated cluster: everything that never changes."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import zlib
from typing import Literal

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
TENANT = "66666666-7777-4888-8999-aaaaaaaaaaaa"
CLIENT = "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff"
RESOURCE_GROUP = "sim-rg"
CLUSTER = "sim"
LOCATION = "westeurope"
NODE_RESOURCE_GROUP = f"MC_{RESOURCE_GROUP}_{CLUSTER}_{LOCATION}"

_FIRST_ADDRESS = ipaddress.IPv4Address("127.10.0.1")
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_POOL_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")

Kind = Literal["vmss", "vm"]


class LayoutError(ValueError):
    """A pool specification that cannot be; the message says what was expected."""


@dataclasses.dataclass(frozen=True)
class Pool:
    """A node pool. zones: numbers as text, empty for none; kind: vmss (Uniform scale set) or vm (single VMs)."""

    name: str
    count: int
    mode: Literal["System", "User"] = "User"
    zones: tuple[str, ...] = ("1", "2", "3")
    os: Literal["Linux", "Windows"] = "Linux"
    kind: Kind = "vmss"
    priority: Literal["Regular", "Spot"] = "Regular"

    @property
    def base(self) -> str:
        """aks-<pool>-<8 digits>; the digits are the same for the same pool name."""
        return f"aks-{self.name}-{zlib.crc32(self.name.encode()) % 90_000_000 + 10_000_000}"

    @property
    def scale_set(self) -> str | None:
        return f"{self.base}-vmss" if self.kind == "vmss" else None


@dataclasses.dataclass(frozen=True)
class NodeIdentity:
    """One node. number: its place in the cluster from 0; instance: VMSS instance id, or the VM's name."""

    pool: Pool
    number: int
    name: str
    instance: str
    address: str
    zone: str

    @property
    def resource_id(self) -> str:
        """The ARM id, in the spelling that ARM uses."""
        compute = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_RESOURCE_GROUP}/providers/Microsoft.Compute"
        if self.pool.scale_set is not None:
            return f"{compute}/virtualMachineScaleSets/{self.pool.scale_set}/virtualMachines/{self.instance}"
        return f"{compute}/virtualMachines/{self.instance}"

    @property
    def provider_id(self) -> str:
        """spec.providerID: the cloud provider writes the resource group in lower case."""
        return "azure://" + self.resource_id.replace(NODE_RESOURCE_GROUP, NODE_RESOURCE_GROUP.lower())


def default_pools(nodes: int) -> list[Pool]:
    """A system pool of one node, and a user pool with the rest."""
    pools = [Pool("system", min(nodes, 1), mode="System")]
    return [*pools, Pool("user", nodes - 1)] if nodes > 1 else pools


def parse_pool(text: str) -> Pool:
    """A pool from "name=user,count=3,mode=User,zones=1/2/3,os=Linux,kind=vmss,priority=Spot"; raises LayoutError."""
    given: dict[str, str] = {}
    for item in text.split(","):
        key, mark, value = (piece.strip() for piece in item.partition("="))
        if not mark or key not in _KEYS:
            raise LayoutError(f"--pools: {item!r} is none of {', '.join(f'{name}=...' for name in _KEYS)}")
        given[key] = value
    name = given.get("name", "")
    if not _POOL_NAME.fullmatch(name):
        raise LayoutError(f"--pools: name={name!r} must be 1 to 12 lower-case letters and digits, a letter first")
    count = given.get("count", "1")
    if not count.isdigit():
        raise LayoutError(f"--pools: count={count!r} of pool {name} must be a whole number from 0")
    zones = tuple(zone for zone in given.get("zones", "1/2/3").split("/") if zone)
    if not set(zones) <= {"1", "2", "3"}:
        raise LayoutError(f"--pools: zones={given['zones']!r} of pool {name} must be like 1/2/3, or empty")
    return Pool(
        name,
        int(count),
        mode="System" if _choice(given, "mode", ("User", "System")) == "System" else "User",
        zones=zones,
        os="Windows" if _choice(given, "os", ("Linux", "Windows")) == "Windows" else "Linux",
        kind="vm" if _choice(given, "kind", ("vmss", "vm")) == "vm" else "vmss",
        priority="Spot" if _choice(given, "priority", ("Regular", "Spot")) == "Spot" else "Regular",
    )


_KEYS = ("name", "count", "mode", "zones", "os", "kind", "priority")


def _choice(given: dict[str, str], key: str, allowed: tuple[str, ...]) -> str:
    value = given.get(key, allowed[0])
    for candidate in allowed:
        if candidate.lower() == value.lower():
            return candidate
    raise LayoutError(f"--pools: {key}={value!r} of pool {given['name']} must be {' or '.join(allowed)}")


def lay_out(pools: list[Pool]) -> list[NodeIdentity]:
    """All nodes of these pools, numbered through; raises LayoutError for pools of the same name."""
    names = [pool.name for pool in pools]
    for name in names:
        if names.count(name) > 1:
            raise LayoutError(f"--pools: there are two pools called {name}")
    nodes: list[NodeIdentity] = []
    for pool in pools:
        for index in range(pool.count):
            number = len(nodes)
            name, instance = _names(pool, index)
            zone = f"{LOCATION}-{pool.zones[index % len(pool.zones)]}" if pool.zones else "0"
            nodes.append(NodeIdentity(pool, number, name, instance, str(_FIRST_ADDRESS + number), zone))
    return nodes


def _names(pool: Pool, index: int) -> tuple[str, str]:
    if pool.os == "Windows":
        return f"aks{pool.name[:6]}{_base36(index)}", str(index)
    if pool.kind == "vm":
        return f"{pool.base}-{index}", f"{pool.base}-{index}"
    return f"{pool.base}-vmss{_base36(index)}", str(index)


def _base36(number: int) -> str:
    digits = ""
    for dummy in range(6):
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits
