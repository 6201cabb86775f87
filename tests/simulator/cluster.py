# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a simulated cluster together, runs it, and answers questions about it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import secrets
import ssl
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from aiohttp.typedefs import Middleware

from . import kubelet_objects, seeds
from .arm import Arm
from .arm_aks import Access, ManagedCluster, kubeconfig
from .arm_compute import Compute
from .arm_operations import Operations
from .controllers import run_controllers
from .entra import Tokens
from .faults import Fault, FaultError, Faults, Server
from .gate import Gate
from .history import History
from .kube.server import KubeApi
from .kube_client import KubeClient, Object
from .kubelet import Kubelets
from .layout import CLIENT, CLUSTER, RESOURCE_GROUP, SUBSCRIPTION, TENANT, Pool, lay_out
from .machine import Machine
from .middlewares import apply_faults, note_status, record_requests
from .recorder import Recorder
from .scenario import Scenario
from .settings import Settings
from .ssh import USER, SshFleet
from .tls import write_authority

log = logging.getLogger(__name__)

_SETTLE_SECONDS = 30.0
_SETTLE_SECONDS_PER_NODE = 0.02
_NOTICE_SECONDS = 3.0
_PACKAGES = ("linux-image-azure", "libc6", "openssl")
_HOUR = 3600


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to put up.

    directory: where all files go; required: number of nodes with a sentinel; external: kubeconfig of another API
    server, None for the simulated one.
    """

    directory: Path
    pools: list[Pool]
    required: int
    settings: Settings
    scenario: Scenario
    external: Path | None


class Simulator:
    """One cluster. start() returns when it is ready; close() takes everything down."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.recorder = Recorder()
        self.gate = Gate()
        self.history = History()
        self.identities = lay_out(plan.pools)
        plan.scenario.check_nodes([identity.name for identity in self.identities])
        self.faults = Faults(
            [identity.name for identity in self.identities],
            {identity.name: identity.resource_id.lower() for identity in self.identities},
        )
        self.machines = [
            Machine(identity.name, plan.settings.boot_seconds, self._fault_strikes) for identity in self.identities
        ]
        self._numbers = {identity.name: identity.number for identity in self.identities}
        self._api: KubeApi | None = None
        self._ssh = SshFleet(self.faults)
        self._operations = Operations(plan.settings)
        self._secret = secrets.token_urlsafe(24)
        self._cluster_token = secrets.token_urlsafe(32)
        self._runners: list[web.AppRunner] = []
        self._clients: list[KubeClient] = []
        self._created: list[str] = []
        self._kubelets: Kubelets | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.failed = asyncio.Event()
        self.ports: dict[str, int] = {}

    def _fault_strikes(self, kind: str, node: str) -> bool:
        return self.faults.strike(kind, node) is not None

    async def start(self) -> None:
        """Start all parts and wait until the nodes and their system pods are there."""
        directory = self.plan.directory
        context = write_authority(directory)
        access = await self._start_api(context)
        await self._start_arm(context, access)
        for identity, machine in zip(self.identities, self.machines, strict=True):
            self._ssh.add(machine, identity.address)
        self._ssh.start()
        self._prepare_machines()
        self.history.watch_machines(self.machines)
        await self._start_cluster(directory / "kubeconfig")
        for options in self.plan.scenario.faults:
            self.switch_on(dict(options))
        self._ssh.write_files(directory)

    async def _start_api(self, context: ssl.SSLContext) -> Access:
        directory = self.plan.directory
        target = directory / "kubeconfig"
        if self.plan.external is not None:
            config = _absolute(yaml.safe_load(self.plan.external.read_text(encoding="utf-8")), self.plan.external)
            write_private(target, yaml.safe_dump(config))
            return Access("https://127.0.0.1", (directory / "ca.crt").read_bytes(), "")
        admin = secrets.token_urlsafe(24)
        self._api = KubeApi({admin: "cluster-admin", self._cluster_token: CLIENT})
        self.history.watch_store(self._api.store)
        application = self._api.application(self._middlewares("api"))
        application.on_response_prepare.append(note_status)
        port = await self._serve("api", application, context)
        access = Access(f"https://127.0.0.1:{port}", (directory / "ca.crt").read_bytes(), admin)
        write_private(target, yaml.safe_dump(kubeconfig(access, {"token": admin}, f"{CLUSTER}-admin")))
        return access

    async def _start_arm(self, context: ssl.SSLContext, access: Access) -> None:
        tokens = Tokens(self._secret, self._cluster_token)
        nodes = list(zip(self.identities, self.machines, strict=True))
        compute = Compute(nodes, self.plan.pools, self.faults, self._operations, self.plan.settings)
        cluster = ManagedCluster(self.plan.pools, self.identities, access)
        application = Arm(tokens, self._operations, compute, cluster).application(self._middlewares("arm"))
        application.on_response_prepare.append(note_status)
        await self._serve("arm", application, context)

    def _middlewares(self, server: Server) -> list[Middleware]:
        return [record_requests(self.recorder, server), self.gate.middleware(server), apply_faults(self.faults)]

    async def _serve(self, name: str, application: web.Application, context: ssl.SSLContext) -> int:
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context, backlog=1024).start()
        port = int(runner.addresses[0][1])
        self.ports[name] = port
        return port

    def _prepare_machines(self) -> None:
        plan = self.plan
        chosen = sorted(self.identities, key=lambda identity: (identity.pool.mode == "System", identity.number))
        for identity, age in zip(chosen, _ages(plan.required), strict=False):
            packages = _PACKAGES[: 1 + identity.number % len(_PACKAGES)]
            self.machines[identity.number].require_reboot(time.time() - age, packages)
        for identity in self.identities:
            change = plan.scenario.change_of(identity.name, identity.number)
            machine = self.machines[identity.number]
            if change.required:
                machine.require_reboot(time.time() - change.since, change.packages)
            for path, content in change.files.items():
                machine.files.write(path, content.encode())

    async def _start_cluster(self, config: Path) -> None:
        client = self._client(config, "setup")
        creator = seeds.Creator(client)
        for namespace in ("kube-system", kubelet_objects.LEASES):
            await creator.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        nodes = list(zip(self.identities, self.machines, strict=True))
        self._kubelets = Kubelets(
            self._client(config, "kubelet"), nodes, self.plan.settings, self._adapt, self.plan.scenario.mirror_pods
        )
        await self._kubelets.register()
        self._run(self._kubelets.run())
        if self._api is not None:
            self._run(run_controllers(self._client(config, "controller"), self.plan.settings))
        system = [seeds.system_daemonset(name) for name in seeds.SYSTEM_DAEMONSETS]
        for body in (*system, *self.plan.scenario.objects):
            path = await creator.create(body)
            if path is not None:
                self._created.append(path)
        await self._settle(client)

    def _adapt(self, node: Object) -> Object:
        name = node["metadata"]["name"]
        return self.plan.scenario.change_of(name, self._numbers[name]).adapt(node)

    async def _settle(self, client: KubeClient) -> None:
        """Wait until the system DaemonSets run everywhere."""
        start = time.monotonic()
        limit = _SETTLE_SECONDS + len(self.identities) * _SETTLE_SECONDS_PER_NODE
        while time.monotonic() < start + limit and not self.failed.is_set():
            found = (await client.get("/apis/apps/v1/namespaces/kube-system/daemonsets"))["items"]
            if all(_complete(item) for item in found):
                return
            alone = self._api is None and time.monotonic() > start + _NOTICE_SECONDS
            if alone and not any(_noticed(item) for item in found):
                log.warning("nobody takes care of DaemonSets on this API server")
                return
            await asyncio.sleep(0.05)
        log.warning("the system DaemonSets are not complete after %.0f s", limit)

    def _client(self, config: Path, component: str) -> KubeClient:
        client = KubeClient.from_kubeconfig(config, component)
        self._clients.append(client)
        return client

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a part of the simulator has failed", exc_info=task.exception())
            self.failed.set()

    async def close(self) -> None:
        """Take everything down; on an external API server, delete what was created there as well."""
        self.gate.open()
        self.faults.off_all()
        for machine in self.machines:
            machine.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._kubelets is not None and self._api is None:
            with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
                await self._kubelets.deregister(self._created)
        self._ssh.close()
        await self._operations.close()
        for client in self._clients:
            await client.close()
        for runner in self._runners:
            await runner.cleanup()

    def environment(self) -> dict[str, str]:
        """What DIR/env exports."""
        directory = self.plan.directory
        endpoint = f"https://127.0.0.1:{self.ports['arm']}"
        return {
            "KUBECONFIG": str(directory / "kubeconfig"),
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self._secret,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_AUTHORITY_HOST": endpoint,
            "AKS_REBOOT_ARM_ENDPOINT": endpoint,
            "AKS_REBOOT_CLUSTER": CLUSTER,
            "AKS_REBOOT_RESOURCE_GROUP": RESOURCE_GROUP,
            "REQUESTS_CA_BUNDLE": str(directory / "ca.crt"),
        }

    def variables(self) -> dict[str, Any]:
        """What DIR/vars.yml holds: the connection variables of the playbooks."""
        directory = self.plan.directory
        endpoint = f"https://127.0.0.1:{self.ports['arm']}"
        return {
            "kured_reboot_kubeconfig": str(directory / "kubeconfig"),
            "kured_reboot_arm_endpoint": endpoint,
            "kured_reboot_azure_authority": endpoint,
            "kured_reboot_azure_ca_file": str(directory / "ca.crt"),
            "kured_reboot_ssh_private_key_file": str(directory / "id_ed25519"),
            "kured_reboot_ssh_known_hosts_file": str(directory / "known_hosts"),
            "kured_reboot_ssh_port": self._ssh.port,
            "kured_reboot_ssh_user": USER,
        }

    def state(self, requests: bool, history: bool = False) -> dict[str, Any]:
        """What `state` prints."""
        shown: dict[str, Any] = {
            "nodes": {machine.name: machine.state() for machine in self.machines},
            "requests": self.recorder.counts(),
        }
        if requests:
            shown["request_log"] = self.recorder.list()
        if history:
            shown["history"] = self.history.list()
        return shown

    def switch_on(self, options: dict[str, Any]) -> Fault:
        """Switch a fault on from the options of `fault on`; raises FaultError."""
        kind = str(options.pop("kind"))
        if self._api is None and (options.get("server") == "api" or kind in ("watch-expired", "eviction-refused")):
            raise FaultError(f"fault {kind}: the Kubernetes API is not the simulator's own here (up --kubeconfig)")
        fault = self.faults.on(kind, **options)
        if kind == "watch-expired" and self._api is not None:
            self._api.expire_watches()
            fault.hits = 1
            self.faults.off(fault.id)
        return fault


def _ages(count: int) -> list[float]:
    """Ages of so many sentinels in seconds, such that neither this order nor its reverse is the order of age."""
    ages = [5.0 * _HOUR * (number + 1) for number in range(count)]
    if count > 2:
        ages[0], ages[1] = ages[1], ages[0]
    return ages


def _complete(daemonset: Object) -> bool:
    status = daemonset.get("status") or {}
    wanted = status.get("desiredNumberScheduled")
    seen = status.get("observedGeneration") == daemonset["metadata"].get("generation")
    return _noticed(daemonset) and seen and wanted is not None and status.get("numberReady", 0) >= wanted


def _noticed(daemonset: Object) -> bool:
    return bool((daemonset.get("status") or {}).get("observedGeneration"))


def _absolute(config: Object, origin: Path) -> Object:
    """The kubeconfig with file names that hold from any directory."""
    for section, entry in (("clusters", "cluster"), ("users", "user")):
        for item in config.get(section) or []:
            for name in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
                if item.get(entry, {}).get(name):
                    item[entry][name] = str(origin.resolve().parent / item[entry][name])
    return config


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
