# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the proof that a node has rebooted and is well."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._clients.kubernetes import KubernetesClient
from .._decisions.node import Node
from .._decisions.pods import Pod
from .._decisions.proof import Baseline, booted, missing_daemonsets, missing_of_node
from .._decisions.sentinel import REQUIRED, UNKNOWN
from .._decisions.times import format_time
from .._errors import RebootError
from .context import Context
from .follow import Changed, Follower, Listed, Unfollowed
from .node_pods import PODS, node_pods_params
from .node_writes import NODES
from .operation_watch import OperationWatch
from .probe import ProbeTarget, Shell, probe
from .restart import Restarter

SENTINEL_ATTEMPTS = 3
SENTINEL_PAUSE = 2.0
"""A sentinel that is still there is looked at a few times, seconds apart: services that clear it start late."""

_TICK = 1.0
_PATIENCE = 5.0  # seconds without a first answer of the API server before that is worth a line


class NotCarriedOut(RebootError):
    """The restart was sent, but certainly will not happen any more: the node runs on with its old boot ID."""


@dataclass(frozen=True)
class WaitLimits:
    """Seconds: ``timeout`` for the whole proof, ``poll`` between two looks at Azure's operation (Azure may ask for
    more), ``horizon`` after which no accepted restart can be outstanding any more, ``guest`` for an in-guest reboot to
    begin."""

    timeout: float = 2400
    poll: float = 10
    horizon: float = 3900
    guest: float = 600


@dataclass(frozen=True)
class Sent:
    """What was sent: ``restart`` is false when nothing was; ``unknown`` says why it may have been taken or not; ``age``
    is the number of seconds since it was sent, where another run did."""

    restart: bool = False
    operation: str = ""
    unknown: str = ""
    age: float = 0.0


@dataclass(frozen=True)
class SentinelCheck:
    """How to look at the node's sentinel after the boot."""

    shell: Shell
    sentinel: str


@dataclass(frozen=True)
class Proof:
    still_required: bool
    pods_not_ready: list[str]
    booted_at: str


