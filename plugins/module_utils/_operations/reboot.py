# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reboot: send one restart, and wait until the node has proven it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .._clients.kubernetes import KubernetesClient
from .._decisions.journal import CORDONED, DRAINED, PROVEN, REBOOTING, Journal
from .._decisions.node import Node
from .._decisions.proof import Baseline
from .._decisions.times import format_time
from .._errors import RebootError, Refused
from .context import Context
from .cordon import cordon_again
from .events import record_event
from .node_pods import list_node_pods
from .node_writes import Patch, change_node, fenced_journal, journal_patch, move_journal, owned_journal, read_node
from .proof import NotCarriedOut, ProofWait, Sent, SentinelCheck, WaitLimits
from .restart import NotSent, Restarter, Unknown
from .volumes import wait_for_detach

SEND_ATTEMPTS = 3
"""How often a restart that Azure definitely did not take (busy, throttled) is offered."""


@dataclass(frozen=True)
class RebootOptions:
    """``run`` owns the node's journal. Seconds: ``volume_detach_timeout`` to wait for volumes before the restart,
    ``retry_after_limit`` at most between two offers of a restart that Azure refused; ``limits`` of the proof.
    ``force_reboot`` reboots although the drain did not succeed (kured's ``--force-reboot``)."""

    run: str
    force_reboot: bool = False
    volume_detach_timeout: float = 60
    retry_after_limit: float = 300
    limits: WaitLimits = field(default_factory=WaitLimits)


@dataclass
class RebootResult:
    """``restart_sent`` is false when the node had rebooted by itself; ``still_required`` when the sentinel is there
    after the proof; ``pods_not_ready`` are others than the DaemonSets' that have to be; ``times`` are RFC 3339 times of
    the steps ``started``, ``sent``, ``booted`` and ``proven``."""

    boot_id_before: str
    boot_id_after: str = ""
    restart_sent: bool = False
    operation: str = ""
    still_required: bool = False
    volumes_attached: list[str] = field(default_factory=list)
    pods_not_ready: list[str] = field(default_factory=list)
    times: dict[str, str] = field(default_factory=dict)


def reboot(
    client: KubernetesClient,
    name: str,
    restarter: Restarter,
    sentinel: SentinelCheck | None,
    options: RebootOptions,
    context: Context,
) -> RebootResult:
    """Restart node ``name``, which run ``options.run`` has drained, exactly once, and see it come back well.

    Raises NotSent or Refused when no restart was carried out (the journal says ``drained`` again, so it may be rolled
    back), and RebootError with the reasons ``restart_unknown``, ``reboot_timeout`` or ``machine_gone`` when one may
    have been: then the node stays cordoned.
    """
    return _Reboot(client, name, restarter, sentinel, options, context).run()


