# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated cluster as tests, the demo and the benchmarks use it: started, asked, disturbed and always stopped."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import yaml

from ansible_collections.kubeops.aks_reboot.tests.simulator import control

SIMULATOR = "ansible_collections.kubeops.aks_reboot.tests.simulator"
USER_AGENT = "kubeops.aks_reboot"
"""How the collection names itself to the Kubernetes API."""

Object = dict[str, Any]


def tool(name: str) -> str:
    """The program ``name`` of the Python environment that runs us."""
    return str(Path(sys.executable).with_name(name))


def wait_until(met: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until ``met()`` is true, ``seconds`` at most; ``what`` names it when it never is."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


@dataclass
class SimulatedCluster:
    """One running simulator with its files in ``directory``; ``names`` are its nodes, in the order of their numbers."""

    directory: Path
    names: list[str] = field(default_factory=list)

    @classmethod
    def start(
        cls, directory: Path, *arguments: str, scenario: Mapping[str, Any] | None = None, **options: object
    ) -> SimulatedCluster:
        """Start one: ``options`` are those of `up`, with underscores; boots are quick unless told otherwise."""
        given = {"boot_seconds": 0.5, "heartbeat_seconds": 0.5, **options}
        flags = [text for name, value in given.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        directory.mkdir(parents=True, exist_ok=True)
        if scenario is not None:
            path = directory / "scenario.yml"
            path.write_text(yaml.safe_dump(dict(scenario)), encoding="utf-8")
            flags += ["--scenario", str(path)]
        command = [sys.executable, "-m", SIMULATOR, "up", "--dir", str(directory), *flags, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the simulator did not start: {done.stdout}{done.stderr}")
        made = cls(directory)
        made.names = list(made.state()["nodes"])
        return made

    def stop(self) -> None:
        control.stop(self.directory)

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def variables_file(self) -> Path:
        return self.directory / "vars.yml"

    def variables(self) -> Object:
        """The playbooks' connection variables."""
        return dict(yaml.safe_load(self.variables_file.read_text(encoding="utf-8")))

    def environment(self) -> dict[str, str]:
        """What DIR/env exports."""
        lines = (self.directory / "env").read_text(encoding="utf-8").splitlines()
        pairs = (shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines)
        return {name: value for name, _mark, value in pairs}

    def service_principal(self) -> dict[str, str]:
        """The environment variables of the service principal alone."""
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        return {name: value for name, value in self.environment().items() if name in names}

    def state(self) -> Object:
        return dict(control.request(self.directory, "state", requests=False))

    def machine(self, name: str) -> Object:
        return dict(self.state()["nodes"][name])

    def requests(self, **wanted: object) -> list[Object]:
        """The requests so far whose fields equal ``wanted`` (server, method, path, status, user_agent)."""
        log = control.request(self.directory, "state", requests=True)["request_log"]
        return [entry for entry in log if all(entry[name] == value for name, value in wanted.items())]

    def boots(self, *names: str) -> list[int]:
        """How often the machines of these nodes, or of all, have booted since the cluster was started."""
        machines = self.state()["nodes"]
        return [machines[name]["boots"] for name in names or self.names]

    def restart_posts(self, name: str = "") -> list[Object]:
        """The requests for a restart of one node's machine, or of any, that reached ARM, whatever came of them."""
        machine = self.node(name)["spec"]["providerID"].removeprefix("azure://").lower() if name else ""
        posts = self.requests(server="arm", method="POST")
        return [entry for entry in posts if entry["path"].lower().endswith(f"{machine}/restart")]

    def fault(self, kind: str, **options: object) -> int:
        """Switch a fault on; returns its number."""
        return int(control.request(self.directory, "fault-on", kind=kind, **options)["id"])

    def fault_off(self, number: int | None = None) -> None:
        control.request(self.directory, "fault-off", id=number)

    def fault_hits(self, number: int) -> int:
        return sum(fault["hits"] for fault in control.request(self.directory, "fault-list") if fault["id"] == number)

    def require_reboot(self, name: str) -> None:
        """Put the sentinel there, as a user would by hand."""
        self.ssh(name, "sudo touch /var/run/reboot-required")

    def ssh(self, name: str, command: str) -> str:
        """What ``command`` prints on the node."""
        access = self.variables()
        addresses = self.node(name)["status"]["addresses"]
        address = next(item["address"] for item in addresses if item["type"] == "InternalIP")
        with paramiko.SSHClient() as client:
            client.load_host_keys(access["kured_reboot_ssh_known_hosts_file"])
            client.connect(
                address,
                access["kured_reboot_ssh_port"],
                access["kured_reboot_ssh_user"],
                key_filename=access["kured_reboot_ssh_private_key_file"],
                allow_agent=False,
                look_for_keys=False,
            )
            _stdin, stdout, _stderr = client.exec_command(command, timeout=30)
            printed = stdout.read().decode()
            assert stdout.channel.recv_exit_status() == 0, f"{command} failed on {name}: {printed}"
        return printed

    def kubectl(self, *arguments: str, stdin: str = "", ok: bool = True) -> str:
        """What kubectl prints; it must succeed, or fail if not ``ok``."""
        base = [tool("kubectl"), "--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.directory / "cache")]
        done = subprocess.run(
            [*base, *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def get(self, *arguments: str) -> Object:
        return dict(json.loads(self.kubectl("get", "-o", "json", *arguments)))

    def apply(self, *manifests: Object) -> None:
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def node(self, name: str) -> Object:
        return self.get("node", name)

    def cordoned(self) -> list[str]:
        """The nodes that are cordoned, by whomever."""
        return [
            str(item["metadata"]["name"])
            for item in self.get("nodes")["items"]
            if item["spec"].get("unschedulable", False)
        ]

    def holders(self) -> list[Object]:
        """The slots in use, from the lock's Lease."""
        leases = self.get("leases", "-n", "kube-system")["items"]
        return [
            holder
            for lease in leases
            for holder in json.loads((lease["metadata"].get("annotations") or {}).get("aks-reboot/holders", "[]"))
        ]

    def journals(self) -> dict[str, Object]:
        """The journals on the nodes, by node."""
        found = {}
        for item in self.get("nodes")["items"]:
            text = (item["metadata"].get("annotations") or {}).get("aks-reboot/journal")
            if text is not None:
                found[item["metadata"]["name"]] = json.loads(text)
        return found

    def left_behind(self) -> list[str]:
        """What of ours is left in the cluster, one text each; nothing after a run that ended well.

        The mark of the last reboot may stay, it is there for the next run.
        """
        left = [f"slot of {holder['node']}" for holder in self.holders()]
        for item in self.get("nodes")["items"]:
            name = item["metadata"]["name"]
            annotations = item["metadata"].get("annotations") or {}
            left += [
                f"annotation {key} of {name}"
                for key in annotations
                if (key.startswith("aks-reboot/") and key != "aks-reboot/last-reboot")
                or key == "cluster-autoscaler.kubernetes.io/scale-down-disabled"
            ]
            if item["spec"].get("unschedulable"):
                left.append(f"cordon of {name}")
            left += [f"taint {taint['key']} of {name}" for taint in item["spec"].get("taints") or [] if _ours(taint)]
        return left

    def assert_unchanged(self) -> None:
        """Nothing was restarted, and the collection has written nothing to the cluster."""
        assert self.restart_posts() == []
        assert sum(machine["guest_reboots"] for machine in self.state()["nodes"].values()) == 0
        written = [entry for entry in self.requests(server="api", user_agent=USER_AGENT) if entry["method"] != "GET"]
        assert written == []


def _ours(taint: Mapping[str, str]) -> bool:
    return "reboot" in taint["key"] or taint["key"] == "node.kubernetes.io/unschedulable"
