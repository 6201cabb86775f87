# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal: what this collection did to a node, kept on the node itself.

It is the annotation ``aks-reboot/journal``, written in the same PATCH as what it describes, so that every cordon
carries its owner, what has to be put back, and how far the work got.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .._errors import RebootError
from .times import parse_time

JOURNAL = "aks-reboot/journal"
HOLD = "aks-reboot/hold"
FENCE = "aks-reboot/fence"
LAST_REBOOT = "aks-reboot/last-reboot"
SCALE_DOWN_DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled"

VERSION = 1

CORDONED = "cordoned"
DRAINED = "drained"
REBOOTING = "rebooting"
PROVEN = "proven"
PHASES = (CORDONED, DRAINED, REBOOTING, PROVEN)

_JSON_NAMES = {"boot_id": "bootID"}
_LISTS = ("annotations", "daemonsets")
_FIELD_NAMES = {json_name: name for name, json_name in _JSON_NAMES.items()}

_NEXT = {
    # From cordoned straight to rebooting only when the user forces a reboot after a failed drain; to proven without
    # rebooting when the node has rebooted by itself.
    CORDONED: (DRAINED, REBOOTING, PROVEN),
    DRAINED: (REBOOTING, PROVEN),
    REBOOTING: (DRAINED, PROVEN),  # back to drained when the restart was definitely not carried out
    PROVEN: (),
}


class DamagedJournal(RebootError):
    """The annotation cannot be read, or a newer release wrote it."""


@dataclass(frozen=True)
class Journal:
    """One node's journal.

    ``boot_id`` is the node's boot ID before the restart, ``operation`` the URL of Azure's restart operation once known,
    ``unschedulable`` whether the node was cordoned before us, ``annotations`` the annotations that we added,
    ``since`` and ``marked`` the RFC 3339 times of the cordon and of the mark ``rebooting``; ``daemonsets`` names
    (``namespace/name``) the DaemonSets whose pod was Ready on the node before the cordon.
    """

    run: str
    phase: str
    boot_id: str
    unschedulable: bool
    since: str
    reason: str = ""
    method: str = ""
    operation: str = ""
    marked: str = ""
    annotations: tuple[str, ...] = ()
    daemonsets: tuple[str, ...] = ()

    def to(self, phase: str, **changes: Any) -> Journal:
        """The journal in its next phase. Raises ValueError for a step that the protocol does not have."""
        if phase not in _NEXT[self.phase]:
            raise ValueError(f"a journal does not go from {self.phase} to {phase}")
        return replace(self, phase=phase, **changes)

    def dump(self) -> str:
        """The annotation's value."""
        data = {_JSON_NAMES.get(name, name): value for name, value in asdict(self).items()}
        return json.dumps({"version": VERSION, **data}, separators=(",", ":"))

    @property
    def restart_outstanding(self) -> bool:
        """Whether a restart may have been sent whose proof is not in yet: the node has to stay cordoned."""
        return self.phase == REBOOTING


def parse_journal(text: str, node: str) -> Journal:
    """Read the annotation of ``node``. Raises :class:`DamagedJournal`, which means: touch nothing."""

    def damaged(why: str) -> DamagedJournal:
        return DamagedJournal(
            f"{node}: the annotation {JOURNAL} {why}; nothing was touched. Look at the node, then uncordon it "
            "and remove the annotation by hand",
            reason="journal_damaged",
            node=node,
        )

    try:
        data = json.loads(text)
    except ValueError as error:
        raise damaged("is not JSON") from error
    if not isinstance(data, dict):
        raise damaged("is not a JSON object")
    version = data.pop("version", None)
    if version != VERSION:
        raise DamagedJournal(
            f"{node}: the annotation {JOURNAL} has version {version!r}, this release reads version {VERSION}; nothing "
            "was touched. Use the release that wrote it, or a newer one",
            reason="journal_version",
            node=node,
        )
    unknown = sorted(set(data) - {_JSON_NAMES.get(item.name, item.name) for item in fields(Journal)})
    missing = sorted({"run", "phase", "bootID", "unschedulable", "since"} - set(data))
    if unknown or missing:
        raise damaged(f"lacks {', '.join(missing)}" if missing else f"has unknown fields: {', '.join(unknown)}")
    for name, value in data.items():
        if not _usable(name, value):
            raise damaged(f"has {name}: {value!r}")
    if data["phase"] not in PHASES:
        raise damaged(f"has the unknown phase {data['phase']!r}")
    if data["phase"] == REBOOTING and not data.get("marked"):
        raise damaged(f"has marked: {data.get('marked')!r}")  # recovery counts from that time
    values: dict[str, Any] = {}
    for name, value in data.items():
        values[_FIELD_NAMES.get(name) or name] = tuple(value) if name in _LISTS else value
    return Journal(**values)


def _usable(name: str, value: object) -> bool:
    """Whether ``value`` is one that the field of the JSON name ``name`` can have."""
    if name == "unschedulable":
        return isinstance(value, bool)
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not isinstance(value, str):
        return False
    if name == "since" or (name == "marked" and value):
        try:
            parse_time(value)
        except ValueError:
            return False
    return True
