# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kured beside us: its lock is honoured and taken too, so that the two never reboot at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.kured_lock import KuredLock, concurrency, our_lock, parse_lock
from .._errors import KubernetesError
from .context import Clock
from .retry import OUTAGE_SECONDS, backoff, retried


@dataclass(frozen=True)
class KuredSettings:
    """Where kured's lock is, by kured's own flags: ``--ds-namespace``, ``--ds-name``, ``--lock-annotation``."""

    namespace: str = "kube-system"
    name: str = "kured"
    annotation: str = "weave.works/kured-node-lock"


class Kured:
    """The lock of the cluster's kured; where there is none, nobody holds it and nothing is written."""

    def __init__(self, client: KubernetesClient, settings: KuredSettings, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._annotation = settings.annotation
        self._path = f"/apis/apps/v1/namespaces/{settings.namespace}/daemonsets/{settings.name}"

    def held_by_others(self, now: datetime) -> tuple[str, ...]:
        """Who holds it, other than we. Raises KubernetesError, RebootError."""
        daemonset = self._read()
        return () if daemonset is None else self._lock(daemonset, now).others

    def hold(self, now: datetime, ttl: float) -> bool:
        """Take it, or make ours younger; false when somebody else has it. Raises KubernetesError, RebootError."""

        def change(daemonset: dict[str, Any]) -> str | None:
            return our_lock(now, ttl, concurrency(daemonset))

        return self._swap(now, change)

    def let_go(self, now: datetime) -> None:
        """Remove ours. Raises KubernetesError, RebootError."""
        daemonset = self._read()
        if daemonset is not None and self._lock(daemonset, now).ours:
            self._swap(now, lambda _daemonset: None)

    def _swap(self, now: datetime, change: Callable[[dict[str, Any]], str | None]) -> bool:
        attempt = 0
        deadline = self._clock.monotonic() + OUTAGE_SECONDS
        while True:
            daemonset = self._read()
            if daemonset is None:
                return True
            if self._lock(daemonset, now).others:
                return False
            metadata = {
                "resourceVersion": daemonset["metadata"]["resourceVersion"],
                "annotations": {self._annotation: change(daemonset)},
            }
            try:
                self._client.merge_patch(self._path, {"metadata": metadata})
            except KubernetesError as error:
                if error.status != 409 and (not error.transient or self._clock.monotonic() > deadline):
                    raise
                self._clock.sleep(backoff(attempt, first=0.02, most=1.0))
                attempt += 1
            else:
                return True

    def _read(self) -> dict[str, Any] | None:
        try:
            return retried(lambda: self._client.get(self._path), self._clock)
        except KubernetesError as error:
            if error.status == 404:
                return None
            raise

    def _lock(self, daemonset: dict[str, Any], now: datetime) -> KuredLock:
        return parse_lock((daemonset["metadata"].get("annotations") or {}).get(self._annotation), now)
