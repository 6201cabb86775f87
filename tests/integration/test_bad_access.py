# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials and addresses that are wrong: one clear line each, nothing changed, no secret told."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.conftest import Simulate
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import PlaybookRun, run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster

LONGEST_LINE = 800


@pytest.fixture(scope="module")
def untouched(simulate_shared: Simulate) -> SimulatedCluster:
    """Two nodes, one of which requires a reboot, for runs that change nothing."""
    return simulate_shared(nodes=2, required=1)


def check(cluster: SimulatedCluster, run: PlaybookRun, *told: str) -> None:
    """The run ended with 2 and a last line that says ``told``; nothing was changed, no secret was printed."""
    assert run.rc == 2
    for text in told:
        assert text in run.errors[-1]
    assert len(run.errors[-1]) < LONGEST_LINE
    assert "Traceback" not in run.output
    assert "errantly sent data" not in run.output
    environment = cluster.environment()
    token = cluster.kubeconfig.read_text(encoding="utf-8").partition("token: ")[2].split()[0]
    for secret in (environment["AZURE_CLIENT_SECRET"], token, "a-wrong-secret", "a-wrong-token"):
        assert secret not in run.output
    assert cluster.restart_posts() == []
    assert cluster.left_behind() == []


def kubeconfig(cluster: SimulatedCluster, kind: str, directory: Path) -> Path:
    """A kubeconfig file that is wrong in a certain way."""
    path = directory / "kubeconfig"
    text = cluster.kubeconfig.read_text(encoding="utf-8")
    if kind == "bad token":
        text = text.replace(text.partition("token: ")[2].split()[0], "a-wrong-token")
    elif kind == "unreachable":
        text = text.replace(text.partition("server: ")[2].split()[0], f"https://127.0.0.1:{free_port()}")
    elif kind == "garbage":
        text = "{[this is no YAML"
    else:
        return path
    path.write_text(text, encoding="utf-8")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("missing", "does not exist"),
        ("garbage", "is not a kubeconfig file"),
        ("bad token", "401"),
        ("unreachable", "cannot be reached"),
    ],
)
def test_kubeconfig(untouched: SimulatedCluster, tmp_path: Path, kind: str, told: str) -> None:
    path = kubeconfig(untouched, kind, tmp_path)
    run = run_playbook(untouched, kured_reboot_kubeconfig=str(path))
    check(untouched, run, told)
    assert len(run.errors) == 1


@dataclass(frozen=True)
class Azure:
    """``environment`` and ``variables`` that are wrong (None: not set at all), and what has to be told."""

    told: tuple[str, ...]
    environment: dict[str, str | None] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)


NAMES = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")

AZURE = {
    "bad secret": Azure(("credentials",), {"AZURE_CLIENT_SECRET": "a-wrong-secret"}),
    "no credentials": Azure(("credentials",), dict.fromkeys(NAMES)),
    "blank credentials": Azure(("credentials",), dict.fromkeys(NAMES, "")),
    "unreachable": Azure(
        ("https://127.0.0.1:PORT", "cannot be reached"),
        variables={"kured_reboot_arm_endpoint": "https://127.0.0.1:PORT"},
    ),
    "unknown authority": Azure(("CERTIFICATE_VERIFY_FAILED",), variables={"kured_reboot_azure_ca_file": ""}),
}


@pytest.mark.parametrize("case", AZURE.values(), ids=AZURE)
def test_azure(untouched: SimulatedCluster, case: Azure) -> None:
    port = str(free_port())
    variables: dict[str, Any] = {key: str(value).replace("PORT", port) for key, value in case.variables.items()}
    merged = {**untouched.service_principal(), **case.environment}
    environment = {name: value for name, value in merged.items() if value is not None}
    run = run_playbook(untouched, environment=environment, **variables)
    check(untouched, run, *(text.replace("PORT", port) for text in case.told))
    assert run.outcomes == {untouched.names[1]: "failed"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("wrong key", "was not let in"),
        ("no key file", "does not exist"),
        ("wrong host key", "host key"),
        ("no known hosts", "does not exist"),
    ],
)
def test_ssh(untouched: SimulatedCluster, tmp_path: Path, kind: str, told: str) -> None:
    path = tmp_path / "file"
    key = asyncssh.generate_private_key("ssh-ed25519")
    if kind == "wrong key":
        path.write_bytes(key.export_private_key())
    elif kind == "wrong host key":
        known = (untouched.directory / "known_hosts").read_text(encoding="utf-8").splitlines()
        foreign = key.export_public_key().decode()
        path.write_text("".join(f"{line.split()[0]} {foreign}" for line in known), encoding="utf-8")
    option = "private_key_file" if "key file" in kind or kind == "wrong key" else "known_hosts_file"
    variables: dict[str, Any] = {f"kured_reboot_ssh_{option}": str(path)}
    run = run_playbook(untouched, **variables)
    check(untouched, run, told)
