# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to Ansible that modules and action plugins share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._errors import RebootError
from .._operations.context import Context, ParentGuard, Progress

Result = dict[str, Any]


@dataclass
class Call:
    """What a module's ``run`` is given beside its options: whether to change anything, and where progress goes."""

    check_mode: bool = False
    sink: Callable[[str], None] = lambda _line: None
    guard: Callable[[], None] = field(default_factory=ParentGuard)

    def context(self, node: str) -> Context:
        return Context(Progress(node, self.sink), self.guard)


Run = Callable[[Mapping[str, Any], Call], Result]


def failure(error: RebootError) -> Result:
    """A failed result: one line for people, and the same in words and facts that a playbook can test."""
    return {"msg": error.message, "reason": error.reason, "node": error.node, **error.details}


def run_module(spec: Mapping[str, Any], run: Run, **arguments: Any) -> None:
    """``main()`` of every module: ``arguments`` are more keywords for AnsibleModule."""
    module = AnsibleModule(argument_spec=dict(spec), supports_check_mode=True, **arguments)
    try:
        result = run(module.params, Call(module.check_mode, guard=_always))
    except RebootError as error:
        module.fail_json(**failure(error))
    else:
        module.exit_json(**result)


def _always() -> None:
    """A module cannot see whether its playbook is alive: its parent is a shell that survives. The actions can."""
