# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following Azure's restart operation, beside the wait for the node."""

from __future__ import annotations

from .._clients.arm import Operation
from .._decisions.node import Node
from .._errors import ArmError
from .context import Context
from .restart import Restarter


class OperationWatch:
    """One operation, looked at every ``poll`` seconds, or as much later as Azure asks for.

    ``ended`` says that nothing is to come of it any more; ``unknown`` why, all the same, nobody can say whether the
    restart was or will be carried out (empty when it is plain). Without a URL there is nothing to follow.
    """

    def __init__(self, restarter: Restarter, url: str, unknown: str, poll: float, context: Context) -> None:
        self._restarter = restarter
        self._url = url
        self._poll = poll
        self._context = context
        self._next_look = 0.0
        self.ended = not url
        self.unknown = unknown

    def look(self, node: Node) -> None:
        """Ask Azure if it is time to; what it does not answer now it is asked again later."""
        now = self._context.clock.monotonic()
        if self.ended or now < self._next_look:
            return
        operation = self._ask(node)
        self._next_look = now + max(self._poll, operation.retry_after or 0.0)
        if operation.state == "running":
            return
        self.ended = True
        if operation.state != "succeeded":
            self.unknown = f"Azure ended the restart as {operation.error or 'not known any more'}"
            self._context.progress.say(self.unknown)

    def _ask(self, node: Node) -> Operation:
        try:
            return self._restarter.operation(node, self._url)
        except ArmError as error:
            if error.status in (401, 403):
                return Operation("gone", error.message)
            self._context.progress.say(f"the restart operation cannot be followed right now: {error.message}")
            return Operation("running", retry_after=error.retry_after)
