# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of all requests that the HTTP servers got, in order of their arrival."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from typing import Any

from .faults import Server
from .kube_client import USER_AGENT_PREFIX

_KEPT = 200_000


@dataclasses.dataclass
class Entry:
    """One request. status: None while it is under way, 0 when its connection was dropped."""

    time: str
    server: Server
    method: str
    path: str
    query: str
    user_agent: str
    status: int | None = None

    @property
    def own(self) -> bool:
        """Whether the simulator itself made it."""
        return self.user_agent.startswith(USER_AGENT_PREFIX)


class Recorder:
    """Keeps the requests of everybody but the simulator itself, the newest 200,000 of them."""

    def __init__(self) -> None:
        self._entries: collections.deque[Entry] = collections.deque(maxlen=_KEPT)
        self._counts: dict[str, int] = {"api": 0, "arm": 0, "entra": 0}

    def begin(self, server: Server, method: str, path: str, query: str, user_agent: str) -> Entry:
        """Note a request; its status is set later on the entry returned."""
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = Entry(moment, server, method, path, query, user_agent)
        if not entry.own:
            self._entries.append(entry)
            self._counts[server] += 1
        return entry

    def counts(self) -> dict[str, int]:
        """Number of requests per server since the start."""
        return dict(self._counts)

    def list(self) -> list[dict[str, Any]]:
        names = ("time", "server", "method", "path", "query", "status", "user_agent")
        return [{name: getattr(entry, name) for name in names} for entry in self._entries]
