# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of nodes, machines and locks, each change in its order: the witness that tests ask.

An entry holds the whole state of its subject after the change, as far as a reboot concerns it.
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Iterable
from typing import Any

from .kube.resources import LEASES, NODES, JsonObject
from .kube.store import Change, Selection, Store
from .machine import Machine

_KEPT = 100_000
_KUBELET_LEASES = "kube-node-lease"
_PREFIX = "aks-reboot/"
_JOURNAL, _HOLDERS = f"{_PREFIX}journal", f"{_PREFIX}holders"
_OTHERS = ("cluster-autoscaler.kubernetes.io/", "weave.works/")


class History:
    """Keeps the newest 100,000 changes."""

    def __init__(self) -> None:
        self._entries: collections.deque[dict[str, Any]] = collections.deque(maxlen=_KEPT)
        self._number = 0
        self._states: dict[tuple[str, str], dict[str, Any]] = {}

    def watch_machines(self, machines: Iterable[Machine]) -> None:
        for machine in machines:
            machine.observe(self._machine)
            self._machine(machine)

    def watch_store(self, store: Store) -> None:
        store.collection(NODES).subscribe(Selection(), self._node)
        store.collection(LEASES).subscribe(Selection(), self._lease)

    def list(self) -> list[dict[str, Any]]:
        """Each with ``number`` (growing), ``time``, ``kind`` (node, machine, lease), ``name``, and the state."""
        return list(self._entries)

    def _machine(self, machine: Machine) -> None:
        names = ("power", "boots", "guest_reboots", "boot_id", "restarts_accepted", "sentinel")
        self._note("machine", machine.name, {name: getattr(machine, name) for name in names})

    def _node(self, change: Change) -> None:
        node = change.current.parse()
        metadata = node["metadata"]
        annotations = _ours(metadata)
        state = {
            "uid": metadata["uid"],
            "deleted": change.kind == "DELETED",
            "unschedulable": bool(node["spec"].get("unschedulable")),
            "journal": annotations.pop(_JOURNAL, None),
            "annotations": annotations,
            "taints": sorted(f"{taint['key']}:{taint['effect']}" for taint in node["spec"].get("taints") or []),
        }
        self._note("node", metadata["name"], state)

    def _lease(self, change: Change) -> None:
        if change.current.key[0] == _KUBELET_LEASES:
            return
        lease = change.current.parse()
        holders = (lease["metadata"].get("annotations") or {}).get(_HOLDERS)
        self._note("lease", change.current.key[1], {"holders": None if change.kind == "DELETED" else holders})

    def _note(self, kind: str, name: str, state: dict[str, Any]) -> None:
        if self._states.get((kind, name)) == state:
            return
        self._states[kind, name] = state
        self._number += 1
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._entries.append({"number": self._number, "time": moment, "kind": kind, "name": name, **state})


def _ours(metadata: JsonObject) -> dict[str, str]:
    annotations = metadata.get("annotations") or {}
    return {name: value for name, value in annotations.items() if name.startswith((_PREFIX, *_OTHERS))}
