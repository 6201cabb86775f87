# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes' SSH servers, reached with real clients: paramiko, and OpenSSH where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import paramiko
import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.faults import Faults
from ansible_collections.kubeops.aks_reboot.tests.simulator.machine import Machine
from ansible_collections.kubeops.aks_reboot.tests.simulator.ssh import USER, SshFleet

NAME = "node-a"
ADDRESS = "127.10.200.1"


class Rig:
    """One machine behind SSH, and a paramiko client for it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.faults = Faults([NAME])
        self.machine = Machine(NAME, 0.2, lambda kind, name: self.faults.strike(kind, name) is not None)
        self.fleet = SshFleet(self.faults)
        self.fleet.add(self.machine, ADDRESS)
        self.fleet.start()
        self.fleet.write_files(directory)

    def connect(self, key: paramiko.PKey | None = None) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        client.load_host_keys(str(self.directory / "known_hosts"))
        client.connect(
            ADDRESS,
            self.fleet.port,
            USER,
            pkey=key or paramiko.Ed25519Key.from_private_key_file(str(self.directory / "id_ed25519")),
            allow_agent=False,
            look_for_keys=False,
            timeout=3,
            banner_timeout=3,
            auth_timeout=3,
        )
        return client

    def execute(self, command: str) -> tuple[int, str, str]:
        with contextlib.closing(self.connect()) as client:
            _stdin, stdout, stderr = client.exec_command(command, timeout=5)
            out, err = stdout.read().decode(), stderr.read().decode()
            return stdout.channel.recv_exit_status(), out, err


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.fleet.close()
    rig.machine.stop()
    await asyncio.sleep(0)


async def test_commands(rig: Rig) -> None:
    assert await asyncio.to_thread(rig.execute, "echo out; echo err >&2; exit 5") == (5, "out\n", "err\n")
    assert (await asyncio.to_thread(rig.execute, "sudo -n touch /var/run/reboot-required"))[0] == 0
    assert rig.machine.sentinel


async def test_private_key_is_private(rig: Rig) -> None:
    assert stat.S_IMODE((rig.directory / "id_ed25519").stat().st_mode) == 0o600


async def test_other_key_is_refused(rig: Rig) -> None:
    other = SshFleet(Faults())
    elsewhere = rig.directory / "other"
    elsewhere.mkdir()
    other.write_files(elsewhere)
    key = paramiko.Ed25519Key.from_private_key_file(str(elsewhere / "id_ed25519"))
    with pytest.raises(paramiko.AuthenticationException):
        await asyncio.to_thread(rig.connect, key)


async def test_connection_dies_under_a_reboot(rig: Rig) -> None:
    status, _out, _err = await asyncio.to_thread(rig.execute, "sudo /bin/systemctl reboot; sleep 5; echo never")
    assert status == -1
    assert rig.machine.guest_reboots == 1
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError):
        await asyncio.to_thread(rig.connect)
    await asyncio.sleep(0.4)
    assert (await asyncio.to_thread(rig.execute, "cat /proc/sys/kernel/random/boot_id"))[1].strip() == (
        rig.machine.boot_id
    )


async def test_faults(rig: Rig) -> None:
    refused = rig.faults.on("ssh-refused", node=NAME)
    with pytest.raises(paramiko.ssh_exception.NoValidConnectionsError):
        await asyncio.to_thread(rig.connect)
    rig.faults.off(refused.id)

    rig.faults.on("ssh-wrong-host-key", node=NAME, count=1)
    with pytest.raises(paramiko.BadHostKeyException):
        await asyncio.to_thread(rig.connect)

    rig.faults.on("ssh-hang", node=NAME, count=1)
    with pytest.raises(paramiko.SSHException):
        await asyncio.to_thread(rig.connect)

    assert (await asyncio.to_thread(rig.execute, "true"))[0] == 0


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs the OpenSSH client")
async def test_openssh_by_node_name(rig: Rig) -> None:
    ssh = await asyncio.create_subprocess_exec(
        "ssh", "-F", str(rig.directory / "ssh_config"), NAME, "hostname; exit 3", stdout=asyncio.subprocess.PIPE
    )
    out, _err = await ssh.communicate()
    assert (ssh.returncode, out) == (3, b"node-a\n")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs the OpenSSH client")
async def test_typing_at_a_prompt(rig: Rig) -> None:
    ssh = await asyncio.create_subprocess_exec(
        *("ssh", "-tt", "-F", str(rig.directory / "ssh_config"), NAME),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _err = await asyncio.wait_for(ssh.communicate(b"whoami\nfalse\nexit\n"), 5)
    assert ssh.returncode == 1
    assert b"azureuser@node-a:/home/azureuser$ " in out
    assert b"azureuser\r\n" in out
