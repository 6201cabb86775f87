# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Manager on loopback: routing, authentication and errors. The resources are in arm_*.py."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .arm_aks import ManagedCluster
from .arm_compute import Compute
from .arm_operations import ArmError, Operations, answer
from .entra import Entra, Tokens
from .layout import NODE_RESOURCE_GROUP, RESOURCE_GROUP, SUBSCRIPTION

Resource = Callable[[web.Request, dict[str, str]], Awaitable[web.Response]]

_GROUPS = frozenset({RESOURCE_GROUP.lower(), NODE_RESOURCE_GROUP.lower()})
_RESTARTS = re.compile(r".*/(?P<kind>virtualmachinescalesets|virtualmachines)/.*(restart|redeploy|reimage|reimageall)")


class Arm:
    """ARM and Entra on one listener. Paths match whatever their case is, as they do on Azure."""

    def __init__(self, tokens: Tokens, operations: Operations, compute: Compute, cluster: ManagedCluster) -> None:
        self._tokens = tokens
        self._operations = operations
        self._compute = compute
        self._routes = [
            (method, re.compile(_pattern(template)), resource)
            for method, template, resource in (
                *compute.routes(),
                *cluster.routes(),
                ("GET", "/subscriptions/{sub}/providers/{provider}/locations/{location}/operations/{id}", self._poll),
            )
        ]

    def application(self, middlewares: Sequence[Middleware] = ()) -> web.Application:
        """The web application; the given middlewares see requests before authentication does."""
        application = web.Application(middlewares=[self._count_restarts(), *middlewares])
        application.add_routes(Entra(self._tokens).routes())
        application.add_routes([web.route("*", "/{path:(?i:subscriptions)(/.*)?}", self._dispatch)])
        return application

    def _count_restarts(self) -> Middleware:
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            # Before any fault can refuse the request, since refused ones count as well.
            if request.method == "POST" and _RESTARTS.fullmatch(request.path.lower()):
                for machine in self._compute.machines_below(request.path.lower().rpartition("/")[0]):
                    machine.restart_requests += 1
            return await handler(request)

        return count

    async def _dispatch(self, request: web.Request) -> web.Response:
        try:
            return await self._answer(request)
        except ArmError as error:
            response = answer(error.status, {"error": {"code": error.code, "message": error.message}})
            if error.status == 401:
                response.headers["WWW-Authenticate"] = 'Bearer authorization_uri="https://login", error="invalid_token"'
            return response

    async def _answer(self, request: web.Request) -> web.Response:
        problem = self._tokens.problem(request.headers.get("Authorization", ""))
        if problem is not None:
            raise ArmError(401, *problem)
        path = request.path.lower().rstrip("/")
        if path.split("/")[2:3] != [SUBSCRIPTION]:
            raise ArmError(404, "SubscriptionNotFound", "The subscription could not be found.")
        if "api-version" not in request.query:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", text)
        group = re.match(r"/subscriptions/[^/]+/resourcegroups/([^/]+)", path)
        if group is not None and group.group(1) not in _GROUPS:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group.group(1)}' could not be found.")
        known = False
        for method, pattern, resource in self._routes:
            match = pattern.fullmatch(path)
            if match is not None:
                known = True
                if method == request.method:
                    return await resource(request, match.groupdict())
        if known:
            raise ArmError(405, "HttpMethodNotAllowed", f"{request.method} is not allowed on '{request.path}'.")
        raise ArmError(404, "ResourceNotFound", f"The resource '{request.path}' was not found.")

    async def _poll(self, request: web.Request, names: dict[str, str]) -> web.Response:
        return self._operations.poll(request, names["id"])


def _pattern(template: str) -> str:
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.lower())
