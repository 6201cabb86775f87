# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kured's lock: the annotation on its DaemonSet, in its own two JSON forms.

With ``--concurrency`` 1 kured writes one lock object, above that ``{"maxOwners": N, "locks": [...]}``. A lock is
``{"nodeID", "metadata", "created", "TTL"}``; TTL is in nanoseconds, 0 for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._errors import RebootError
from .times import format_time, parse_time

OUR_ID = "kubeops.aks_reboot"
"""The nodeID under which we hold it. No node can have that name (it has an underscore), so no kured pod takes the lock
for its own."""


@dataclass(frozen=True)
class KuredLock:
    """The annotation as read: who else holds it, and whether we do."""

    others: tuple[str, ...] = ()
    ours: bool = False


def parse_lock(text: str | None, now: datetime) -> KuredLock:
    """Read the annotation. Locks that have expired by their own TTL do not count. Raises RebootError."""
    if not text:
        return KuredLock()
    try:
        value = json.loads(text)
        locks = value["locks"] or [] if "maxOwners" in value else [value]
        living = [lock for lock in locks if lock.get("nodeID") and not _expired(lock, now)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RebootError(
            f"kured's lock annotation cannot be read ({error}): nothing is done beside a kured whose lock is not "
            "understood",
            reason="kured_lock_damaged",
        ) from error
    others = tuple(f"{lock['nodeID']} since {lock.get('created', '?')}" for lock in living if lock["nodeID"] != OUR_ID)
    return KuredLock(others, any(lock["nodeID"] == OUR_ID for lock in living))


def _expired(lock: Mapping[str, Any], now: datetime) -> bool:
    ttl = int(lock.get("TTL") or 0)
    return ttl > 0 and now > parse_time(str(lock["created"])) + timedelta(microseconds=ttl / 1000)


def our_lock(now: datetime, ttl: float, owners: int) -> str:
    """The annotation by which we hold all of kured's ``owners`` slots for ``ttl`` seconds (0: for ever)."""
    lock = {
        "nodeID": OUR_ID,
        "metadata": {"unschedulable": False},
        "created": format_time(now),
        "TTL": int(ttl * 1e9),
    }
    if owners <= 1:
        return json.dumps(lock, separators=(",", ":"))
    return json.dumps({"maxOwners": owners, "locks": [lock] * owners}, separators=(",", ":"))


def concurrency(daemonset: Mapping[str, Any]) -> int:
    """kured's ``--concurrency``, from the arguments of its container; 1 where it is not set."""
    containers = daemonset["spec"]["template"]["spec"].get("containers") or []
    words = [str(word) for item in containers for word in (*(item.get("command") or []), *(item.get("args") or []))]
    for index, word in enumerate(words):
        flag, _equals, value = word.partition("=")
        if flag == "--concurrency":
            value = value or (words[index + 1] if index + 1 < len(words) else "")
            return int(value) if value.isdigit() else 1
    return 1
