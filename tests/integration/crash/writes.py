# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of a run, one by one: each stops at the simulator's gate, gets a name, and is let through or not."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.invariants import ledger
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.processes import RunningPlaybook
from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster
from ansible_collections.kubeops.aks_reboot.tests.simulator import control

Object = dict[str, Any]
_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Write:
    """One write that waits at the gate: what ``kind`` it is to the protocol (``node cordon``), on which node or other
    object, and the how many-eth of that kind on it."""

    id: int
    kind: str
    subject: str
    count: int

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}" + (f" #{self.count}" if self.count > 1 else "")


@dataclass
class Gate:
    """The gate of one cluster, closed while it is in use."""

    cluster: SimulatedCluster
    _names: Namer = field(init=False)
    _known: set[tuple[int, bool]] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._names = Namer(ledger(self.cluster))
        control.request(self.cluster.directory, "gate-close")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.open("lost")

    def open(self, how: str | None = "through") -> None:
        """Nobody waits any more; those who wait go on in the way ``how``, or wait on for None."""
        control.request(self.cluster.directory, "gate-open", how=how)

    def drop_all_but(self, write: Write) -> None:
        """The writes of a run that is dead: all are lost but one, which goes on waiting."""
        for item in self.waiting():
            if item["id"] != write.id:
                control.request(self.cluster.directory, "gate-decide", id=item["id"], how="lost")
        self.open(None)

    def decide(self, write: Write, how: str) -> None:
        control.request(self.cluster.directory, "gate-decide", id=write.id, how=how)

    def carry_out(self, write: Write) -> None:
        """Carry it out, and keep its answer back."""
        self.decide(write, "unanswered")
        deadline = time.monotonic() + 10
        while not any(item["id"] == write.id and item["carried_out"] for item in self.waiting()):
            assert time.monotonic() < deadline, f"{write} was not carried out"
            time.sleep(_LOOK_SECONDS)

    def writes(self, playbook: RunningPlaybook, seconds: float = 90) -> Iterator[Write]:
        """Each write in order of arrival, until the playbook ends. Whoever takes one decides on it."""
        deadline = time.monotonic() + seconds
        while playbook.running:
            assert time.monotonic() < deadline, f"the run did not end:\n{playbook.output}"
            for item in self.waiting():
                if item["id"] not in self._known:
                    self._known.add(item["id"])
                    yield self._names.name(item)
            time.sleep(_LOOK_SECONDS)

    def until(self, playbook: RunningPlaybook, name: str) -> Write | None:
        """Let all writes through up to the one called ``name``, which waits; None when it never comes."""
        for write in self.writes(playbook):
            if str(write) == name:
                return write
            self.decide(write, "through")
        return None

    def waiting(self) -> list[Object]:
        return list(control.request(self.cluster.directory, "gate-list"))


class Namer:
    """Gives each write a name that is the same in every run. ``rows`` is the ledger before the first one."""

    def __init__(self, rows: list[Object]) -> None:
        self._count: Counter[tuple[str, str]] = Counter()
        self._holders: dict[str, Object] = {row["node"]: row for row in rows}

    def name(self, item: Object) -> Write:
        kind, subject = self._what(item["server"], item["method"], item["path"], json.loads(item["body"] or "{}"))
        self._count[kind, subject] += 1
        return Write(item["id"], kind, subject, self._count[kind, subject])

    def _what(self, server: str, method: str, path: str, body: Object) -> tuple[str, str]:
        if server == "arm":
            machine, _slash, verb = path.rpartition("/")
            return f"azure {verb}", machine.rpartition("/")[2]
        if path.endswith("/eviction"):
            return "eviction", "a pod"
        if path.endswith("/events"):
            return f"event {body['reason']}", body["involvedObject"]["name"]
        if "/leases" in path:
            return self._ledger(body, created=method == "POST")
        if re.search(r"/nodes/[^/]+$", path):
            return f"node {_node(body)}", path.rpartition("/")[2]
        return method, path

    def _ledger(self, body: Object, *, created: bool) -> tuple[str, str]:
        rows = json.loads((body["metadata"].get("annotations") or {}).get("aks-reboot/holders", "[]"))
        before, self._holders = self._holders, {row["node"]: row for row in rows}
        gone = before.keys() - self._holders.keys()
        if gone:
            return "ledger release", gone.pop()
        node, row = next(((name, row) for name, row in self._holders.items() if before.get(name) != row), ("", {}))
        was = before.get(node)
        if was is None:
            return ("ledger creation" if created else "ledger acquire"), node
        for field_name, verb in (("run", "take over"), ("writer", "enter"), ("restartSent", "note restart")):
            if was[field_name] != row[field_name]:
                return f"ledger {verb}", node
        return ("ledger stop" if was["stopped"] != row["stopped"] else "ledger renew"), node


def _node(body: Object) -> str:
    annotations = body["metadata"].get("annotations") or {}
    if "aks-reboot/journal" not in annotations:
        return "other"
    if annotations["aks-reboot/journal"] is None:
        return "uncordon"
    journal = json.loads(annotations["aks-reboot/journal"])
    if "unschedulable" in (body.get("spec") or {}):
        return "cordon"
    return "operation" if journal["phase"] == "rebooting" and journal["operation"] else str(journal["phase"])
