# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Resource Manager: the few calls that a reboot needs.

The restart is sent once, by the SDK's per-instance call, with the SDK's own repetitions switched off: it would send the
POST again after a 500, 503 or 504 and after anything that carries Retry-After. For the same reason the long-running
operation is followed here: its URL outlives this process in the journal, the SDK's poller does not.
"""

from __future__ import annotations

import logging
import os
import textwrap
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from .._decisions.identity import Machine
from .._errors import ArmError, InvalidSetting, MissingLibrary, one_line

try:
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ServiceRequestError
    from azure.core.rest import HttpRequest
    from azure.identity import ClientSecretCredential, DefaultAzureCredential
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

PUBLIC_ENDPOINT = "https://management.azure.com"

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
READ_ATTEMPTS = 3
READ_RETRY_LIMIT = 20.0
"""Reads are repeated here, not by the SDK: it sleeps as long as a Retry-After says, without a word. In seconds."""

RESTART_TIMEOUT = 10
"""Seconds; the restart's own is the shortest of all, so that no late one can arrive after its guard."""

_SERVICE_PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")

_KNOWN_AUTHORITIES = ("login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn")


@dataclass(frozen=True)
class AzureAccess:
    """Which Azure, and as whom: without tenant, client id and client secret azure-identity's default chain decides.
    ``authority`` is the sign-in host, ``endpoint`` Resource Manager's URL; None means the public cloud's."""

    endpoint: str | None = None
    authority: str | None = None
    ca_file: str | None = None
    tenant: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


@dataclass(frozen=True)
class Operation:
    """A long-running operation as ARM last told: ``running``, ``succeeded``, ``failed`` (also canceled) or ``gone``
    (ARM knows it no more); ``error`` is ARM's own text; ``retry_after`` is in seconds, or None."""

    state: str
    error: str = ""
    retry_after: float | None = None


