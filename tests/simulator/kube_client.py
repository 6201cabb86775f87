# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small asynchronous Kubernetes client and a cached watch, for the kubelets and controllers of the simulator."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml

log = logging.getLogger(__name__)

USER_AGENT_PREFIX = "aks-simulator/"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"

_PAGE = 500
# A TLS connection costs half a megabyte, since both of its ends are in this process; watches are not counted.
_REQUESTS_AT_ONCE = 12
_WATCH_SECONDS = 300

Object = dict[str, Any]


class ApiError(Exception):
    """An answer of the API server with a status of 400 or more, or an ERROR event of a watch.

    status: HTTP status code; reason: the Status object's reason ("" when there was none); body: the Status object.
    """

    def __init__(self, status: int, reason: str, body: Object) -> None:
        super().__init__(f"{status} {reason}: {body.get('message', '')}")
        self.status = status
        self.reason = reason
        self.body = body


class KubeconfigError(Exception):
    """A kubeconfig that this client cannot use; the message says why."""


class KubeClient:
    """Talks JSON to one API server. Paths are absolute ("/api/v1/nodes/x"). Make and close it in a running loop.

    Every method raises ApiError for a status of 400 or more and aiohttp.ClientError when the connection fails.
    """

    def __init__(
        self, server: str, context: ssl.SSLContext | None, token: str | None = None, component: str = "controller"
    ) -> None:
        headers = {"User-Agent": USER_AGENT_PREFIX + component, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._server = server.rstrip("/")
        self._gate = asyncio.Semaphore(_REQUESTS_AT_ONCE)
        connector = aiohttp.TCPConnector(ssl=context if context is not None else True, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(total=60), json_serialize=_dumps
        )

    @classmethod
    def from_kubeconfig(cls, path: str | os.PathLike[str], component: str = "controller") -> KubeClient:
        """Client for the current context of the kubeconfig at `path`: token, token file or client certificate."""
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        try:
            context = _named(config, "contexts", config["current-context"])["context"]
            cluster = _named(config, "clusters", context["cluster"])["cluster"]
            user = _named(config, "users", context["user"])["user"]
            server = str(cluster["server"])
        except (KeyError, TypeError) as error:
            raise KubeconfigError(f"kubeconfig {path}: {error} is missing") from error
        base = Path(path).parent
        token = user.get("token")
        if not token and user.get("tokenFile"):
            token = (base / user["tokenFile"]).read_text(encoding="utf-8").strip()
        if not token and not (user.get("client-certificate") or user.get("client-certificate-data")):
            raise KubeconfigError(f"kubeconfig {path}: user {context['user']} has neither a token nor a certificate")
        return cls(server, _tls(cluster, user, base) if server.startswith("https:") else None, token, component)

    async def close(self) -> None:
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Object:
        return await self._send("GET", path, params=params)

    async def list(self, path: str, params: Mapping[str, str] | None = None) -> Object:
        """The whole collection: pages are joined into the first one. A list that expired on the way starts again."""
        while True:
            try:
                return await self._list_pages(path, dict(params or {}))
            except ApiError as error:
                if error.status != 410:
                    raise

    async def _list_pages(self, path: str, query: dict[str, str]) -> Object:
        query.setdefault("limit", str(_PAGE))
        whole = page = await self.get(path, query)
        while page.get("metadata", {}).get("continue"):
            page = await self.get(path, {**query, "continue": page["metadata"]["continue"]})
            whole["items"].extend(page["items"])
        whole["metadata"].pop("continue", None)
        whole["metadata"].pop("remainingItemCount", None)
        return whole

    async def create(self, path: str, body: Object) -> Object:
        return await self._send("POST", path, body=body)

    async def replace(self, path: str, body: Object) -> Object:
        return await self._send("PUT", path, body=body)

    async def patch(self, path: str, body: Any, content_type: str = MERGE_PATCH) -> Object:
        return await self._send("PATCH", path, body=body, content_type=content_type)

    async def delete(self, path: str, body: Object | None = None) -> Object:
        """Delete one object; `body` is a DeleteOptions (gracePeriodSeconds, preconditions, ...)."""
        return await self._send("DELETE", path, body=body)

    async def watch(
        self, path: str, resource_version: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[Object]:
        """Events {"type", "object"} after `resource_version`, bookmarks included, until the server ends the watch.

        An ERROR event is raised as ApiError (410 when the version is too old).
        """
        query = {
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
            **(params or {}),
            "watch": "true",
            "resourceVersion": resource_version,
        }
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_WATCH_SECONDS + 30)
        async with self._session.get(self._server + path, params=query, timeout=limits) as response:
            await _raise_for_status(response)
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield _event(line)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        data = None if body is None else _dumps(body).encode()
        headers = {} if body is None else {"Content-Type": content_type}
        url = self._server + path
        async with self._gate, self._session.request(method, url, params=params, data=data, headers=headers) as got:
            await _raise_for_status(got)
            answer: Object = json.loads(await got.read())
            return answer


Subscriber = Callable[[str, Object], None]


class Informer:
    """A cached collection that follows the server: lists, watches, and lists again when the watch is lost.

    objects: (namespace, name) -> object; the namespace is "" for cluster-scoped kinds. Treat objects as read-only.
    synced: set after the first list. Subscribers get ("ADDED" | "MODIFIED" | "DELETED", object) for each change, also
    for those that a later list reveals, after `objects` was brought up to date.
    """

    def __init__(self, client: KubeClient, path: str, params: Mapping[str, str] | None = None) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._path = path
        self._params = dict(params or {})
        self._subscribers: list[Subscriber] = []

    def subscribe(self, callback: Subscriber) -> None:
        """Call `callback` for each change from now on; objects that are cached already are announced at once."""
        self._subscribers.append(callback)
        for item in list(self.objects.values()):
            callback("ADDED", item)

    async def run(self) -> None:
        """Follow the collection until cancelled; every kind of lost connection is retried."""
        delay = 0.05
        while True:
            try:
                version = await self._list()
                delay = 0.05
                while True:
                    version = await self._follow(version)
                    await asyncio.sleep(0.01)
            except (ApiError, aiohttp.ClientError, OSError, TimeoutError) as error:
                log.debug("watch of %s starts again: %s", self._path, error)
            await asyncio.sleep(delay)
            delay = min(2 * delay, 2.0)

    async def _list(self) -> str:
        whole = await self._client.list(self._path, self._params)
        fresh = {object_key(item): item for item in whole["items"]}
        for key in [key for key in self.objects if key not in fresh]:
            self._tell("DELETED", self.objects.pop(key))
        for key, item in fresh.items():
            old = self.objects.get(key)
            if old is not None and old["metadata"].get("uid") != item["metadata"].get("uid"):
                self._tell("DELETED", self.objects.pop(key))
                old = None
            self.objects[key] = item
            if old is None:
                self._tell("ADDED", item)
            elif old["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                self._tell("MODIFIED", item)
        self.synced.set()
        return str(whole["metadata"]["resourceVersion"])

    async def _follow(self, version: str) -> str:
        async for event in self._client.watch(self._path, version, self._params):
            item = event["object"]
            version = str(item["metadata"]["resourceVersion"])
            if event["type"] == "BOOKMARK":
                continue
            if event["type"] == "DELETED":
                self.objects.pop(object_key(item), None)
            else:
                self.objects[object_key(item)] = item
            self._tell(event["type"], item)
        return version

    def _tell(self, kind: str, item: Object) -> None:
        for callback in self._subscribers:
            callback(kind, item)


def object_key(item: Object) -> tuple[str, str]:
    """(namespace, name) of an object; the namespace is "" for cluster-scoped kinds."""
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _dumps(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"))


def _event(line: bytes) -> Object:
    event: Object = json.loads(line)
    if event["type"] == "ERROR":
        status = event["object"]
        raise ApiError(status.get("code", 500), status.get("reason", ""), status)
    return event


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    raw = await response.read()
    try:
        body = json.loads(raw)
    except ValueError:
        body = {"message": raw.decode(errors="replace")}
    if not isinstance(body, dict):
        body = {"message": raw.decode(errors="replace")}
    raise ApiError(response.status, str(body.get("reason", "")), body)


def _named(config: Object, section: str, name: str) -> Object:
    for entry in config[section]:
        if entry["name"] == name:
            found: Object = entry
            return found
    raise KeyError(f"{name} in {section}")


def _tls(cluster: Object, user: Object, base: Path) -> ssl.SSLContext:
    if cluster.get("certificate-authority-data"):
        # Only this CA counts, whatever the environment names as the system's bundle.
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
    elif cluster.get("certificate-authority"):
        context = ssl.create_default_context(cafile=str(base / cluster["certificate-authority"]))
    else:
        context = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as scratch:
        certificate = _file(user, "client-certificate", base, Path(scratch))
        key = _file(user, "client-key", base, Path(scratch))
        if certificate:
            # The ssl module reads a client certificate from files only, hence the short-lived copies.
            context.load_cert_chain(certificate, key)
    return context


def _file(section: Object, name: str, base: Path, scratch: Path) -> Path | None:
    data = section.get(f"{name}-data")
    if data:
        copy = scratch / name
        copy.touch(mode=0o600)
        copy.write_bytes(base64.b64decode(data))
        return copy
    return base / section[name] if section.get(name) else None
