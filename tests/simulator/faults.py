# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that are switched on and off while the simulator runs, and the rules by which they strike."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

Server = Literal["api", "arm", "entra"]


class FaultError(ValueError):
    """A fault that cannot be switched on or off; the message says what was expected."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a kind of fault does, and the options that mean something to it."""

    text: str
    options: frozenset[str]


_REQUEST = frozenset({"node", "pod", "count", "path", "method", "server", "all_clients"})


def _kind(text: str, *options: str, request: bool = False) -> Kind:
    return Kind(text, frozenset(options) | (_REQUEST if request else frozenset({"node"})))


KINDS: dict[str, Kind] = {
    "http-status": _kind(
        "answer with --code (default 500) instead of carrying the request out",
        *("code", "retry_after", "message", "error_code"),
        request=True,
    ),
    "drop": _kind(
        "close the connection --when before (default) or after the request was carried out; with --seconds cut it "
        "that long after it began, as for a watch",
        *("when", "seconds"),
        request=True,
    ),
    "hang": _kind(
        "do not answer: for --seconds, then go on as usual; without, until the fault is off, and then close the "
        "connection; --when after carries the request out first",
        *("when", "seconds"),
        request=True,
    ),
    "hold": _kind("let matching requests wait until `fault release ID`, then carry them out", request=True),
    "eviction-refused": _kind(
        "evictions get 429 with cause DisruptionBudget", *("pod", "count", "path", "retry_after", "all_clients")
    ),
    "watch-expired": Kind("open watches end with 410 and all older versions are gone, once", frozenset()),
    "arm-lro-failed": _kind(
        "a restart is accepted and its operation fails; with --when after the machine restarts all the same",
        *("count", "when", "error_code", "message"),
    ),
    "arm-lro-never": _kind(
        "a restart is accepted and its operation never ends; with --when before the machine does not even restart",
        *("count", "when"),
    ),
    "arm-late-reboot": _kind(
        "a restart's operation succeeds, and the machine restarts --seconds (default 10) later", *("count", "seconds")
    ),
    "node-never-returns": _kind("after the next restart the machine stays off", "count"),
    "same-boot-id": _kind("after the next restart the boot ID is the old one", "count"),
    "sentinel-stays": _kind("after the next restart the sentinel is still there", "count"),
    "ssh-refused": _kind("nothing listens on the SSH port"),
    "ssh-wrong-host-key": _kind("the node shows another host key", "count"),
    "ssh-hang": _kind("the SSH port accepts and then says nothing", "count"),
}


@dataclasses.dataclass(eq=False)
class Fault:
    """One fault that is on.

    count: how often it still strikes (None for without end); retry_after: whole seconds; seconds: duration whose
    meaning is the kind's own; hits: how often it struck; held: requests that wait on it right now.
    """

    id: int
    kind: str
    node: str | None = None
    pod: str | None = None
    count: int | None = None
    seconds: float | None = None
    path: str | None = None
    method: str | None = None
    server: Server | None = None
    code: int = 500
    retry_after: int | None = None
    when: Literal["before", "after"] | None = None
    message: str | None = None
    error_code: str | None = None
    all_clients: bool = False
    hits: int = 0
    held: int = 0
    over: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def as_dict(self) -> dict[str, Any]:
        """What `fault list` shows: only what was given, and the counters."""
        shown = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "over"}
        return {
            name: value
            for name, value in shown.items()
            if name in ("id", "kind", "hits", "held")
            or (name in KINDS[self.kind].options and value is not None and value is not False)
        }

    @property
    def spent(self) -> bool:
        return self.count is not None and self.count <= 0


@dataclasses.dataclass(frozen=True)
class Call:
    """A request as the rules see it. target: path and query, decoded; own: made by the simulator itself."""

    server: Server
    method: str
    target: str
    own: bool


