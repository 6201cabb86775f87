# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small cluster on which runs are killed, and the quick settings with which it is done."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.invariants import (
    history,
    judge,
    ledger,
    left_behind,
)
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.processes import RunningPlaybook, log_of
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import (
    USER_AGENT,
    SimulatedCluster,
    wait_until,
)

TTL = 4
MARGIN = 1
HORIZON = 5

POOLS = ("name=system,count=1,mode=System", "name=user,count=3,zones=1/2/3")

QUICK_LOCK: Mapping[str, object] = {
    "kured_reboot_lock_ttl": TTL,
    "kured_reboot_lock_margin": MARGIN,
    "kured_reboot_restart_horizon": HORIZON,
}


def web(stop_seconds: float = 0.05) -> dict[str, Any]:
    """A Deployment whose pods take so long to stop."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {
                    "labels": {"app": "web"},
                    "annotations": {"simulator.kubeops/stop-seconds": str(stop_seconds)},
                },
                "spec": {
                    "terminationGracePeriodSeconds": 30,
                    "containers": [{"name": "web", "image": "web"}],
                },
            },
        },
    }


SCENARIO: Mapping[str, Any] = {
    "nodes": {
        0: {"cordoned": True},
        1: {"required": True, "since": 7200},
        2: {"required": True, "since": 3600, "cordoned": True},
    },
    "objects": [web()],
    "settings": {"pod_start_seconds": 0.05, "pod_stop_seconds": 0.05, "lro_seconds": 0.1, "node_ready_seconds": 0.05},
}


class CrashCluster:
    """Four nodes. Numbers 1 and 2 require a reboot; somebody else has cordoned numbers 0 and 2 before us."""

    def __init__(self, directory: Path, *, pools: Sequence[str] = POOLS, **changes: Any) -> None:
        scenario = {**SCENARIO, **changes}
        flags = [text for pool in pools for text in ("--pools", pool)]
        self.cluster = SimulatedCluster.start(
            directory, *flags, scenario=scenario, boot_seconds=0.3, heartbeat_seconds=0.4
        )
        self._started: list[RunningPlaybook] = []
        self.names = self.cluster.names
        self.required = [self.names[number] for number, node in scenario["nodes"].items() if node.get("required")]
        self.others = [self.names[number] for number, node in scenario["nodes"].items() if node.get("cordoned")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for playbook in self._started:
            playbook.clear_away()
        self.cluster.stop()

    def start(
        self, playbook: str = "reboot", *, environment: Mapping[str, str] | None = None, **variables: Any
    ) -> RunningPlaybook:
        started = RunningPlaybook(self.cluster, playbook, {**QUICK_LOCK, **variables}, environment=environment)
        self._started.append(started)
        return started

    def run(self, playbook: str = "reboot", **variables: Any) -> tuple[int, str]:
        """Exit code and output of a playbook that runs to its end."""
        started = self.start(playbook, **variables)
        code = started.finish()
        return code, started.output

    def must_succeed(self, playbook: str = "reboot", **variables: Any) -> None:
        code, _output = self.run(playbook, **variables)
        assert code == 0, self.log()

    def wait_for_evictions(self) -> None:
        """Until a run drains the first node."""
        wait_until(
            lambda: any(entry["path"].endswith("/eviction") for entry in self.cluster.requests(method="POST")),
            "pods are evicted",
            60,
        )

    def wait_for_expiry(self) -> None:
        """Until every entry of the ledger counts as expired, by the server's clock of whole seconds."""
        for holder in self.holders():
            renewed = datetime.fromisoformat(holder["renewed"])
            age = (datetime.now(UTC) - renewed).total_seconds()
            time.sleep(max(0.0, holder["ttl"] + MARGIN + 1.1 - age))

    def holders(self) -> list[dict[str, Any]]:
        """The slots in use."""
        return ledger(self.cluster)

    def journal(self, name: str) -> dict[str, Any]:
        """The journal on a node, by the simulator's record; empty when there is none."""
        texts = [
            entry["journal"] for entry in history(self.cluster) if (entry["kind"], entry["name"]) == ("node", name)
        ]
        return dict(json.loads(texts[-1] or "{}"))

    def machines(self) -> dict[str, dict[str, Any]]:
        return dict(self.cluster.state()["nodes"])

    def writes(self) -> list[dict[str, Any]]:
        """The writes that the collection has sent to the Kubernetes API so far, refused ones included."""
        requests = self.cluster.requests(server="api", user_agent=USER_AGENT)
        return [request for request in requests if request["method"] != "GET"]

    def touched_since(self, writes: int) -> list[str]:
        """What the collection wrote after its first ``writes`` writes, but for the lock and for what was refused."""
        later = [entry for entry in self.writes()[writes:] if 0 < (entry["status"] or 0) < 400]
        return [f"{entry['method']} {entry['path']}" for entry in later if "/leases" not in entry["path"]]

    def left(self) -> list[str]:
        """What of ours is left now."""
        return left_behind(self.cluster, others=self.others)

    def problems(self, *, concurrency: int = 1, needs: Mapping[str, int] | None = None) -> list[str]:
        """What is wrong after all runs have ended well: with the record of all time, or with what is left now."""
        verdict = judge(history(self.cluster), concurrency=concurrency, others=self.others, needs=needs)
        wrong = [*verdict.broken, *left_behind(self.cluster, others=self.others)]
        for name, machine in self.machines().items():
            if machine["sentinel"]:
                wrong.append(f"{name} still requires a reboot")
            if name in self.required and machine["boots"] != 1:
                wrong.append(f"{name} has booted {machine['boots']} times")
            if name not in self.required and machine["boots"]:
                wrong.append(f"{name} was rebooted without need")
        return wrong

    def log(self) -> str:
        return log_of(self.cluster.directory)