@dataclass
class ProofWait:
    """Waits for the proof of one node. All state belongs to the thread that calls :meth:`run`.

    ``cordon_again`` is called when the Node object was deleted and has come back as a new one, schedulable, while the
    restart may still be outstanding; it returns the node as it is then.
    """

    client: KubernetesClient
    name: str
    baseline: Baseline
    sent: Sent
    restarter: Restarter
    sentinel: SentinelCheck | None
    limits: WaitLimits
    context: Context
    cordon_again: Callable[[], Node]
    _messages: queue.Queue[Any] = field(default_factory=queue.Queue, init=False)
    _node: Node | None = field(default=None, init=False)
    _last: Node | None = field(default=None, init=False)
    _next_look: float = field(default=0.0, init=False)
    _pods: dict[str, Pod] | None = field(default=None, init=False)
    _trouble: str = field(default="", init=False)
    _next_sentinel: float = field(default=0.0, init=False)
    _sentinel_looks: int = field(default=0, init=False)
    _still_required: bool = field(default=False, init=False)
    _booted_at: str = field(default="", init=False)

    def run(self) -> Proof:
        """Returns when nothing is missing any more.

        Raises RebootError: ``restart_unknown``, ``reboot_timeout``, ``machine_gone``; and :class:`NotCarriedOut`.
        """
        self._started = self.context.clock.monotonic()
        self._operation = OperationWatch(
            self.restarter, self.sent.operation, self.sent.unknown, self.limits.poll, self.context
        )
        params = {"fieldSelector": f"metadata.name={self.name}"}
        with contextlib.ExitStack() as stack:
            stack.enter_context(Follower(self.client, NODES, params, self._messages, "node"))
            while True:
                missing = self._missing(stack)
                if not missing:
                    return Proof(self._still_required, self._others_not_ready(), self._booted_at)
                self._check_limits(missing)
                with contextlib.suppress(queue.Empty):
                    self._handle(self._messages.get(timeout=_TICK))
                    while True:
                        self._handle(self._messages.get_nowait())

    @property
    def _elapsed(self) -> float:
        return self.context.clock.monotonic() - self._started

    @property
    def _since_sent(self) -> float:
        return self.sent.age + self._elapsed

    def _missing(self, stack: contextlib.ExitStack) -> str:
        """The first thing that the proof lacks, or an empty string. Each is looked for only when those before are
        there, which keeps the requests few."""
        if self._last is not None:
            self._operation.look(self._last)
        node = self._node
        if node is None:
            return self._missing_object()
        if booted(node, self.baseline) and not self._booted_at:
            self._booted_at = format_time(self.context.clock.utcnow())
            self.context.progress.say(f"booted after {self._elapsed:.0f} s, new boot ID {node.boot_id}")
            stack.enter_context(Follower(self.client, PODS, node_pods_params(self.name), self._messages, "pods"))
        return (
            missing_of_node(node, self.baseline)
            or self._missing_operation()
            or self._missing_daemonsets()
            or self._missing_sentinel(node)
        )

    def _missing_object(self) -> str:
        """Without a Node object: there is no answer yet, or it was deleted. Then its machine may be gone, too."""
        if self._last is None:
            return "the API server"
        now = self.context.clock.monotonic()
        if now >= self._next_look:
            self._next_look = now + self.limits.poll
            try:
                self.restarter.check(self._last)
            except RebootError as error:
                if error.reason == "machine_not_found":
                    raise RebootError(
                        f"{self.name}: the node was deleted, and Azure has no such machine any more",
                        reason="machine_gone",
                        node=self.name,
                    ) from error
        return "the node, whose object was deleted, to be registered again"

    def _missing_operation(self) -> str:
        if self._operation.unknown and self._since_sent < self.limits.horizon:
            return f"the time after which no restart can be outstanding ({self._operation.unknown})"
        return "" if self._operation.ended else "Azure to end its restart operation"

    def _missing_daemonsets(self) -> str:
        if self._pods is None:
            return "the list of pods"
        missing = missing_daemonsets(self._pods.values(), self.baseline)
        return f"the pods of DaemonSets {', '.join(missing)}" if missing else ""

    def _missing_sentinel(self, node: Node) -> str:
        if self.sentinel is None:
            return ""
        now = self.context.clock.monotonic()
        if now < self._next_sentinel:
            return self._trouble
        self._next_sentinel = now + SENTINEL_PAUSE
        state = probe(self.sentinel.shell, ProbeTarget(self.name, node.address), self.sentinel.sentinel)
        if state.state == UNKNOWN:
            self._trouble = f"its sentinel to be readable: {state.error}"
            return self._trouble
        self._sentinel_looks += 1
        if state.state == REQUIRED and self._sentinel_looks < SENTINEL_ATTEMPTS:
            self._trouble = f"the sentinel {self.sentinel.sentinel} to go"
            return self._trouble
        self._still_required = state.state == REQUIRED
        return ""

    def _others_not_ready(self) -> list[str]:
        return sorted(pod.key for pod in (self._pods or {}).values() if not pod.finished and not pod.ready)

    def _handle(self, message: Any) -> None:
        if isinstance(message, Unfollowed):
            if not message.error.transient:
                raise message.error
            self.context.progress.waiting(
                "reboot", f"the API server: {message.error.message}", self._elapsed, self.limits.timeout
            )
        elif message.source == "node":
            items = message.items if isinstance(message, Listed) else [message.item]
            gone = not items or (isinstance(message, Changed) and message.kind == "DELETED")
            self._on_node(None if gone else Node(items[0]))
        elif isinstance(message, Listed):
            self._pods = {pod.uid: pod for pod in map(Pod, message.items)}
        elif self._pods is not None:
            pod = Pod(message.item)
            if message.kind == "DELETED":
                self._pods.pop(pod.uid, None)
            else:
                self._pods[pod.uid] = pod

    def _on_node(self, node: Node | None) -> None:
        if node is not None and self._last is not None and node.uid != self._last.uid:
            self.context.progress.say("its Node object was deleted and has come back as a new one: cordoned again")
            node = self.cordon_again()
        self._node = node
        self._last = node or self._last

    def _check_limits(self, missing: str) -> None:
        limits, elapsed = self.limits, self._elapsed
        hopeless = self.sent.restart and self._operation.ended and self._since_sent > limits.horizon
        if hopeless and self._node is not None and not self._booted_at:
            told = f" ({self._operation.unknown})" if self._operation.unknown else ""
            raise self._not_carried_out(f"in all that time nothing came of the restart{told}")
        if self._operation.unknown and limits.horizon - self.sent.age > limits.timeout:
            raise RebootError(
                f"{self.name}: it is not known whether the restart is still to come ({self._operation.unknown}): "
                f"the node stays cordoned; look at it again {limits.horizon:.0f} s after the restart was sent",
                reason="restart_unknown",
                node=self.name,
            )
        if self.restarter.in_guest and self.sent.restart and not self._booted_at and self._since_sent > limits.guest:
            self._check_guest()
        if elapsed > limits.timeout:
            raise RebootError(
                f"{self.name}: not proven well within {limits.timeout:.0f} s after the restart: still missing: "
                f"{missing}; the node stays cordoned",
                reason="reboot_timeout",
                node=self.name,
                details={"missing": missing},
            )
        if self._node is not None or elapsed > _PATIENCE:
            self.context.progress.waiting("reboot", missing, elapsed, limits.timeout)

    def _check_guest(self) -> None:
        """An in-guest reboot that has not begun by now never will, if the node still answers."""
        if self._node is None:
            return
        try:
            self.restarter.check(self._node)
        except RebootError:
            return
        raise self._not_carried_out("the reboot command did nothing")

    def _not_carried_out(self, why: str) -> NotCarriedOut:
        return NotCarriedOut(
            f"{self.name}: {self._since_sent:.0f} s after the restart was sent the node still runs with its old boot "
            f"ID: {why}",
            reason="restart_ignored",
            node=self.name,
        )
