# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to Ansible that modules and action plugins share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._clients.kubernetes import KubernetesClient
from .._errors import RebootError
from .._operations.context import Context, Interrupted, NoWrites, ParentGuard, Progress, SystemClock
from .._operations.events import record_failure
from .._operations.give_up import give_up
from .._operations.kured import Kured
from .._operations.ledger import LedgerStore
from .._operations.slot_guard import SlotGuard
from .specs import Params, kubernetes_access, kured_settings, lock_settings

Result = dict[str, Any]


@dataclass
class Call:
    """What a module's ``run`` is given beside its options: whether to change anything, where progress goes, and what
    raises GuardLost once the playbook is gone."""

    check_mode: bool = False
    sink: Callable[[str], None] = lambda _line: None
    parent: Callable[[], None] = field(default_factory=ParentGuard)

    def looking(self, node: str) -> Context:
        """The context of an operation that only reads."""
        return Context(Progress(node, self.sink), NoWrites())


@dataclass(frozen=True)
class Session:
    """What an operation on one node works with."""

    client: KubernetesClient
    store: LedgerStore
    kured: Kured
    context: Context


@contextmanager
def session(params: Params, call: Call) -> Iterator[Session]:
    """A session with the cluster for looking at one node, with the timeouts that its lock asks for."""
    settings = lock_settings(params)
    with KubernetesClient(kubernetes_access(params), timeout=settings.request) as client:
        clock = SystemClock()
        store, kured = LedgerStore(client, settings, clock), Kured(client, kured_settings(params), clock)
        yield Session(client, store, kured, call.looking(params.get("node") or "cluster"))


@contextmanager
def held(opened: Session, params: Params, call: Call) -> Iterator[Context]:
    """The context of a phase that writes to the node: under the guard of the slot that this run holds for it.

    In check mode nothing is written and no slot is needed. A phase that is stopped on purpose is rolled back first
    where that is possible; a failure is told as an Event on the node. Raises GuardLost without a slot.
    """
    if call.check_mode:
        yield opened.context
        return
    with SlotGuard(opened.store, params["run_id"], params["node"], kured=opened.kured, parent=call.parent) as guard:
        context = Context(opened.context.progress, guard, guard.clock)
        try:
            yield context
        except Interrupted:
            guard.outlive_parent()
            give_up(opened.client, opened.store, opened.kured, params["run_id"], params["node"], context)
            raise
        except RebootError as error:
            record_failure(opened.client, params["node"], error, context)
            raise


Run = Callable[[Params, Call], Result]


def failure(error: RebootError) -> Result:
    """A failed result: one line for people, and the same in words and facts that a playbook can test."""
    return {"msg": error.message, "reason": error.reason, "node": error.node, **error.details}


def run_module(spec: Mapping[str, Any], run: Run, **arguments: Any) -> None:
    """``main()`` of every module: ``arguments`` are more keywords for AnsibleModule."""
    module = AnsibleModule(argument_spec=dict(spec), supports_check_mode=True, **arguments)
    try:
        result = run(module.params, Call(module.check_mode, parent=_always))
    except RebootError as error:
        module.fail_json(**failure(error))
    else:
        module.exit_json(**result)


def _always() -> None:
    """A module cannot see whether its playbook is alive: its parent is a shell that survives. The actions can."""
