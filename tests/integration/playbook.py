# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the real ansible-playbook on a simulated cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, tool

SETTINGS = Path(__file__).resolve().parent.parent / "ansible.cfg"

QUICK: Mapping[str, object] = {"kured_reboot_poll_interval": 1}


@dataclass(frozen=True)
class PlaybookRun:
    """``report`` is the JSON report, empty when none was written; ``seconds`` is the wall time."""

    rc: int
    stdout: str
    stderr: str
    report: dict[str, Any]
    seconds: float

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each planned node, by name, in the order of the plan."""
        return {node["name"]: node["outcome"] for node in self.report["nodes"]}

    @property
    def left(self) -> dict[str, str]:
        """The reason of each node that was not planned, by name."""
        return {row["name"]: row["reason"] for row in self.report["left"]}

    def node(self, name: str) -> dict[str, Any]:
        """A planned node's row of the report."""
        return next(node for node in self.report["nodes"] if node["name"] == name)

    @property
    def errors(self) -> list[str]:
        """The lines in which Ansible reports a failed task, in order."""
        return [line for line in self.output.splitlines() if line.startswith("[ERROR]")]

    @property
    def tasks(self) -> list[str]:
        """The titles of the tasks that ran, in order."""
        return re.findall(r"^TASK \[(.*)\] \*+$", self.stdout, re.MULTILINE)


def clean_environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which nothing of whoever runs the tests is left, and no cluster is named."""
    return {
        "PATH": f"{Path(tool('ansible-playbook')).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(SETTINGS),
        "ANSIBLE_COLLECTIONS_PATH": sysconfig.get_path("purelib"),
        "ANSIBLE_HOME": str(home / "ansible"),
        **(more or {}),
    }


def playbook_command(cluster: SimulatedCluster, playbook: str, variables: Mapping[str, object]) -> list[str]:
    """The command that runs a playbook of the collection on ``cluster``."""
    return [
        tool("ansible-playbook"),
        f"kubeops.aks_reboot.{playbook}",
        *("-e", f"@{cluster.variables_file}"),
        *("-e", json.dumps(dict(variables))),
    ]


def run_playbook(
    cluster: SimulatedCluster,
    playbook: str = "reboot",
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    seconds: float = 120,
    echo: bool = True,
    **variables: object,
) -> PlaybookRun:
    """Run ``playbook`` on ``cluster`` with more ``arguments`` and ``variables``.

    The service principal is in the environment, unless ``environment`` says what is to be there instead. A run that
    takes longer than ``seconds`` fails the test. ``echo`` writes its output, of which pytest shows that of failures.
    """
    report = cluster.directory / f"report-{time.monotonic_ns()}.json"
    given = {**QUICK, "kured_reboot_report_json": str(report), **variables}
    home = cluster.directory / "home"
    home.mkdir(exist_ok=True)
    started = time.monotonic()
    done = subprocess.run(
        [*playbook_command(cluster, playbook, given), *arguments],
        env=clean_environment(home, cluster.service_principal() if environment is None else environment),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    took = time.monotonic() - started
    written = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    run = PlaybookRun(done.returncode, done.stdout, done.stderr, written, took)
    if echo:
        sys.stdout.write(run.output)
    return run
