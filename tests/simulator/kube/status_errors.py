# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures as a Kubernetes API server words them: an HTTP code and a ``Status`` object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .resources import Resource


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong: ``reason`` is a cause such as ``FieldValueInvalid``, ``detail`` the text after it."""

    reason: str
    field: str
    detail: str

    def cause(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.detail, "field": self.field}

    def text(self) -> str:
        return f"{self.field}: {self.detail}"


def required(field: str, why: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, "Required value" + (f": {why}" if why else ""))


def invalid_value(field: str, value: object, why: str) -> FieldError:
    return FieldError("FieldValueInvalid", field, f"Invalid value: {json.dumps(value)}: {why}")


def forbidden_field(field: str, why: str) -> FieldError:
    return FieldError("FieldValueForbidden", field, f"Forbidden: {why}")


def duplicate_value(field: str, value: object, why: str = "") -> FieldError:
    return FieldError(
        "FieldValueDuplicate", field, f"Duplicate value: {json.dumps(value)}" + (f": {why}" if why else "")
    )


def not_supported(field: str, value: object, supported: Sequence[str]) -> FieldError:
    names = ", ".join(json.dumps(name) for name in supported)
    return FieldError(
        "FieldValueNotSupported", field, f"Unsupported value: {json.dumps(value)}: supported values: {names}"
    )


class StatusError(Exception):
    """A request that failed. ``retry_after`` is in seconds; 0 means that the answer carries no such hint."""

    def __init__(
        self, code: int, reason: str, message: str, details: dict[str, Any] | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The ``Status`` object to answer with."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        details = dict(self.details or {})
        if self.retry_after:
            details["retryAfterSeconds"] = self.retry_after
        if self.details is not None or details:
            status["details"] = details
        status["code"] = self.code
        return status


def _details(group: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    details.update(more)
    return details


def success(details: dict[str, Any] | None = None, code: int = 0) -> dict[str, Any]:
    """The ``Status`` that says that a request was carried out."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        status["details"] = details
    if code:
        status["code"] = code
    return status


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[dict[str, str]] = ()) -> StatusError:
    more: dict[str, Any] = {"causes": list(causes)} if causes else {}
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return StatusError(
        403, "Forbidden", f"{subject} is forbidden: {why}", _details(resource.group, resource.plural, name, **more)
    )


def not_found(resource: Resource, name: str) -> StatusError:
    return StatusError(
        404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource.group, resource.plural, name)
    )


def path_not_found() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_acceptable() -> StatusError:
    return StatusError(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json",
    )


def already_exists(resource: Resource, name: str) -> StatusError:
    return StatusError(
        409,
        "AlreadyExists",
        f'{resource.qualified} "{name}" already exists',
        _details(resource.group, resource.plural, name),
    )


def conflict(group: str, what: str, name: str, why: str) -> StatusError:
    """``what`` is the plural name or the kind, whichever the real server prints in this place."""
    qualified = f"{what}.{group}" if group else what
    return StatusError(
        409, "Conflict", f'Operation cannot be fulfilled on {qualified} "{name}": {why}', _details(group, what, name)
    )


def modified(resource: Resource, name: str) -> StatusError:
    return conflict(
        resource.group,
        resource.plural,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )


def expired(message: str, continue_token: str = "") -> StatusError:
    error = StatusError(410, "Expired", message)
    if continue_token:
        return ContinueExpired(message, continue_token)
    return error


class ContinueExpired(StatusError):
    """410 that offers a token to go on with, at the price of a list that mixes two points in time."""

    def __init__(self, message: str, continue_token: str) -> None:
        super().__init__(410, "Expired", message)
        self.continue_token = continue_token

    def body(self) -> dict[str, Any]:
        status = super().body()
        status["metadata"] = {"continue": self.continue_token}
        return status


def unsupported_media_type(supported: Sequence[str]) -> StatusError:
    return StatusError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: " + ", ".join(supported),
    )


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    qualified = f"{kind}.{group}" if group else kind
    texts = [error.text() for error in errors]
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    return StatusError(
        422,
        "Invalid",
        f'{qualified} "{name}" is invalid: {text}',
        _details(group, kind, name, causes=[error.cause() for error in errors]),
    )


def unprocessable() -> StatusError:
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def too_many_requests(message: str, retry_after: int, causes: Sequence[dict[str, str]] = ()) -> StatusError:
    details: dict[str, Any] = {"causes": list(causes)} if causes else {}
    return StatusError(429, "TooManyRequests", message, details, retry_after)
