# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing the ledger, by compare-and-swap on its Lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.ledger import (
    HOLDERS,
    REMEMBERED_STOPS,
    STOPPED_RUNS,
    WAITING,
    Holder,
    Waiter,
    dump_holders,
    dump_waiting,
    parse_holders,
    parse_waiting,
    summary,
)
from .._errors import KubernetesError
from .context import Clock
from .retry import OUTAGE_SECONDS, backoff, retried


@dataclass(frozen=True)
class LockSettings:
    """Where the Lease is, and how long an entry lives without being renewed.

    Seconds: ``ttl`` (0: for ever), ``margin`` added to it before an entry counts as expired, ``interval`` between
    renewals, ``guard`` that the last renewal may be old when something is written, ``request`` for one request.
    """

    namespace: str = "kube-system"
    name: str = "aks-reboot"
    ttl: int = 300
    margin: float = 30

    @property
    def _span(self) -> float:
        return float(self.ttl or 300)

    @property
    def interval(self) -> float:
        return self._span / 3

    @property
    def request(self) -> float:
        """Below the guard's margin, so that a write that was let through has ended when the entry expires."""
        return min(20.0, self._span / 4)

    @property
    def guard(self) -> float:
        return self._span - min(25.0, self._span / 3)


@dataclass(frozen=True)
class Ledger:
    """The ledger as read; ``now`` is the API server's time of the answer, ``version`` empty when there is no Lease.

    ``waiting`` is the line of requests, ``stopped_runs`` are the ids of runs that start no other node.
    """

    holders: list[Holder]
    now: datetime
    version: str
    waiting: list[Waiter] = field(default_factory=list)
    stopped_runs: tuple[str, ...] = ()


class LedgerStore:
    """The ledger of one cluster."""

    def __init__(self, client: KubernetesClient, settings: LockSettings, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self.settings = settings
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{settings.namespace}/leases"

    def read(self) -> Ledger:
        """Raises KubernetesError, DamagedLedger."""
        try:
            lease, date = self._client.get_dated(f"{self._collection}/{self.settings.name}")
        except KubernetesError as error:
            if error.status != 404:
                raise
            _namespace, date = self._client.get_dated(f"/api/v1/namespaces/{self.settings.namespace}")
            return Ledger([], _server_time(date), "")
        annotations = lease["metadata"].get("annotations") or {}
        return Ledger(
            parse_holders(annotations.get(HOLDERS)),
            _server_time(date),
            str(lease["metadata"]["resourceVersion"]),
            parse_waiting(annotations.get(WAITING)),
            tuple(annotations.get(STOPPED_RUNS, "").split()),
        )

    def read_patiently(self) -> Ledger:
        """As :meth:`read`; an outage of the API server is waited out."""
        return retried(self.read, self._clock)

    def swap(self, seen: Ledger, holders: list[Holder]) -> bool:
        """Write ``holders`` if nobody has written since ``seen``; returns whether that was so.

        Raises KubernetesError.
        """
        body: dict[str, Any] = {
            "metadata": {"annotations": {HOLDERS: dump_holders(holders)}},
            "spec": {"holderIdentity": summary(holders) or None},
        }
        try:
            if seen.version:
                body["metadata"]["resourceVersion"] = seen.version
                self._client.merge_patch(f"{self._collection}/{self.settings.name}", body)
            else:
                body |= {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
                body["metadata"]["name"] = self.settings.name
                body["spec"] = {"holderIdentity": summary(holders)} if holders else {}
                self._client.create(self._collection, body)
        except KubernetesError as error:
            if error.status == 409:
                return False
            raise
        return True

    def line_up(self, seen: Ledger, waiting: list[Waiter]) -> None:
        """Write the line of waiters if nobody has written since ``seen``; otherwise it is for the next round.

        Raises KubernetesError.
        """
        if seen.version:
            self._annotate(seen.version, WAITING, dump_waiting(waiting))

    def stop_run(self, run: str) -> None:
        """Note that ``run`` starts no other node. Raises KubernetesError, DamagedLedger."""
        written = False
        while not written:
            seen = self.read_patiently()
            if run in seen.stopped_runs or not seen.version:
                return
            text = " ".join([*seen.stopped_runs, run][-REMEMBERED_STOPS:])
            written = self._annotate(seen.version, STOPPED_RUNS, text)

    def _annotate(self, version: str, annotation: str, text: str | None) -> bool:
        body = {"metadata": {"resourceVersion": version, "annotations": {annotation: text}}}
        try:
            self._client.merge_patch(f"{self._collection}/{self.settings.name}", body)
        except KubernetesError as error:
            if error.status == 409:
                return False
            raise
        return True

    def change(self, decide: Callable[[Ledger], list[Holder] | None], *, seconds: float = OUTAGE_SECONDS) -> Ledger:
        """Read, ``decide``, swap, until it holds; ``decide`` returns None when nothing is to be written.

        It is asked again after a conflict and after a write whose answer was lost. Outages are waited out for
        ``seconds``. Returns the ledger that the last decision was made on. Raises KubernetesError, DamagedLedger, and
        whatever ``decide`` raises.
        """
        deadline = self._clock.monotonic() + seconds
        attempt = 0
        while True:
            try:
                seen = self.read()
                holders = decide(seen)
                if holders is None or self.swap(seen, holders):
                    return seen
            except KubernetesError as error:
                if not error.transient or self._clock.monotonic() > deadline:
                    raise
            self._clock.sleep(backoff(attempt, first=0.02, most=2.0))
            attempt += 1


def _server_time(date: str) -> datetime:
    try:
        return parsedate_to_datetime(date)
    except ValueError as error:
        raise KubernetesError(
            f"the API server's answer has no usable Date ({date!r}): the lock needs the server's clock",
            reason="kubernetes_error",
        ) from error
