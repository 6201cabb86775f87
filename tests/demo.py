# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rolling reboot of a simulated AKS cluster by the real playbooks, from the plan to the proof that all is well.

Exit status: 0 when everything is as it should be; 1 otherwise, with one line that says what is not.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import yaml

from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import clean_environment, playbook_command
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster

SCENARIO = Path(__file__).with_name("demo.yml")
NODES = 5
REQUIRED = 3
BOOT_SECONDS = 3.0


class Wrong(Exception):
    """Something is not as it should be; the message says what, in one line."""


class BudgetWatch:
    """Looks at the workload all the time, for whether its PodDisruptionBudget is kept."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.lowest = sys.maxsize
        self.needed = 0
        self.looks = 0
        self._cluster = cluster
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.3):
            status = self._cluster.get("pdb", "web").get("status") or {}
            if status.get("expectedPods"):
                self.needed = int(status["desiredHealthy"])
                self.lowest = min(self.lowest, int(status["currentHealthy"]))
                self.looks += 1


def main() -> int:
    say(f"A simulated AKS cluster of {NODES} nodes on loopback; {REQUIRED} of them require a reboot")
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_given: sys.exit(143))  # so that the simulator is stopped then, too
    with tempfile.TemporaryDirectory(prefix="aks-reboot-demo-") as name:
        cluster = SimulatedCluster(Path(name) / "cluster")
        try:
            cluster = SimulatedCluster.start(
                cluster.directory,
                scenario=yaml.safe_load(SCENARIO.read_text(encoding="utf-8")),
                nodes=NODES,
                required=REQUIRED,
                boot_seconds=BOOT_SECONDS,
            )
            show(cluster)
        except (Wrong, RuntimeError) as error:
            print(f"\nDemo failed: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nDemo interrupted", file=sys.stderr)
            return 130
        finally:
            cluster.stop()
    say(f"Everything is as it should be, after {time.monotonic() - started:.0f} s")
    return 0


def show(cluster: SimulatedCluster) -> None:
    """The demo itself. Raises Wrong."""
    due = {name for name, machine in cluster.state()["nodes"].items() if machine["sentinel"]}
    print(cluster.kubectl("get", "nodes"), cluster.kubectl("get", "deployments,pdb"), sep="\n")

    say("What would be done, and why: ansible-playbook kubeops.aks_reboot.plan")
    run(cluster, "plan", {})
    require(not cluster.restart_posts() and not cluster.cordoned(), "the plan has changed something")

    say("Now for real: ansible-playbook kubeops.aks_reboot.reboot")
    path = cluster.directory / "report.json"
    with BudgetWatch(cluster) as watch:
        run(cluster, "reboot", {"kured_reboot_poll_interval": 1, "kured_reboot_report_json": str(path)})
    wait_for_workload(cluster)

    say("What Kubernetes tells about it: kubectl get events")
    shown = "NODE:.involvedObject.name,REASON:.reason,MESSAGE:.message"
    by_node = ["--field-selector", "involvedObject.kind=Node", "--sort-by=.lastTimestamp"]
    print(cluster.kubectl("get", "events", *by_node, "-o", f"custom-columns={shown}"))

    summary = check(cluster, due, json.loads(path.read_text(encoding="utf-8")), watch)
    say("Checked")
    print("\n".join(summary))


def run(cluster: SimulatedCluster, playbook: str, variables: dict[str, object]) -> None:
    """Run a playbook with its output going where ours goes. Raises Wrong."""
    home = cluster.directory / "home"
    home.mkdir(exist_ok=True)
    environment = clean_environment(home, cluster.service_principal())
    if sys.stdout.isatty():
        environment["ANSIBLE_FORCE_COLOR"] = "1"
    sys.stdout.flush()
    done = subprocess.run(playbook_command(cluster, playbook, variables), env=environment, cwd=home, check=False)
    require(done.returncode == 0, f"the playbook {playbook} ended with {done.returncode}")


def wait_for_workload(cluster: SimulatedCluster, seconds: float = 15.0) -> None:
    """Pods that the last uncordon made room for may be starting yet. Raises Wrong."""
    deadline = time.monotonic() + seconds
    while ready(cluster) != wanted(cluster):
        require(time.monotonic() < deadline, f"only {ready(cluster)} of {wanted(cluster)} web pods are Ready")
        time.sleep(0.2)


def ready(cluster: SimulatedCluster) -> int:
    return int(cluster.get("deployment", "web")["status"].get("readyReplicas", 0))


def wanted(cluster: SimulatedCluster) -> int:
    return int(cluster.get("deployment", "web")["spec"]["replicas"])


def check(cluster: SimulatedCluster, due: set[str], report: dict[str, object], watch: BudgetWatch) -> list[str]:
    """What was found to be as it should be, one line each. Raises Wrong for the first thing that is not."""
    machines = cluster.state()["nodes"]
    for name in sorted(machines):
        machine, expected = machines[name], int(name in due)
        require(machine["boots"] == expected, f"{name} was booted {machine['boots']} times instead of {expected}")
        require(
            machine["restart_requests"] == expected,
            f"{name} got {machine['restart_requests']} restart requests instead of {expected}",
        )
        require(not machine["sentinel"], f"{name} still requires a reboot")
    left = cluster.left_behind()
    require(not left, f"left behind: {', '.join(left)}")
    nodes = cluster.get("nodes")["items"]
    not_ready = [item["metadata"]["name"] for item in nodes if not is_ready(item)]
    require(not not_ready, f"not Ready: {', '.join(not_ready)}")
    require(report["outcome"] == "done", f"the report says {report['outcome']}")
    require(watch.looks > 0, "nobody has looked at the PodDisruptionBudget")
    require(watch.lowest >= watch.needed, f"only {watch.lowest} web pods were healthy, the budget needs {watch.needed}")
    return [
        f"{len(due)} nodes required a reboot; each was rebooted once, by one restart request; no other was touched",
        f"{ready(cluster)} of {wanted(cluster)} web pods are Ready",
        f"never fewer than {watch.lowest} were healthy; the budget needs {watch.needed} ({watch.looks} looks)",
        "no cordon, lock, annotation or taint is left; no node requires a reboot any more",
    ]


def is_ready(node: dict[str, dict[str, list[dict[str, str]]]]) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in node["status"]["conditions"])


def require(met: bool, problem: str) -> None:
    if not met:
        raise Wrong(problem)


def say(text: str) -> None:
    print(f"\n### {text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
