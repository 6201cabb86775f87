# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that speaks plain JSON with the simulated Kubernetes API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

TOKEN = "a-token"
NODES, PODS = "/api/v1/nodes", "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REPLICA_SETS = "/apis/apps/v1/namespaces/default/replicasets"


@dataclass(slots=True)
class Reply:
    """Status code, parsed body and headers of an answer."""

    code: int
    body: Any
    headers: Mapping[str, str] = field(repr=False)


class Client:
    """Requests with the token, and watches that are read event by event."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session = session
        self.base = base

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type, **(headers or {})}
        params = {name: str(value) for name, value in query.items()}
        async with self.session.request(method, self.base + path, data=data, headers=sent, params=params) as response:
            text = await response.text()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Reply(response.status, json.loads(text) if is_json else text, response.headers)

    async def get(self, path: str, **query: Any) -> Reply:
        return await self.send("GET", path, **query)

    async def post(self, path: str, body: Any, **query: Any) -> Reply:
        return await self.send("POST", path, body, **query)

    async def put(self, path: str, body: Any, **query: Any) -> Reply:
        return await self.send("PUT", path, body, **query)

    async def delete(self, path: str, body: Any = None, **query: Any) -> Reply:
        return await self.send("DELETE", path, body, **query)

    async def patch(self, path: str, body: Any, kind: str = "merge", **query: Any) -> Reply:
        names = {
            "merge": "merge-patch",
            "strategic": "strategic-merge-patch",
            "json": "json-patch",
            "apply": "apply-patch",
        }
        content_type = f"application/{names[kind]}+{'yaml' if kind == 'apply' else 'json'}"
        return await self.send("PATCH", path, body, content_type=content_type, **query)

    async def make(self, path: str, body: Any) -> Any:
        """Creates an object and returns it as stored."""
        reply = await self.post(path, body)
        assert reply.code == 201, reply.body
        return reply.body

    async def make_pod(self, name: str = "p", node: str = "n1", status: Any = None, **parts: Any) -> Any:
        """Creates a running and ready pod, or one with the given status."""
        await self.make(PODS, pod(name, node, **parts))
        wanted = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]} if status is None else status
        reply = await self.patch(f"{PODS}/{name}/status", {"status": wanted})
        assert reply.code == 200, reply.body
        return reply.body

    async def watch(self, path: str, *, headers: Mapping[str, str] | None = None, **query: Any) -> Events:
        """Opens a watch; its events are read with ``next``."""
        params = {"watch": "true", **{name: str(value) for name, value in query.items()}}
        sent = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
        response = await self.session.get(self.base + path, params=params, headers=sent)
        return Events(response)


class Events:
    """The events of an open watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.response.content.readline())

    async def take(self, count: int) -> list[tuple[str, str]]:
        """Types and object names of the next events."""
        events = [await self.next() for dummy in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    async def rest(self) -> list[Any]:
        """All events up to the end of the stream."""
        async with asyncio.timeout(5):
            return [json.loads(line) for line in (await self.response.read()).splitlines()]


def pod(name: str, node: str = "n1", **parts: Any) -> dict[str, Any]:
    """A small pod; ``parts`` go into its metadata, except for ``spec``."""
    spec = {"containers": [{"name": "c", "image": "app:1"}], **parts.pop("spec", {})}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **parts}, "spec": spec}
