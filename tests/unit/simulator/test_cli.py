# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's command line, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.kubeops.aks_reboot.tests.simulator import control
from ansible_collections.kubeops.aks_reboot.tests.simulator.cli import main

needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="needs the OpenSSH client")
PACKAGE = "ansible_collections.kubeops.aks_reboot.tests.simulator"


def simulator(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", PACKAGE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("simulator") / "cluster"
    up = simulator("up", "--dir", path, "--nodes", "4", "--required", "2", "--boot-seconds", "0.3")
    assert up.returncode == 0, up.stderr
    assert len(up.stdout.splitlines()) == 2
    yield path
    assert simulator("down", "--dir", path).returncode == 0
    assert control.running_pid(path) is None
    assert not (path / "pid").exists()


def state(directory: Path, *arguments: str) -> Any:
    return json.loads(simulator("state", "--dir", directory, *arguments).stdout)


def test_files(directory: Path) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("kubeconfig", "env", "vars.yml", "id_ed25519", "server.key", "control.json"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600, name
    assert (directory / "simulator.log").read_text(encoding="utf-8") == ""
    assert len((directory / "known_hosts").read_text(encoding="utf-8").splitlines()) == 4
    variables = yaml.safe_load((directory / "vars.yml").read_text(encoding="utf-8"))
    assert variables["kured_reboot_kubeconfig"] == str(directory / "kubeconfig")
    assert variables["kured_reboot_arm_endpoint"].startswith("https://127.0.0.1:")
    script = f". {directory}/env && echo $AZURE_AUTHORITY_HOST"
    sourced = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert sourced.stdout.strip() == variables["kured_reboot_azure_authority"]


def test_state(directory: Path) -> None:
    shown = state(directory)
    assert len(shown["nodes"]) == 4
    assert sum(node["sentinel"] for node in shown["nodes"].values()) == 2
    for node in shown["nodes"].values():
        counters = {"boots", "restart_requests", "restarts_accepted", "guest_reboots"}
        assert set(node) == counters | {"sentinel", "power", "boot_id"}
        assert node["power"] == "running"
    assert set(shown["requests"]) == {"api", "arm", "entra"}
    assert state(directory, "--requests")["request_log"] == []
    assert {entry["kind"] for entry in state(directory, "--history")["history"]} == {"node", "machine"}


@needs_ssh
def test_sentinel_ages_do_not_follow_names(directory: Path) -> None:
    ages = []
    for name, node in state(directory)["nodes"].items():
        if node["sentinel"]:
            told = subprocess.run(
                ["ssh", "-F", str(directory / "ssh_config"), name, "stat -c %Y /var/run/reboot-required"],
                capture_output=True,
                text=True,
                check=True,
            )
            ages.append(int(told.stdout))
    assert ages[0] > ages[1]


def test_second_up_is_refused(directory: Path) -> None:
    again = simulator("up", "--dir", directory)
    assert again.returncode == 1
    assert "runs in" in again.stderr
    assert "down --dir" in again.stderr


def test_faults(directory: Path) -> None:
    node = min(state(directory)["nodes"])
    refusal = ("http-status", "--code", "409", "--server", "arm", "--node", node)
    on = json.loads(simulator("fault", "on", "--dir", directory, *refusal).stdout)
    assert (on["kind"], on["code"], on["hits"], on["held"]) == ("http-status", 409, 0, 0)
    hold = json.loads(simulator("fault", "on", "--dir", directory, "hold", "--path", "/leases/").stdout)
    listed = json.loads(simulator("fault", "list", "--dir", directory).stdout)
    assert [fault["id"] for fault in listed] == [on["id"], hold["id"]]
    assert simulator("fault", "release", "--dir", directory, str(on["id"])).returncode == 1
    assert simulator("fault", "release", "--dir", directory, str(hold["id"])).returncode == 0
    assert simulator("fault", "off", "--dir", directory, "all").stdout.strip() == "[]"
    missing = simulator("fault", "off", "--dir", directory, "99")
    assert (missing.returncode, missing.stderr) == (1, "fault: no fault has the number 99; on are: none\n")


@needs_ssh
def test_ssh_reboot_is_counted(directory: Path) -> None:
    name = max(state(directory)["nodes"])
    command = ["ssh", "-F", str(directory / "ssh_config"), name, "sudo systemctl reboot"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 255
    node = state(directory)["nodes"][name]
    assert (node["boots"], node["guest_reboots"], node["restart_requests"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--pools", "name=a,size=3"), "--pools: 'size=3' is none of name=..., count=..., "),
        (("--pools", "name=A"), "--pools: name='A' must be 1 to 12 lower-case letters and digits, a letter first"),
        (("--pools", "name=a,mode=Big"), "--pools: mode='Big' of pool a must be User or System"),
        (("--pools", "name=a", "--pools", "name=a"), "--pools: there are two pools called a"),
        (("--nodes", "2", "--required", "3"), "--required 3: there are only 2 nodes"),
        (("--nodes", "2", "--pools", "name=a"), "--nodes and --pools exclude each other"),
        (("--kubeconfig", "/nowhere/config"), "--kubeconfig /nowhere/config: no such file"),
        (("--scenario", "/nowhere/file"), "scenario /nowhere/file: No such file or directory"),
    ],
)
def test_bad_up(arguments: tuple[str, ...], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--foreground", "--dir", str(tmp_path), *arguments]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(f"up: {complaint}")
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_bad_up_in_the_background(tmp_path: Path) -> None:
    up = simulator("up", "--dir", tmp_path / "x", "--required", "9")
    assert (up.returncode, up.stderr) == (1, "up: --required 9: there are only 5 nodes\n")


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["state", "--dir", str(tmp_path)]) == 1
    assert "no simulator runs in" in capsys.readouterr().err
    assert main(["down", "--dir", str(tmp_path)]) == 0


def test_left_over_control_file(tmp_path: Path) -> None:
    content = {"port": 1, "token": "x", "pid": os.getpid()}
    (tmp_path / "control.json").write_text(json.dumps(content), encoding="utf-8")
    assert control.running_pid(tmp_path) is None