class Faults:
    """All faults that are on. Node names are checked against `nodes`; subscribers are called after each change.

    resource: node name -> lower-case ARM path of its machine.
    """

    def __init__(self, nodes: Iterable[str] = (), resource: dict[str, str] | None = None) -> None:
        self._nodes = set(nodes)
        self._resource = resource or {}
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)
        self._subscribers: list[Callable[[Fault], None]] = []

    def subscribe(self, callback: Callable[[Fault], None]) -> None:
        """Call `callback` with each fault that was just switched on or off."""
        self._subscribers.append(callback)

    def on(self, kind: str, **options: Any) -> Fault:
        """Switch a fault on; raises FaultError for an unknown kind, node or option, or a bad value."""
        given = {name: value for name, value in options.items() if value is not None and value is not False}
        _check(kind, given, self._nodes)
        fault = Fault(next(self._ids), kind, **given)
        self._faults[fault.id] = fault
        self._tell(fault)
        return fault

    def off(self, identity: int) -> None:
        """Switch a fault off; raises FaultError when there is none of that number."""
        fault = self._faults.pop(self._known(identity).id)
        fault.over.set()
        self._tell(fault)

    def off_all(self) -> None:
        for identity in list(self._faults):
            self.off(identity)

    def release(self, identity: int) -> None:
        """Let the requests of a `hold` go on, and switch it off."""
        if self._known(identity).kind != "hold":
            raise FaultError(f"fault {identity} holds nothing: it is of kind {self._known(identity).kind}")
        self.off(identity)

    def list(self) -> list[dict[str, Any]]:
        return [fault.as_dict() for fault in self._faults.values()]

    def is_on(self, kind: str, node: str) -> bool:
        """Whether a fault of this kind is on for the node, without using up its count."""
        return any(_concerns(fault, kind, node) for fault in self._faults.values())

    def strike(self, kind: str, node: str) -> Fault | None:
        """The fault of this kind that strikes the node now, if any; uses up one of its count."""
        return self._use(fault for fault in self._faults.values() if _concerns(fault, kind, node))

    def strike_request(self, call: Call) -> Fault | None:
        """The first fault that strikes this request, if any; uses up one of its count."""
        return self._use(fault for fault in self._faults.values() if self._meets(fault, call))

    def _use(self, candidates: Iterable[Fault]) -> Fault | None:
        fault = next((fault for fault in candidates if not fault.spent), None)
        if fault is not None:
            fault.hits += 1
            if fault.count is not None:
                fault.count -= 1
        return fault

    def _known(self, identity: int) -> Fault:
        if identity not in self._faults:
            on = ", ".join(str(number) for number in self._faults) or "none"
            raise FaultError(f"no fault has the number {identity}; on are: {on}")
        return self._faults[identity]

    def _tell(self, fault: Fault) -> None:
        for callback in self._subscribers:
            callback(fault)

    def _meets(self, fault: Fault, call: Call) -> bool:
        if call.own and not fault.all_clients:
            return False
        if fault.kind == "eviction-refused":
            if call.server != "api" or call.method != "POST" or not call.target.endswith("/eviction"):
                return False
        elif fault.kind not in ("http-status", "drop", "hang", "hold"):
            return False
        return (
            fault.server in (None, call.server)
            and fault.method in (None, call.method)
            and (fault.path is None or re.search(fault.path, call.target) is not None)
            and (fault.pod is None or _names_pod(call, fault.pod))
            and (fault.node is None or self._names_node(call, fault.node))
        )

    def _names_node(self, call: Call, node: str) -> bool:
        wanted = self._resource.get(node, node) if call.server == "arm" else node
        return re.search(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", call.target, re.IGNORECASE) is not None


def _concerns(fault: Fault, kind: str, node: str) -> bool:
    return fault.kind == kind and fault.node in (None, node) and not fault.spent


def _names_pod(call: Call, pod: str) -> bool:
    namespace, _slash, name = pod.partition("/")
    return re.search(rf"/namespaces/{re.escape(namespace)}/pods/{re.escape(name)}(?![\w.-])", call.target) is not None


def _check(kind: str, given: dict[str, Any], nodes: set[str]) -> None:
    if kind not in KINDS:
        raise FaultError(f"fault {kind!r} is none of {', '.join(KINDS)}")
    for name in given:
        if name not in KINDS[kind].options:
            usable = ", ".join(f"--{option.replace('_', '-')}" for option in sorted(KINDS[kind].options)) or "none"
            raise FaultError(f"fault {kind}: --{name.replace('_', '-')} means nothing here; usable: {usable}")
    if "node" in given and given["node"] not in nodes:
        raise FaultError(f"fault {kind}: --node {given['node']!r} is no node of this cluster")
    if "pod" in given and str(given["pod"]).count("/") != 1:
        raise FaultError(f"fault {kind}: --pod {given['pod']!r} must be NAMESPACE/NAME")
    if "path" in given:
        try:
            re.compile(given["path"])
        except re.error as error:
            raise FaultError(f"fault {kind}: --path {given['path']!r} is no regular expression: {error}") from error
