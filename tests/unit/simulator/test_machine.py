# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated VM loses and gets back what a real one does."""

from __future__ import annotations

import asyncio

from ansible_collections.kubeops.aks_reboot.tests.simulator.machine import Machine


async def until_running(machine: Machine) -> None:
    running = asyncio.Event()
    machine.subscribe(lambda changed: running.set() if changed.power == "running" else None)
    await asyncio.wait_for(running.wait(), 2)


async def test_restart_gives_a_new_boot_and_an_empty_run() -> None:
    machine = Machine("node-a", 0.04)
    powers: list[str] = []
    machine.subscribe(lambda changed: powers.append(changed.power))
    machine.require_reboot(1_700_000_000, ("libc6",))
    machine.files.write("/etc/kept", b"x")
    before = machine.boot_id
    machine.restart()
    assert machine.state()["power"] == "stopped"
    assert machine.state()["sentinel"] is True
    await until_running(machine)
    assert powers == ["stopped", "starting", "running"]
    assert machine.boot_id != before
    assert machine.files.read("/proc/sys/kernel/random/boot_id").decode().strip() == machine.boot_id
    assert not machine.sentinel
    assert machine.files.read("/etc/kept") == b"x"
    assert machine.state()["boots"] == 1


async def test_restart_during_a_boot_starts_over() -> None:
    machine = Machine("node-a", 0.06)
    machine.restart()
    await asyncio.sleep(0.04)
    machine.restart()
    await asyncio.sleep(0.04)
    assert machine.state()["power"] != "running"
    await until_running(machine)
    assert machine.boots == 2


async def test_faults_of_a_boot() -> None:
    active = {"same-boot-id", "sentinel-stays"}
    machine = Machine("node-a", 0.02, lambda kind, name: kind in active and name == "node-a")
    machine.require_reboot(1_700_000_000)
    before = machine.boot_id
    machine.restart()
    await until_running(machine)
    assert machine.boot_id == before
    assert machine.sentinel

    active.add("node-never-returns")
    machine.restart()
    await asyncio.sleep(0.05)
    assert machine.power == "stopped"
    active.clear()
    machine.restart()
    await until_running(machine)
    assert machine.boot_id != before
