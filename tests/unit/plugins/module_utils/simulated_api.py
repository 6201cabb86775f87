# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Kubernetes API in a thread, whose time is the test's own, for synchronous code under test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import web

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._clients.kubernetes import (
    KubernetesAccess,
    KubernetesClient,
)
from ansible_collections.kubeops.aks_reboot.tests.simulator.faults import Fault, Faults
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi
from ansible_collections.kubeops.aks_reboot.tests.simulator.middlewares import apply_faults, record_requests
from ansible_collections.kubeops.aks_reboot.tests.simulator.recorder import Recorder

TOKEN = "a-token"
START = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


class TestClock:
    """Time that passes only by sleeping. ``wrong_by`` is how far the local clock is off the server's."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self.wrong_by = timedelta()
        self.on_sleep: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.on_sleep()

    def utcnow(self) -> datetime:
        return self.server_now() + self.wrong_by

    def server_now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


class SimulatedApi:
    """The API, the faults of its requests, and its clock. ``audit`` off makes it answer like a gateway."""

    def __init__(self, directory: Path) -> None:
        self.faults = Faults()
        self.recorder = Recorder()
        self.clock = TestClock()
        self.audit = True
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._clients: list[KubernetesClient] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sim", "cluster": {"server": self.url}}],
            "users": [{"name": "sim", "user": {"token": TOKEN}}],
            "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": "sim"}}],
            "current-context": "sim",
        }
        self.kubeconfig = self._directory / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
        return self

    def __exit__(self, *_exc: object) -> None:
        for client in self._clients:
            client.close()
        self._call(self.faults.off_all)
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> str:
        application = KubeApi({TOKEN: "tester"}).application(
            [record_requests(self.recorder, "api"), apply_faults(self.faults)]
        )
        application.on_response_prepare.append(self._stamp)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stamp(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(self.clock.server_now(), usegmt=True)
        if not self.audit:
            response.headers.popall("Audit-Id", None)

    def _call(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        async def call() -> Any:
            return function(*arguments, **keywords)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def fault(self, kind: str, **options: Any) -> Fault:
        """Switch a fault on, as `fault on` does."""
        fault: Fault = self._call(self.faults.on, kind, **options)
        return fault

    def fault_off(self) -> None:
        self._call(self.faults.off_all)

    def client(self) -> KubernetesClient:
        """A session of its own, closed with the API."""
        client = KubernetesClient(KubernetesAccess(str(self.kubeconfig)), timeout=5)
        self._clients.append(client)
        return client

    def writes(self) -> list[dict[str, Any]]:
        """The writes so far, refused ones included."""
        return [entry for entry in self.recorder.list() if entry["method"] != "GET"]


def add_node(client: KubernetesClient, name: str, *, pool: str = "user", zone: str = "1", ready: bool = True) -> str:
    """Create a Node; returns its UID."""
    labels = {"kubernetes.azure.com/agentpool": pool, "topology.kubernetes.io/zone": f"westeurope-{zone}"}
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {}}
    made = client.create("/api/v1/nodes", body)
    conditions = [
        {"type": "Ready", "status": "True" if ready else "False", "lastHeartbeatTime": "2026-05-01T12:00:00Z"}
    ]
    status = {"conditions": conditions, "nodeInfo": {"bootID": f"boot-of-{name}"}}
    client.merge_patch(f"/api/v1/nodes/{name}/status", {"status": status})
    return str(made["metadata"]["uid"])