class ArmClient:
    """A session with Azure Resource Manager for the machines of one subscription."""

    def __init__(self, access: AzureAccess, subscription: str) -> None:
        """Prepare the credentials; no request is made yet. Raises InvalidSetting, MissingLibrary."""
        if IMPORT_ERROR:
            raise MissingLibrary("azure-mgmt-compute>=33.0, azure-identity>=1.19", IMPORT_ERROR)
        # Without a handler the libraries' warnings go to the terminal, in many lines; all they say is in our errors.
        logging.getLogger("azure").addHandler(logging.NullHandler())
        self._endpoint = (access.endpoint or PUBLIC_ENDPOINT).rstrip("/")
        if urlsplit(self._endpoint).scheme != "https":
            raise InvalidSetting(f"arm_endpoint: {self._endpoint} is not an https:// URL")
        verify: bool | str = access.ca_file or True
        if access.ca_file and not os.path.isfile(access.ca_file):
            raise InvalidSetting(f"azure_ca_file: the file {access.ca_file} does not exist")
        scope = f"{self._endpoint}/.default"
        # Without a service principal, azure-identity searches for credentials
        self._searched = not (access.tenant and access.client_id and access.client_secret)
        credential = self._credential(access, verify)
        transport: dict[str, Any] = {
            "connection_verify": verify,
            "connection_timeout": CONNECT_TIMEOUT,
            "read_timeout": READ_TIMEOUT,
        }
        self._compute: Any = ComputeManagementClient(
            credential, subscription, base_url=self._endpoint, credential_scopes=[scope], **transport
        )
        self._operations: Any = ARMPipelineClient(
            base_url=self._endpoint,
            policies=[ARMChallengeAuthenticationPolicy(credential, scope)],
            **transport,
        )

    @staticmethod
    def _credential(access: AzureAccess, verify: bool | str) -> Any:
        options: dict[str, Any] = {"connection_verify": verify, "retry_total": 2}
        if access.authority:
            host = urlsplit(access.authority if "//" in access.authority else f"//{access.authority}").netloc
            options |= {"authority": access.authority, "disable_instance_discovery": host not in _KNOWN_AUTHORITIES}
        try:
            if access.tenant and access.client_id and access.client_secret:
                return ClientSecretCredential(access.tenant, access.client_id, access.client_secret, **options)
            options.pop("disable_instance_discovery", None)
            # AWX leaves some of the variables blank, which azure-identity takes for values. Named here, the ids are not
            # read from the environment.
            blank = any(os.environ.get(name, "unset").strip() == "" for name in _SERVICE_PRINCIPAL)
            return DefaultAzureCredential(
                managed_identity_client_id=access.client_id,
                workload_identity_client_id=access.client_id,
                exclude_environment_credential=blank,
                **options,
            )
        except ValueError as error:
            raise InvalidSetting(f"azure_tenant, azure_client_id, azure_authority: {one_line(error)}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._compute.close()
        self._operations.close()

    def power_state(self, machine: Machine) -> str:
        """The machine's power state (``running``, ``deallocated``, ...; empty when Azure does not say).

        It also proves that credentials, network and the right to read are there. Raises ArmError.
        """
        view = self._instance_view(machine)
        codes = [str(status.code) for status in view.statuses or []]
        return next((code.removeprefix("PowerState/") for code in codes if code.startswith("PowerState/")), "")

    def _instance_view(self, machine: Machine) -> Any:
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                if machine.kind == "vmss":
                    return self._compute.virtual_machine_scale_set_vms.get_instance_view(
                        machine.resource_group, machine.scale_set, machine.instance_id, retry_total=0
                    )
                return self._compute.virtual_machines.instance_view(machine.resource_group, machine.name, retry_total=0)
            except AzureError as error:
                failure = self._error(error, machine, "read its instance view")
                if attempt == READ_ATTEMPTS or not (failure.outcome == "unknown" or failure.status == 429):
                    raise failure from error
            time.sleep(min(failure.retry_after or 1.0, READ_RETRY_LIMIT))
        raise AssertionError("the last attempt returns or raises")

    def restart(self, machine: Machine, guard: Callable[[], None]) -> str:
        """Send the restart, once. Returns the operation's URL (empty when ARM gave none).

        ``guard`` is called after the sign-in, right before the request leaves; what it raises is raised. Raises
        ArmError with ``outcome`` ``rejected`` (nothing was sent or accepted) or ``unknown``.
        """
        urls: list[str] = []

        def note(response: Any) -> None:
            headers = response.http_response.headers
            urls.append(headers.get("Azure-AsyncOperation") or headers.get("Location") or "")

        once: dict[str, Any] = {
            "retry_total": 0,
            "polling": False,
            "raw_request_hook": lambda _request: guard(),
            "raw_response_hook": note,
            "connection_timeout": CONNECT_TIMEOUT,
            "read_timeout": RESTART_TIMEOUT,
        }
        try:
            if machine.kind == "vmss":
                self._compute.virtual_machine_scale_set_vms.begin_restart(
                    machine.resource_group, machine.scale_set, machine.instance_id, **once
                )
            else:
                self._compute.virtual_machines.begin_restart(machine.resource_group, machine.name, **once)
        except AzureError as error:
            raise self._error(error, machine, "restart it") from error
        return urls[-1] if urls else ""

    def operation(self, url: str) -> Operation:
        """How the operation at ``url`` stands. Raises ArmError when ARM does not say."""
        if urlsplit(url).netloc != urlsplit(self._endpoint).netloc:
            raise ArmError(
                f"the operation {url} is not at {self._endpoint}: the token is not sent there",
                reason="arm_error",
                outcome="unknown",
            )
        try:
            response = self._operations.send_request(HttpRequest("GET", url))
        except AzureError as error:
            raise self._error(error, None, "follow the restart") from error
        if response.status_code == 404:
            return Operation("gone")
        if response.status_code >= 400:
            raise self._error(HttpResponseError(response=response), None, "follow the restart")
        retry_after = _seconds(response.headers.get("Retry-After"))
        if response.status_code == 202:
            return Operation("running", retry_after=retry_after)
        body = response.json() if response.content else {}
        status = str(body.get("status", "Succeeded")).lower()
        if status == "succeeded":
            return Operation("succeeded")
        if status in ("failed", "canceled"):
            told = body.get("error") or {}
            return Operation("failed", one_line(f"{status}: {told.get('code', '')} {told.get('message', '')}"))
        return Operation("running", retry_after=retry_after)

    def _error(self, error: AzureError, machine: Machine | None, verb: str) -> ArmError:
        what = f"Azure did not {verb}" + (f" ({machine.resource_id})" if machine else "")
        if isinstance(error, ServiceRequestError):
            return ArmError(
                f"{what}: {self._endpoint} cannot be reached: {one_line(error)}",
                reason="arm_unreachable",
                outcome="rejected",
            )
        status = getattr(error, "status_code", None)
        if self._searched and isinstance(error, ClientAuthenticationError) and error.response is None:
            return ArmError(
                f"{what}: no Azure credentials were found that work: set {', '.join(_SERVICE_PRINCIPAL)}, use a "
                f"workload or managed identity, or sign in with az login ({textwrap.shorten(one_line(error), 200)})",
                reason="arm_no_credentials",
                outcome="rejected",
            )
        if isinstance(error, ClientAuthenticationError) or status == 401:
            return ArmError(
                f"{what}: the credentials were not accepted: {one_line(error)[:300]}",
                reason="arm_unauthorized",
                outcome="rejected",
                status=401,
            )
        if status is None:  # sent, but no whole answer came
            return ArmError(f"{what}: the connection broke: {one_line(error)}", reason="arm_unknown", outcome="unknown")
        text = one_line(getattr(error, "message", "") or error)[:400]
        headers = getattr(error.response, "headers", {}) if isinstance(error, HttpResponseError) else {}
        if status == 403:
            text += (
                " (a missing role, a lock, or node resource group lockdown; the reboot method ssh needs no right on "
                "the machine in Azure)"
            )
        reason = {403: "arm_forbidden", 404: "machine_not_found", 409: "arm_conflict", 429: "arm_throttled"}.get(
            status, "arm_error"
        )
        rejected = status in (400, 403, 404, 409, 429)
        return ArmError(
            f"{what}: status {status}: {text}",
            reason=reason,
            outcome="rejected" if rejected else "unknown",
            status=status,
            retry_after=_seconds(headers.get("Retry-After")),
        )


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
