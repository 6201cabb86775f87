# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small cluster on which runs are killed, and the quick settings with which it is done."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.invariants import history, judge, left_behind
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.processes import RunningPlaybook, log_of
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import USER_AGENT, SimulatedCluster

TTL = 4
MARGIN = 1
HORIZON = 5

QUICK_LOCK: Mapping[str, object] = {
    "kured_reboot_lock_ttl": TTL,
    "kured_reboot_lock_margin": MARGIN,
    "kured_reboot_restart_horizon": HORIZON,
}

_WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web"}]},
        },
    },
}

SCENARIO: Mapping[str, Any] = {
    "nodes": {
        0: {"cordoned": True},
        1: {"required": True, "since": 7200},
        2: {"required": True, "since": 3600, "cordoned": True},
    },
    "objects": [_WEB],
    "settings": {"pod_start_seconds": 0.05, "pod_stop_seconds": 0.05, "lro_seconds": 0.1, "node_ready_seconds": 0.05},
}


class CrashCluster:
    """Four nodes. Numbers 1 and 2 require a reboot; somebody else has cordoned numbers 0 and 2 before us."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        scenario = {**SCENARIO, **changes}
        pools = ("--pools", "name=system,count=1,mode=System", "--pools", "name=user,count=3,zones=1/2/3")
        self.cluster = SimulatedCluster.start(
            directory, *pools, scenario=scenario, boot_seconds=0.3, heartbeat_seconds=0.4
        )
        self.names = self.cluster.names
        self.required = [self.names[number] for number, node in scenario["nodes"].items() if node.get("required")]
        self.others = [self.names[number] for number, node in scenario["nodes"].items() if node.get("cordoned")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.cluster.stop()

    def start(
        self, playbook: str = "reboot", *, environment: Mapping[str, str] | None = None, **variables: object
    ) -> RunningPlaybook:
        return RunningPlaybook(self.cluster, playbook, {**QUICK_LOCK, **variables}, environment=environment)

    def run(self, playbook: str = "reboot", **variables: object) -> tuple[int, str]:
        """Exit code and output of a playbook that runs to its end."""
        started = self.start(playbook, **variables)
        code = started.finish()
        return code, started.output

    def wait_for_expiry(self) -> None:
        """Until every entry of the ledger counts as expired, by the server's clock of whole seconds."""
        for holder in self.holders():
            renewed = datetime.fromisoformat(holder["renewed"])
            age = (datetime.now(UTC) - renewed).total_seconds()
            time.sleep(max(0.0, holder["ttl"] + MARGIN + 1.1 - age))

    def holders(self) -> list[dict[str, Any]]:
        """The slots in use, by the simulator's record."""
        ledgers = [entry["holders"] for entry in history(self.cluster) if entry["kind"] == "lease"]
        return list(json.loads(ledgers[-1] or "[]")) if ledgers else []

    def writes(self) -> int:
        """How many writes the collection has sent to the Kubernetes API so far, refused ones included."""
        requests = self.cluster.requests(server="api", user_agent=USER_AGENT)
        return sum(request["method"] != "GET" for request in requests)

    def problems(self, *, concurrency: int = 1, needs: Mapping[str, int] | None = None) -> list[str]:
        """What is wrong after all runs have ended well: with the record of all time, or with what is left now."""
        verdict = judge(history(self.cluster), concurrency=concurrency, others=self.others, needs=needs)
        wrong = [*verdict.broken, *left_behind(self.cluster, others=self.others)]
        for name, machine in self.cluster.state()["nodes"].items():
            if machine["sentinel"]:
                wrong.append(f"{name} still requires a reboot")
            if name in self.required and machine["boots"] != 1:
                wrong.append(f"{name} has booted {machine['boots']} times")
            if name not in self.required and machine["boots"]:
                wrong.append(f"{name} was rebooted without need")
        return wrong

    def log(self) -> str:
        return log_of(self.cluster.directory)
