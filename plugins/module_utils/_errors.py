# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error hierarchy of the collection; modules and actions map it to their failed results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RebootError(Exception):
    """Something that stops the work, told in one line.

    ``reason`` is a stable snake_case word that playbooks may test; ``details`` holds the facts behind the message in
    a form that a playbook can read (JSON types only).
    """

    def __init__(
        self, message: str, *, reason: str, node: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.node = node
        self.details: dict[str, Any] = dict(details or {})


class InvalidSetting(RebootError):
    """An option or variable has a value that cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="invalid_setting")


class MissingLibrary(RebootError):
    """A Python library that this part needs is not installed; ``trace`` is the import's traceback."""

    def __init__(self, requirement: str, trace: str) -> None:
        super().__init__(
            f"the Python library {requirement} is missing: install the collection's requirements.txt "
            "into the Python that runs ansible-playbook",
            reason="missing_library",
        )
        self.trace = trace


class Refused(RebootError):
    """A safety rule forbids the step; nothing was written."""


class GuardLost(RebootError):
    """This process may no longer write: its controller died or it was replaced."""


class KubernetesError(RebootError):
    """A request to the Kubernetes API was answered with an error, or not at all (``status`` 0).

    ``kind`` is the Status object's ``reason`` (for example ``Conflict``); ``body`` the whole decoded Status.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        status: int = 0,
        kind: str = "",
        body: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.status = status
        self.kind = kind
        self.body: dict[str, Any] = dict(body or {})
        self.retry_after = retry_after

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a little later (no answer, throttled, or a server fault)."""
        return self.status in (0, 429) or self.status >= 500


class ArmError(RebootError):
    """A request to Azure Resource Manager failed.

    ``outcome`` says what became of a write: ``rejected`` (definitely not carried out) or ``unknown``.
    ``retry_after`` is in seconds.
    """

    def __init__(
        self, message: str, *, reason: str, outcome: str, status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(message, reason=reason)
        self.outcome = outcome
        self.status = status
        self.retry_after = retry_after


class SshError(RebootError):
    """A node could not be reached over SSH, or did not let us in."""


def one_line(error: object) -> str:
    """Any error's text, or a text of somebody else's, as one line."""
    return " ".join(str(error).split()) or type(error).__name__
