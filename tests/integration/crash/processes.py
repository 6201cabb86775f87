# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook as a tree of processes that can be killed, frozen and woken whole or in part."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import (
    QUICK,
    clean_environment,
    playbook_command,
)
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, wait_until

_MARK = "CRASH_TEST_RUN"


class RunningPlaybook:
    """One ansible-playbook under way; its output goes to files below the cluster's directory."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        playbook: str,
        variables: Mapping[str, object],
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        # Workers have sessions of their own and are reparented when their controller dies; this mark stays with them.
        self._mark = secrets.token_hex(8)
        self.output_file = cluster.directory / f"{playbook}-{self._mark}.log"
        home = cluster.directory / "home"
        home.mkdir(exist_ok=True)
        more = {**cluster.service_principal(), "PYTHONUNBUFFERED": "1", _MARK: self._mark, **(environment or {})}
        with self.output_file.open("wb") as output:
            self.popen = subprocess.Popen(
                [*playbook_command(cluster, playbook, {**QUICK, **variables}), *arguments],
                env=clean_environment(home, more),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.output_file.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def finish(self, seconds: float = 90.0) -> int:
        """Wait for its end; returns the exit code."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"the run has not ended within {seconds:.0f} s:\n{self.output}") from error

    def clear_away(self) -> None:
        """Leave no process behind, however the test ended."""
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.popen.wait(10)

    def tree(self) -> list[psutil.Process]:
        """All its processes, also those whose parent is gone."""
        return processes_with(_MARK, self._mark)

    def workers(self) -> list[psutil.Process]:
        """The controller's own children: one per task under way."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.popen.pid).children()
        return []

    def kill(self) -> None:
        """End every process at once, as a machine that loses its power does, and see that none is left."""
        for process in self.freeze():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.popen.wait(10)
        wait_until(lambda: not self.tree(), "no process of the killed run is left", 10)

    def freeze(self) -> list[psutil.Process]:
        """Stop the parent first, then all its descendants, until no new one shows up; returns them."""
        stopped: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.popen.pid)
            parent.suspend()
            stopped[parent.pid] = parent
            while fresh := [child for child in parent.children(recursive=True) if child.pid not in stopped]:
                for child in fresh:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.suspend()
                    stopped[child.pid] = child
        return list(stopped.values())

    def wake(self) -> None:
        for process in reversed(self.tree()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def kill_controller(self) -> None:
        """Kill the parent alone."""
        self.popen.kill()
        self.popen.wait(10)

    def interrupt(self, number: signal.Signals) -> None:
        """What a terminal does on Ctrl-C, and many CI systems on a cancel: the signal goes to the process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def processes_with(name: str, value: str) -> list[psutil.Process]:
    """The processes that have an environment variable of this value."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def log_of(directory: Path) -> str:
    """All output of all playbooks on a cluster, for the message of a failed test."""
    files = sorted(directory.glob("*.log"), key=lambda path: path.stat().st_mtime)
    texts = [f"--- {path.name}\n{path.read_text(encoding='utf-8', errors='replace')}" for path in files]
    return "\n".join(texts)
