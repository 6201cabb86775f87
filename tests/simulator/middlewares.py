# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""aiohttp middlewares that record each request and let faults strike it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .faults import Call, Fault, Faults, Server
from .recorder import Entry, Recorder

_ENTRY = web.RequestKey("entry", Entry)


def server_of(request: web.Request, default: Server) -> Server:
    """ "arm" and "entra" share one listener: only paths below /subscriptions are ARM's."""
    if default == "arm" and not request.path.lower().startswith("/subscriptions"):
        return "entra"
    return default


def record_requests(recorder: Recorder, server: Server) -> Middleware:
    """Middleware that notes each request before anything can happen to it."""

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        entry = recorder.begin(
            server_of(request, server),
            request.method,
            request.path,
            request.query_string,
            request.headers.get("User-Agent", ""),
        )
        request[_ENTRY] = entry
        try:
            response = await handler(request)
        except web.HTTPException as error:
            entry.status = error.status
            raise
        except asyncio.CancelledError:
            entry.status = entry.status or 0
            raise
        if entry.status is None:
            entry.status = response.status
        return response

    return record


async def note_status(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler for on_response_prepare: a watch has its status long before it ends."""
    entry = request.get(_ENTRY)
    if entry is not None and entry.status is None:
        entry.status = response.status


def apply_faults(faults: Faults) -> Middleware:
    """Middleware that lets the faults strike that concern requests."""

    @web.middleware
    async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
        entry = request[_ENTRY]
        query = f"?{request.query_string}" if request.query_string else ""
        call = Call(entry.server, request.method, f"{request.path}{query}", entry.own)
        fault = faults.strike_request(call)
        if fault is None:
            return await handler(request)
        return await _strike(fault, call, request, handler)

    return apply


async def _strike(fault: Fault, call: Call, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.kind == "http-status":
        return _refusal(fault, call)
    if fault.kind == "eviction-refused":
        return _eviction_refusal(fault)
    if fault.kind == "hold":
        await _wait(fault, None)
        return await handler(request)
    if fault.kind == "hang":
        if fault.when == "after":
            response = await handler(request)
            await _wait(fault, fault.seconds)
            return response if fault.seconds is not None else cut(request)
        await _wait(fault, fault.seconds)
        return cut(request) if fault.seconds is None else await handler(request)
    if fault.seconds is not None:
        timer = asyncio.get_running_loop().call_later(fault.seconds, cut, request)
        try:
            return await handler(request)
        finally:
            timer.cancel()
    if fault.when == "after":
        await handler(request)
    return cut(request)


async def _wait(fault: Fault, seconds: float | None) -> None:
    fault.held += 1
    try:
        await asyncio.wait_for(fault.over.wait(), seconds)
    except TimeoutError:
        pass
    finally:
        fault.held -= 1


def cut(request: web.Request) -> web.Response:
    """Close the connection of a request without an answer; the response returned is for the server only."""
    request[_ENTRY].status = 0
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _refusal(fault: Fault, call: Call) -> web.Response:
    body = {"api": _kubernetes_body, "arm": _arm_body, "entra": _entra_body}[call.server](fault)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web.Response(
        status=fault.code, body=json.dumps(body).encode(), content_type="application/json", headers=headers
    )


_KUBERNETES_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def _kubernetes_body(fault: Fault) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": fault.message or f"simulated fault {fault.id}: status {fault.code}",
        "reason": fault.error_code or _KUBERNETES_REASONS.get(fault.code, ""),
        "code": fault.code,
    }


_ARM_ERRORS = {
    401: ("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."),
    403: ("AuthorizationFailed", "The client does not have authorization to perform this action over this scope."),
    404: ("ResourceNotFound", "The resource was not found."),
    409: ("OperationNotAllowed", "The operation is not allowed on this virtual machine at the moment."),
    500: ("InternalOperationError", "An internal execution error occurred. Please retry later."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable. Please retry later."),
}


def _arm_body(fault: Fault) -> dict[str, Any]:
    if fault.code == 429:
        # Compute has its own shape of this error: the same code as its 409, and the real reason in the details.
        error: dict[str, Any] = {
            "code": fault.error_code or "OperationNotAllowed",
            "message": fault.message
            or "The server rejected the request because too many requests have been received for this subscription.",
            "details": [
                {"code": "TooManyRequests", "target": "VMScaleSetVMs", "message": '{"allowedRequestCount":12}'}
            ],
        }
        return {"error": error}
    code, message = _ARM_ERRORS.get(fault.code, ("SimulatedFault", f"Simulated fault {fault.id}."))
    return {"error": {"code": fault.error_code or code, "message": fault.message or message}}


def _entra_body(fault: Fault) -> dict[str, Any]:
    code = "temporarily_unavailable" if fault.code >= 500 else "invalid_request"
    return {"error": fault.error_code or code, "error_description": fault.message or "Simulated fault."}


def _eviction_refusal(fault: Fault) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "reason": "TooManyRequests",
        "details": {
            "causes": [
                {
                    "reason": "DisruptionBudget",
                    "message": "The disruption budget simulated needs 1 healthy pods and has 1 currently",
                }
            ]
        },
        "code": 429,
    }
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web.Response(status=429, body=json.dumps(body).encode(), content_type="application/json", headers=headers)
