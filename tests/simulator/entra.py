# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra ID's token endpoint, as far as a service principal with a secret needs it."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from aiohttp import web

from .layout import CLIENT, TENANT

AKS_SERVER_APP = "6dae42f8-4368-4678-94ff-3960e28e3630"

_TOKEN_SECONDS = 3599


class Tokens:
    """The access tokens that were handed out.

    secret: the service principal's; cluster_token: the one token for the Kubernetes API, which knows it beforehand.
    """

    def __init__(self, secret: str, cluster_token: str) -> None:
        self.secret = secret
        self._cluster_token = cluster_token
        self._expiry: dict[str, float] = {}

    def mint(self, scope: str) -> str:
        """A token for a scope like "https://management.azure.com/.default"."""
        if AKS_SERVER_APP in scope:
            return self._cluster_token
        token = secrets.token_urlsafe(32)
        self._expiry[token] = time.monotonic() + _TOKEN_SECONDS
        return token

    def problem(self, header: str) -> tuple[str, str] | None:
        """Error code and message of ARM for this Authorization header; None when it lets the request in."""
        kind, _space, token = header.partition(" ")
        if kind.lower() != "bearer" or not token:
            return "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        if token == self._cluster_token:
            return "InvalidAuthenticationTokenAudience", "The access token has been obtained for the wrong audience."
        if token not in self._expiry:
            return "InvalidAuthenticationToken", "The access token is invalid."
        if time.monotonic() > self._expiry[token]:
            return "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."
        return None


class Entra:
    """Request handlers of the token endpoint."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            web.get("/{tenant}/.well-known/openid-configuration", self._configuration),
            web.post("/{tenant}/oauth2/v2.0/token", self._token),
        ]

    async def _configuration(self, request: web.Request) -> web.Response:
        base = f"https://{request.host}/{request.match_info['tenant']}"
        return _answer(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token", "token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        tenant, client = request.match_info["tenant"], str(form.get("client_id", ""))
        if tenant != TENANT:
            return _refusal(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct one.",
            )
        if client != CLIENT:
            text = f"Application with identifier '{client}' was not found in the directory '{tenant}'."
            return _refusal(400, "unauthorized_client", 700016, text)
        if form.get("client_secret") != self._tokens.secret:
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client}'."
            )
            return _refusal(401, "invalid_client", 7000215, text)
        token = self._tokens.mint(str(form.get("scope", "")))
        return _answer(
            200,
            {
                "token_type": "Bearer",
                "expires_in": _TOKEN_SECONDS,
                "ext_expires_in": _TOKEN_SECONDS,
                "access_token": token,
            },
        )


def _refusal(status: int, error: str, code: int, text: str) -> web.Response:
    return _answer(
        status, {"error": error, "error_description": f"AADSTS{code}: {text}", "error_codes": [code], "timestamp": ""}
    )


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
