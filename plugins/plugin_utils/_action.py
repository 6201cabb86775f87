# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugins' common part: a module's ``run`` inside the controller process, with live progress."""

from __future__ import annotations

import io
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar, NoReturn

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Run, failure
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import RebootError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Interrupted

if multiprocessing.parent_process() is None and isinstance(sys.stdout, io.TextIOWrapper):
    # We are in the controller itself, before its workers: progress shall be live in a pipe or a file, too, and
    # ansible-core does not flush what it displays.
    sys.stdout.reconfigure(line_buffering=True)


class RebootAction(ActionBase):
    """Runs a module's ``run`` here instead of in a process of its own: 0.02 s instead of 1 s, progress as it happens,
    and an end when the controller ends. A subclass names the module's argument spec and its ``run``."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    SPEC: ClassVar[Mapping[str, Any]]
    CONDITIONS: ClassVar[Mapping[str, Any]] = {}
    MODULE_RUN: ClassVar[Run]

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        validation, params = self.validate_argument_spec(dict(self.SPEC), **self.CONDITIONS)
        secrets = validation._no_log_values
        display = Display()
        call = Call(check_mode=self._task.check_mode, sink=lambda line: display.display(remove_values(line, secrets)))
        try:
            with _stoppable():
                result = type(self).MODULE_RUN(params, call)
        except RebootError as error:
            result = {"failed": True, **failure(error)}
        except Interrupted:
            result = {"failed": True, "msg": "stopped by a signal", "reason": "interrupted"}
        return dict(remove_values(result, secrets))


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into an Interrupted, so that what is under way can be rolled back."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # one is enough: the clean-up is short, and shall not be cut off
        raise Interrupted

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