class _Reboot:
    def __init__(
        self,
        client: KubernetesClient,
        name: str,
        restarter: Restarter,
        sentinel: SentinelCheck | None,
        options: RebootOptions,
        context: Context,
    ) -> None:
        self._client = client
        self._name = name
        self._restarter = restarter
        self._sentinel = sentinel
        self._options = options
        self._context = context
        self._replaced = False

    def run(self) -> RebootResult:
        node = read_node(self._client, self._name, self._context)
        journal = self._rebootable(node)
        self._marked = journal
        result = RebootResult(journal.boot_id, times={"started": self._now()})
        sent = Sent()
        if node.boot_id == journal.boot_id:
            self._restarter.check(node)
            result.volumes_attached = wait_for_detach(
                self._client, self._name, self._context, limit=self._options.volume_detach_timeout
            )
        baseline = self._baseline(node, journal)
        if node.boot_id == journal.boot_id:
            sent = self._send()
            result.restart_sent, result.operation = sent.restart, sent.operation
            result.times["sent"] = self._now()
        if not sent.restart:
            self._context.progress.say("has rebooted by itself since it was cordoned: no restart is sent")
        wait = ProofWait(
            self._client,
            self._name,
            baseline,
            sent,
            self._restarter,
            self._sentinel,
            self._options.limits,
            self._context,
            self._cordon_again,
        )
        try:
            proof = wait.run()
        except NotCarriedOut as error:
            self._unmark()
            raise RebootError(error.message, reason=error.reason, node=self._name) from error
        except RebootError as error:
            if error.reason == "machine_gone":
                self._context.guard.restart_settled()
            raise
        proven = self._note_proof()
        if self._replaced:
            # The slot still names the old object; with nothing outstanding it may be released for the new one.
            self._context.guard.restart_settled()
        result.boot_id_after = proven.boot_id
        result.still_required = proof.still_required
        result.pods_not_ready = proof.pods_not_ready
        result.times |= {"booted": proof.booted_at, "proven": self._now()}
        return result

    def _cordon_again(self) -> Node:
        node = cordon_again(self._client, self._name, self._marked, self._context)
        self._replaced = True
        return node

    def _now(self) -> str:
        return format_time(self._context.clock.utcnow())

    def _rebootable(self, node: Node) -> Journal:
        journal = fenced_journal(node, self._options.run)
        allowed = (CORDONED, DRAINED) if self._options.force_reboot else (DRAINED,)
        if journal.phase in allowed:
            return journal
        why = (
            f"a restart was sent at {journal.marked} already"
            if journal.phase == REBOOTING
            else "it is not drained"
            if journal.phase == CORDONED
            else f"its journal is in phase {journal.phase}"
        )
        raise Refused(f"{self._name}: no restart is sent: {why}", reason="wrong_phase", node=self._name)

    def _baseline(self, node: Node, journal: Journal) -> Baseline:
        """What the proof compares with. For a node that has booted already there is no "before" to be read any more."""
        if node.boot_id != journal.boot_id:
            return Baseline(journal.boot_id, None, frozenset(), journal.daemonsets)
        pods = list_node_pods(self._client, self._name, self._context)
        return Baseline(
            journal.boot_id,
            node.heartbeat,
            frozenset(container for pod in pods for container in pod.container_ids()),
            journal.daemonsets,
        )

    def _send(self) -> Sent:
        for attempt in range(1, SEND_ATTEMPTS + 1):
            marked = self._mark()
            if marked is None:
                return Sent()
            try:
                return self._send_once(marked)
            except NotSent as error:
                self._unmark()
                if error.retry_after is None or attempt == SEND_ATTEMPTS:
                    raise
                pause = min(error.retry_after, self._options.retry_after_limit)
                self._context.progress.say(f"restart not taken, next try in {pause:.0f} s: {error.message}")
                self._context.clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _mark(self) -> Node | None:
        """Write ``rebooting`` with a fresh boot ID; None when the node has rebooted by itself meanwhile."""

        def change(node: Node) -> Patch | None:
            journal = fenced_journal(node, self._options.run)
            if journal.phase == REBOOTING or node.boot_id != journal.boot_id:
                return None
            return journal_patch(journal.to(REBOOTING, marked=self._now()))

        node = change_node(self._client, self._name, change, self._context).after
        self._marked = owned_journal(node, self._options.run)
        fresh = read_node(self._client, self._name, self._context)
        return None if fresh.boot_id != self._marked.boot_id else fresh

    def _send_once(self, node: Node) -> Sent:
        self._context.guard.before_restart()
        try:
            operation = self._restarter.send(node, self._context.guard)
        except Unknown as error:
            self._context.progress.say(f"whether the restart was taken is not known: {error.message}")
            return Sent(restart=True, unknown=error.message)
        self._context.progress.say("restart sent")
        if operation:
            self._note_operation(operation)
        record_event(self._client, node, "RebootSent", f"Restart sent by run {self._options.run}", self._context)
        return Sent(restart=True, operation=operation)

    def _note_operation(self, operation: str) -> None:
        def change(node: Node) -> Patch | None:
            journal = owned_journal(node, self._options.run)
            return None if journal.operation == operation else journal_patch(replace(journal, operation=operation))

        change_node(self._client, self._name, change, self._context)

    def _unmark(self) -> None:
        """Back to ``drained``: no restart of ours is outstanding."""
        move_journal(self._client, self._name, self._options.run, DRAINED, self._context)
        self._context.guard.restart_settled()

    def _note_proof(self) -> Node:
        proven = move_journal(self._client, self._name, self._options.run, PROVEN, self._context)
        self._context.progress.say("rebooted and proven well")
        record_event(self._client, proven, "RebootProven", "Rebooted, Ready, DaemonSets running", self._context)
        return proven
