# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements on simulated clusters: what the collection costs, and how that compares, in one run on one machine.

`python benchmarks/run.py` measures everything, `python benchmarks/run.py drain requests` only that. Absolute times
depend on the machine, ratios hardly do. Nothing passes or fails here.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.kubeops.aks_reboot.tests.integration.modules import drain, own_requests, take
from ansible_collections.kubeops.aks_reboot.tests.integration.playbook import PlaybookRun, run_playbook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster, wait_until
from ansible_collections.kubeops.aks_reboot.tests.integration.workloads import budget, deployment

PODS = 50
AT_ONCE = 10
STOP_SECONDS = 3
LARGE = 5000


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the collection costs on simulated clusters.")
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"any of {', '.join(BENCHMARKS)}; default: all")
    chosen = parser.parse_args().what or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        parser.error(f"{unknown[0]!r} is none of {', '.join(BENCHMARKS)}")
    for name in chosen:
        BENCHMARKS[name]()
    return 0


@contextmanager
def cluster_of(**options: Any) -> Iterator[SimulatedCluster]:
    """A simulated cluster that ends with the ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="aks-reboot-bench-") as directory:
        cluster = SimulatedCluster(Path(directory) / "cluster")
        try:
            cluster = SimulatedCluster.start(cluster.directory, **options)
            yield cluster
        finally:
            cluster.stop()


def measure_drain() -> None:
    title(f"Drain of {PODS} pods that take {STOP_SECONDS} s to stop; their budget lets {AT_ONCE} go at once")
    rows = []
    for name, measured in (("kubectl drain", kubectl_drain), ("node_drain", own_drain)):
        with cluster_of(nodes=2) as cluster:
            rows.append((name, *measured(cluster, fill(cluster))))
    for name, seconds, requests in rows:
        print(f"{name:20}{seconds:8.1f} s{requests:8} API requests")
    (_kubectl, kubectl_seconds, kubectl_requests), (_own, own_seconds, own_requests_made) = rows
    print(f"{'ratio':20}{own_seconds / kubectl_seconds:8.2f}  {own_requests_made / kubectl_requests:8.2f}")


def fill(cluster: SimulatedCluster) -> str:
    """Put all pods on one node, whose name is returned, with room for them on the other."""
    other, node = cluster.names
    web = deployment("web", PODS)
    annotations = web["spec"]["template"]["metadata"]["annotations"]
    annotations["simulator.kubeops/stop-seconds"] = str(STOP_SECONDS)
    cluster.kubectl("cordon", other)
    cluster.apply(web, budget("web", maxUnavailable=AT_ONCE))
    wait_until(lambda: cluster.get("pdb", "web").get("status", {}).get("currentHealthy") == PODS, "all run", 60)
    cluster.kubectl("uncordon", other)
    return node


def kubectl_drain(cluster: SimulatedCluster, node: str) -> tuple[float, int]:
    def count() -> int:
        return sum(entry["user_agent"].startswith("kubectl") for entry in cluster.requests(server="api"))

    before, started = count(), time.monotonic()
    cluster.kubectl("drain", node, "--ignore-daemonsets", "--force", "--delete-emptydir-data")
    return time.monotonic() - started, count() - before


def own_drain(cluster: SimulatedCluster, node: str) -> tuple[float, int]:
    take(cluster, node)
    before, started = len(own_requests(cluster)), time.monotonic()
    drain(cluster, node)
    return time.monotonic() - started, len(own_requests(cluster)) - before


def measure_rolling() -> None:
    title("Rolling reboot of 3 nodes, without what their drains and boots take")
    with cluster_of(nodes=4, required=3, scenario={"objects": [deployment("web", 6)]}) as cluster:
        plan = run_playbook(cluster, "plan", echo=False)
        run = done(run_playbook(cluster, echo=False))
    phases = sum(sum(node["seconds"].values()) for node in run.report["nodes"])
    print(f"{'whole run':20}{run.seconds:8.1f} s")
    print(f"{'drains and boots':20}{phases:8.1f} s (to the second each)")
    print(f"{'rest':20}{run.seconds - phases:8.1f} s, of which a plan alone takes {plan.seconds:.1f} s")
    print(f"{'rest per node':20}{(run.seconds - phases - plan.seconds) / 3:8.1f} s")


def measure_node_info() -> None:
    title(f"node_info on {LARGE} nodes")
    with cluster_of(nodes=LARGE, heartbeat_seconds=LARGE / 20) as cluster:
        child = [sys.executable, str(Path(__file__).with_name("node_info_child.py")), str(cluster.kubeconfig)]
        answer = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
    print(f"{'nodes':20}{answer['nodes']:8}")
    print(f"{'imports':20}{answer['import_seconds']:8.1f} s")
    print(f"{'run':20}{answer['seconds']:8.1f} s")
    print(f"{'peak memory':20}{answer['peak_mb']:8.0f} MB above the {answer['python_mb']:.0f} MB of Python itself")


def measure_requests() -> None:
    title("API and ARM requests for each rebooted node, beside what a run costs anyway")
    found = {}
    for size in (10, 1000):
        heartbeat = max(0.5, size / 20)
        with cluster_of(nodes=size, required=1, heartbeat_seconds=heartbeat) as cluster:
            one = count_requests(cluster, 1)
            for name in cluster.names[-2:]:
                cluster.require_reboot(name)
            two = count_requests(cluster, 2)
        found[size] = two - one
        print(f"{size:6} nodes: {two - one:4} for each node, {one - (two - one):4} for the run")
    print(f"{'ratio':12}{found[1000] / found[10]:7.2f}")


def count_requests(cluster: SimulatedCluster, expected: int) -> int:
    """The requests of a run that reboots ``expected`` nodes."""

    def count() -> int:
        return len(own_requests(cluster)) + len(cluster.requests(server="arm"))

    before = count()
    run = done(run_playbook(cluster, seconds=600, echo=False))
    if len(run.outcomes) != expected:
        raise RuntimeError(f"{len(run.outcomes)} nodes were rebooted instead of {expected}")
    return count() - before


def done(run: PlaybookRun) -> PlaybookRun:
    if run.rc != 0:
        raise RuntimeError(f"the playbook ended with {run.rc}: {run.output[-2000:]}")
    return run


def title(text: str) -> None:
    print(f"\n## {text}\n", flush=True)


BENCHMARKS: dict[str, Callable[[], None]] = {
    "drain": measure_drain,
    "rolling": measure_rolling,
    "node_info": measure_node_info,
    "requests": measure_requests,
}

if __name__ == "__main__":
    sys.exit(main())
