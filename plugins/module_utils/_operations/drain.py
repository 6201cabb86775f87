# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drain: evict every pod that kubectl drain would, and wait until they are gone.

Evictions go out in parallel; one watch tells which pods are gone; budgets that refuse are watched too. So a drain of N
pods costs about 2 N requests, however long it waits.
"""

from __future__ import annotations

import contextlib
import queue
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .._clients.kubernetes import KubernetesClient, Params
from .._decisions.budgets import Budgets, pause
from .._decisions.drain_filters import Action, DrainOptions, judge
from .._decisions.eviction import Budget, Refusal, judge_refusal
from .._decisions.journal import CORDONED, DRAINED, Journal
from .._decisions.node import Node
from .._decisions.pods import OwnerState, Pod
from .._decisions.rows import pod_row
from .._errors import KubernetesError, RebootError, Refused
from .context import Context
from .events import record_event
from .evict import budgets_path, covering_budgets, evict
from .follow import Changed, Follower, Listed, Unfollowed
from .node_pods import PODS, node_pods_params
from .node_writes import Patch, change_node, fenced_journal, journal_patch, read_node
from .owners import read_owners
from .retry import retried

PARALLEL = 10
"""Evictions under way at once."""

_TICK = 1.0


@dataclass
class DrainResult:
    """``evicted``: the pods that were evicted; ``left``: those that were not, with the reason; ``warnings``: what an
    eviction cost; ``returned``: pods whose owner put them back on the cordoned node; ``owners``: whose pods were
    displaced, with their readiness before; ``seconds``: how long it took."""

    evicted: list[Pod] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    returned: list[str] = field(default_factory=list)
    owners: list[OwnerState] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Answer:
    """What came of one eviction request."""

    uid: str
    error: BaseException | None


@dataclass
class _Target:
    pod: Pod
    attempts: int = 0
    due: float = 0.0
    flying: bool = False
    accepted: bool = False
    refusal: KubernetesError | None = None


def drain(
    client: KubernetesClient, name: str, run: str, options: DrainOptions, context: Context, *, check_mode: bool = False
) -> DrainResult:
    """Empty node ``name``, which run ``run`` has cordoned, and note it in the journal.

    Raises Refused before anything is evicted when a pod forbids it, and RebootError with the reason ``drain_timeout``
    or ``eviction_failed``, naming each pod that is left.
    """
    node = read_node(client, name, context)
    if not check_mode:
        _require_drainable(node, run)
    work = _Drain(client, name, options, context)
    work.look()
    if check_mode:
        return work.preview()
    result = work.evict_all()

    def note(current: Node) -> Patch | None:
        journal = _require_drainable(current, run)
        return None if journal.phase == DRAINED else journal_patch(journal.to(DRAINED))

    noted = change_node(client, name, note, context)
    context.progress.say(f"drained: {len(result.evicted)} pods evicted in {result.seconds:.0f} s")
    record_event(client, noted.after, "RebootDrain", f"Drained by run {run}: {len(result.evicted)} pods", context)
    return result


def _require_drainable(node: Node, run: str) -> Journal:
    journal = fenced_journal(node, run)
    if journal.phase not in (CORDONED, DRAINED):
        raise Refused(
            f"{node.name}: its journal is in phase {journal.phase}: it is past the drain",
            reason="wrong_phase",
            node=node.name,
        )
    return journal


class _Drain:
    """One drain under way. All state belongs to the thread that calls :meth:`evict_all`; the workers and the followers
    only put messages into its queue."""

    def __init__(self, client: KubernetesClient, node: str, options: DrainOptions, context: Context) -> None:
        self._client = client
        self._node = node
        self._options = options
        self._context = context
        self._clock = context.clock
        self._messages: queue.Queue[Any] = queue.Queue()
        self._targets: dict[str, _Target] = {}
        self._initial: Counter[str] = Counter()
        self._late: Counter[str] = Counter()
        self._daemonsets: set[str] = set()
        self._budgets: Budgets = Budgets()
        self._followed: set[str] = set()
        self._throttled_until = 0.0
        self._version = ""
        self._started = self._clock.monotonic()
        self._result = DrainResult()

    def look(self) -> None:
        """Read the node's pods and judge them. Raises Refused when one forbids the drain."""
        pods = self._list()
        if any(pod.owner is not None and pod.owner.kind == "DaemonSet" for pod in pods):
            self._daemonsets = {
                f"{item['metadata']['namespace']}/{item['metadata']['name']}"
                for item in retried(lambda: list(self._client.items("/apis/apps/v1/daemonsets")), self._clock)
            }
        refusals = {}
        for pod in pods:
            verdict = judge(pod, self._options, self._daemonsets, self._clock.utcnow())
            if verdict.action is Action.REFUSE:
                refusals[pod.key] = verdict.reason
            elif verdict.action is Action.LEAVE:
                self._result.left[pod.key] = verdict.reason
            else:
                self._add(pod, verdict.reason)
                self._initial[_lineage(pod)] += 1
        if refusals:
            raise Refused(
                f"{self._node}: cannot be drained: " + "; ".join(f"pod {key} {why}" for key, why in refusals.items()),
                reason="drain_refused",
                node=self._node,
                details={"pods": [{"pod": key, "reason": why} for key, why in refusals.items()]},
            )

    def preview(self) -> DrainResult:
        """What would be evicted, for check mode."""
        self._result.evicted = [target.pod for target in self._targets.values()]
        return self._result

    def evict_all(self) -> DrainResult:
        if self._targets:
            owners = [target.pod.owner for target in self._targets.values()]
            with contextlib.ExitStack() as stack:
                pool = stack.enter_context(ThreadPoolExecutor(PARALLEL, "evict"))
                stack.callback(pool.shutdown, cancel_futures=True)
                self._result.owners = read_owners(self._client, owners, pool)
                stack.enter_context(
                    Follower(self._client, PODS, self._pods_params, self._messages, "pods", self._version)
                )
                self._loop(pool, stack)
        self._result.seconds = self._clock.monotonic() - self._started
        return self._result

    def _loop(self, pool: ThreadPoolExecutor, stack: contextlib.ExitStack) -> None:
        while True:
            self._drop_overdue()
            if not self._targets:
                self._reconcile(self._list())
                if not self._targets:
                    return
            self._launch(pool)
            self._check_deadline()
            with contextlib.suppress(queue.Empty):
                self._handle(self._messages.get(timeout=self._patience()), stack)
                while True:
                    self._handle(self._messages.get_nowait(), stack)

    @property
    def _pods_params(self) -> Params:
        return node_pods_params(self._node, self._options.pod_selector)

    def _list(self) -> list[Pod]:
        items, self._version = retried(lambda: self._client.list(PODS, self._pods_params), self._clock)
        return [Pod(item) for item in items]

    def _add(self, pod: Pod, warning: str) -> None:
        self._targets[pod.uid] = _Target(pod)
        if warning:
            self._result.warnings[pod.key] = warning

    def _patience(self) -> float:
        """Seconds until something has to be done even if nothing happens."""
        now = self._clock.monotonic()
        waiting = [t.due - now for t in self._targets.values() if not (t.flying or t.accepted)]
        soonest = min(waiting, default=_TICK) if self._throttled_until <= now else self._throttled_until - now
        if soonest <= 0:  # due already, so it is a budget or the number of workers that it waits for
            soonest = self._budgets.next_try(now)
        return min(_TICK, max(0.02, soonest))

    def _launch(self, pool: ThreadPoolExecutor) -> None:
        now = self._clock.monotonic()
        free = PARALLEL - sum(target.flying for target in self._targets.values())
        for target in self._targets.values():
            if free <= 0 or now < self._throttled_until:
                return
            if target.flying or target.accepted or now < target.due:
                continue
            if not self._budgets.admit(target.pod, now):
                continue
            target.flying = True
            target.attempts += 1
            free -= 1
            request = pool.submit(evict, self._client, target.pod, self._options.grace_period, self._context.guard)
            request.add_done_callback(partial(self._answered, target.pod.uid))

    def _answered(self, uid: str, request: Future[None]) -> None:
        if not request.cancelled():
            self._messages.put(_Answer(uid, request.exception()))

    def _handle(self, message: Any, stack: contextlib.ExitStack) -> None:
        if isinstance(message, _Answer):
            self._on_answer(message, stack)
        elif isinstance(message, Unfollowed):
            self._on_unfollowed(message)
        elif message.source == "pods":
            if isinstance(message, Listed):
                self._reconcile([Pod(item) for item in message.items])
            elif isinstance(message, Changed):
                self._on_pod(Pod(message.item), gone=message.kind == "DELETED")
        elif isinstance(message, Listed):
            self._budgets.replace(message.source, [Budget(item) for item in message.items])
        elif message.kind == "DELETED":
            self._budgets.remove(Budget(message.item))
        else:
            self._budgets.update(Budget(message.item))

    def _on_answer(self, answer: _Answer, stack: contextlib.ExitStack) -> None:
        target = self._targets.get(answer.uid)
        if target is None:
            return
        target.flying = False
        error = answer.error
        if error is None:
            target.accepted = True
            self._budgets.accepted(target.pod)
            return
        if not isinstance(error, KubernetesError):
            raise error
        target.refusal = error
        now = self._clock.monotonic()
        refusal = judge_refusal(error)
        if refusal in (Refusal.GONE, Refusal.LATER):
            self._budgets.undecided(target.pod, now)
        if refusal is Refusal.GONE:
            self._gone(target)
        elif refusal is Refusal.BUDGET:
            target.due = now if self._budgets.of(target.pod) else now + pause(target.attempts - 1)
            self._budgets.refused(target.pod, now, error.retry_after or 0.0)
            self._follow_budgets(target.pod.namespace, stack)
        elif refusal is Refusal.NEVER:
            raise self._failed(target, error)
        else:
            if error.status == 500:
                self._refuse_two_budgets(target)
            if error.status == 429:
                self._throttled_until = now + max(1.0, error.retry_after or 0.0)
            target.due = now + max(error.retry_after or 0.0, pause(target.attempts - 1))

    def _follow_budgets(self, namespace: str, stack: contextlib.ExitStack) -> None:
        if namespace in self._followed:
            return
        self._followed.add(namespace)
        stack.enter_context(Follower(self._client, budgets_path(namespace), None, self._messages, namespace))

    def _on_unfollowed(self, message: Unfollowed) -> None:
        if message.source == "pods" and not message.error.transient:
            raise message.error
        self._context.progress.waiting("drain", f"the API server: {message.error.message}", *self._time())

    def _on_pod(self, pod: Pod, *, gone: bool) -> None:
        target = self._targets.get(pod.uid)
        if target is None:
            if not gone:
                self._consider(pod)
        elif gone:
            self._gone(target)
        else:
            target.pod = pod

    def _gone(self, target: _Target) -> None:
        del self._targets[target.pod.uid]
        if target.accepted or target.attempts:
            self._result.evicted.append(target.pod)

    def _reconcile(self, pods: list[Pod]) -> None:
        alive = {pod.uid for pod in pods}
        for target in [t for uid, t in self._targets.items() if uid not in alive]:
            self._gone(target)
        for pod in pods:
            self._on_pod(pod, gone=False)

    def _consider(self, pod: Pod) -> None:
        """A pod that came after the drain began: evict it too, but never play ping-pong with its owner."""
        verdict = judge(pod, self._options, self._daemonsets, self._clock.utcnow())
        if verdict.action is not Action.EVICT or pod.uid in {done.uid for done in self._result.evicted}:
            return
        lineage = _lineage(pod)
        if self._late[lineage] >= max(1, self._initial[lineage]):
            if pod.key not in self._result.returned:
                self._result.returned.append(pod.key)
            return
        self._late[lineage] += 1
        self._add(pod, verdict.reason)

    def _drop_overdue(self) -> None:
        """Stop waiting for pods that have been terminating for too long, where the user said so."""
        if not self._options.skip_wait_for_delete_timeout:
            return
        for uid, target in list(self._targets.items()):
            verdict = judge(target.pod, self._options, self._daemonsets, self._clock.utcnow())
            if verdict.action is Action.LEAVE:
                self._result.left[target.pod.key] = verdict.reason
                del self._targets[uid]

    def _time(self) -> tuple[float, float]:
        return self._clock.monotonic() - self._started, self._options.timeout

    def _check_deadline(self) -> None:
        elapsed, limit = self._time()
        blocked = [self._blocked(target) for target in self._targets.values()]
        if not limit or elapsed < limit:
            self._say_what_is_left(blocked, elapsed, limit)
            return
        raise RebootError(
            f"{self._node}: not drained within {limit:.0f} s: " + "; ".join(item["message"] for item in blocked),
            reason="drain_timeout",
            node=self._node,
            details={
                "changed": bool(self._result.evicted),
                "blocked": blocked,
                "evicted": [pod_row(pod) for pod in self._result.evicted],
            },
        )

    def _say_what_is_left(self, blocked: list[dict[str, Any]], elapsed: float, limit: float) -> None:
        held = sorted({budget["name"] for item in blocked for budget in item["budgets"]})
        first = sorted(blocked, key=lambda item: not item["budgets"])[:2]
        if blocked:
            self._context.progress.waiting(
                "drain",
                f"{len(blocked)} pods to go, among them " + ", ".join(item["message"] for item in first),
                elapsed,
                limit,
                state=f"held by {held}",
            )

    def _blocked(self, target: _Target) -> dict[str, Any]:
        """Why a pod is still there."""
        pod = target.pod
        budgets = self._budgets.of(pod)
        item: dict[str, Any] = {"pod": pod.key, "budgets": [budget.numbers() for budget in budgets]}
        if target.accepted or pod.deleted_at is not None:
            held = f", held by finalizers {', '.join(pod.finalizers)}" if pod.finalizers else ""
            why = f"terminating{held}"
        elif budgets and target.refusal is not None:
            why = f"held by {', '.join(map(str, budgets))}"
        elif target.refusal is not None:
            why = f"refused: {target.refusal.message}"
        else:
            why = "about to be evicted"
        return {**item, "message": f"pod {pod.key} {why}"}

    def _refuse_two_budgets(self, target: _Target) -> None:
        """The API server answers 500, for ever, to the eviction of a pod that two budgets cover."""
        names = covering_budgets(self._client, target.pod)
        if len(names) > 1:
            raise RebootError(
                f"{self._node}: pod {target.pod.key} is covered by {len(names)} PodDisruptionBudgets "
                f"({', '.join(names)}), and Kubernetes evicts no such pod: leave it one",
                reason="eviction_failed",
                node=self._node,
                details={"pod": target.pod.key, "budgets": names},
            )

    def _failed(self, target: _Target, error: KubernetesError) -> RebootError:
        return RebootError(
            f"{self._node}: pod {target.pod.key} cannot be evicted: {error.message}",
            reason="eviction_failed",
            node=self._node,
            details={"pod": target.pod.key, "status": error.status},
        )


def _lineage(pod: Pod) -> str:
    """What makes a pod and its replacement the same workload."""
    return pod.owner.uid if pod.owner is not None else pod.key
