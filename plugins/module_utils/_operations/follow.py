# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following a collection in the background: list, watch for a minute at most, list again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .._clients.kubernetes import KubernetesClient, Params, Watch
from .._errors import KubernetesError
from .retry import backoff


@dataclass(frozen=True)
class Listed:
    """The whole collection, as it was just now."""

    source: str
    items: list[dict[str, Any]]


@dataclass(frozen=True)
class Changed:
    """One object was added, modified or deleted."""

    source: str
    kind: str
    item: Mapping[str, Any]


@dataclass(frozen=True)
class Unfollowed:
    """The API server did not answer; it is tried again, unless ``error`` is one that stays."""

    source: str
    error: KubernetesError


class Follower:
    """Puts what happens to a collection into a queue until it is stopped; use it as a context manager.

    ``source`` names the collection in each message. With ``resource_version`` the first list is left out: the caller
    has made it already.
    """

    def __init__(
        self,
        client: KubernetesClient,
        path: str,
        params: Params | None,
        sink: queue.Queue[Any],
        source: str,
        resource_version: str = "",
    ) -> None:
        self._client = client
        self._path = path
        self._params = params
        self._sink = sink
        self._source = source
        self._version = resource_version
        self._stopped = threading.Event()
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, name=f"follow {source}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        if self._watch is not None:
            self._watch.close()

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                self._once()
                failures = 0
            except KubernetesError as error:
                if error.status != 410:
                    self._sink.put(Unfollowed(self._source, error))
                self._stopped.wait(backoff(failures, first=0.05, most=5.0))
                failures += 1

    def _once(self) -> None:
        version = self._version
        self._version = ""
        if not version:
            items, version = self._client.list(self._path, self._params)
            self._sink.put(Listed(self._source, items))
        self._watch = self._client.watch(self._path, version, self._params)
        if self._stopped.is_set():
            self._watch.close()
        for event in self._watch:
            if self._stopped.is_set():
                break
            if event["type"] != "BOOKMARK":
                self._sink.put(Changed(self._source, event["type"], event["object"]))
