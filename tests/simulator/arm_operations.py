# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM's errors and long-running operations, apart from what the operations do."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .layout import LOCATION, SUBSCRIPTION
from .settings import Settings


class ArmError(Exception):
    """An error answer: HTTP status, ARM's code and a message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class OperationError(Exception):
    """An accepted operation that fails later."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclasses.dataclass
class Operation:
    """One long-running operation. result: what the final GET on Location returns."""

    id: str
    started: str
    status: str = "InProgress"
    ended: str | None = None
    error: dict[str, str] | None = None
    result: Any = None

    def as_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"startTime": self.started, "status": self.status, "name": self.id}
        if self.ended is not None:
            shown["endTime"] = self.ended
        if self.error is not None:
            shown["error"] = self.error
        return shown


class Operations:
    """Starts operations, and answers for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._operations: dict[str, Operation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Callable[[], Awaitable[Any]]) -> Operation:
        """Run `work` in the background; its result or OperationError ends the operation."""
        operation = Operation(str(uuid.uuid4()), _now())
        self._operations[operation.id] = operation
        task = asyncio.get_running_loop().create_task(_carry_out(operation, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return operation

    def accepted(
        self, request: web.Request, operation: Operation, status: int = 202, body: Any = None, provider: str = "Compute"
    ) -> web.Response:
        """The answer that leads the caller to the operation."""
        response = answer(status, body)
        url = (
            f"https://{request.host}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.{provider}"
            f"/locations/{LOCATION}/operations/{operation.id}?api-version={request.query['api-version']}"
        )
        response.headers["Azure-AsyncOperation"] = url
        response.headers["Location"] = f"{url}&monitor=true"
        self._advise(response)
        return response

    def poll(self, request: web.Request, identity: str) -> web.Response:
        """The answer to a GET on Azure-AsyncOperation or, with monitor=true, on Location."""
        operation = self._operations.get(identity)
        if operation is None:
            raise ArmError(404, "OperationNotFound", f"The operation {identity} could not be found.")
        if request.query.get("monitor") != "true":
            response = answer(200, operation.as_dict())
        elif operation.status == "InProgress":
            response = answer(202, None)
            response.headers["Location"] = str(request.url.with_scheme("https"))
        elif operation.error is not None:
            return answer(409, {"error": operation.error})
        else:
            return answer(200, operation.result)
        if operation.status == "InProgress":
            self._advise(response)
        return response

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _advise(self, response: web.Response) -> None:
        seconds = self._settings.arm_retry_after
        if seconds >= 1:
            response.headers["Retry-After"] = f"{seconds:.0f}"
        elif seconds > 0:
            # Retry-After knows whole seconds only; the SDK reads this one in milliseconds too.
            response.headers["x-ms-retry-after-ms"] = f"{1000 * seconds:.0f}"


async def _carry_out(operation: Operation, work: Callable[[], Awaitable[Any]]) -> None:
    try:
        operation.result = await work()
        operation.status = "Succeeded"
    except OperationError as error:
        operation.error = {"code": error.code, "message": error.message}
        operation.status = "Failed"
    operation.ended = _now()


def answer(status: int, body: Any) -> web.Response:
    """A JSON answer, or one without content when `body` is None."""
    if body is None:
        return web.Response(status=status)
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
