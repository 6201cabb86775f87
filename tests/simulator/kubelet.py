# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agents: they register nodes, renew leases, and start and stop the containers of pods."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp

from . import kubelet_objects as objects
from .kube_client import STRATEGIC_PATCH, ApiError, Informer, KubeClient
from .layout import NodeIdentity
from .machine import Machine
from .settings import Settings

log = logging.getLogger(__name__)

Object = dict[str, Any]

_AT_ONCE = 32
_HEARTBEATS_PER_STATUS = 30
_ATTEMPTS = 6


class KubeletError(Exception):
    """A node cannot be registered; the message says why."""


class _Node:
    """One kubelet's view of its machine. up: set while the kubelet works; boot: which boot of the machine this is."""

    def __init__(self, identity: NodeIdentity, machine: Machine) -> None:
        self.identity = identity
        self.machine = machine
        self.boot = 0
        self.up = asyncio.Event()
        self.up.set()

    async def spend(self, seconds: float) -> None:
        """Work for so long without the machine going down in between; starts over when it does."""
        while True:
            await self.up.wait()
            boot = self.boot
            await asyncio.sleep(seconds)
            if boot == self.boot and self.up.is_set():
                return


class Kubelets:
    """The kubelets of all nodes: one watch on pods for all of them, otherwise each for itself.

    manifests: node name -> changes to the Node that is registered (a function of the plain Node).
    """

    def __init__(
        self,
        client: KubeClient,
        nodes: list[tuple[NodeIdentity, Machine]],
        settings: Settings,
        adapt: Callable[[Object], Object] = lambda plain: plain,
        mirror_pods: bool = False,
    ) -> None:
        self._client = client
        self._settings = settings
        self._adapt = adapt
        self._mirror_pods = mirror_pods
        self._nodes = {identity.name: _Node(identity, machine) for identity, machine in nodes}
        self._pods = Informer(client, "/api/v1/pods")
        self._by_node: dict[str, dict[str, Object]] = {name: {} for name in self._nodes}
        self._starting: set[str] = set()
        self._stopping: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._addresses = itertools.count(1)
        for _identity, machine in nodes:
            machine.subscribe(self._power_changed)

    async def register(self) -> None:
        """Create the Node and Lease of every node; raises KubeletError when a node is there already."""
        await _in_parallel([self._register(node) for node in self._nodes.values()])

    async def _register(self, node: _Node) -> None:
        body = self._adapt(objects.node(node.identity, node.machine))
        try:
            await self._client.create("/api/v1/nodes", body)
        except ApiError as error:
            if error.status == 409:
                text = f"node {node.identity.name} is there already: delete it, or give the pools other names"
                raise KubeletError(text) from error
            raise
        try:
            await self._client.create(_leases(), objects.lease(node.identity.name))
        except ApiError as error:
            if error.status != 409:
                raise

    async def _register_again(self, node: _Node) -> Object:
        """A Node that was deleted comes back without its cordon: only labels and taints are the kubelet's own."""
        body = self._adapt(objects.node(node.identity, node.machine))
        body["spec"].pop("unschedulable", None)
        try:
            return await self._client.get(f"/api/v1/nodes/{node.identity.name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return await self._client.create("/api/v1/nodes", body)

    async def deregister(self, others: list[str]) -> None:
        """Delete the Nodes and Leases, and the objects at these other paths: the API server outlives the simulator."""
        names = list(self._nodes)
        await _in_parallel([self._delete(path) for path in others])
        await _in_parallel([self._delete(f"/api/v1/nodes/{name}") for name in names])
        await _in_parallel([self._delete(f"{_leases()}/{name}") for name in names])

    async def _delete(self, path: str) -> None:
        try:
            await self._client.delete(path)
        except ApiError as error:
            log.warning("%s stays: %s", path, error)

    async def run(self) -> None:
        """Do what kubelets do, until cancelled."""
        self._pods.subscribe(self._pod_changed)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pods.run())
                group.create_task(self._heartbeats())
                if self._mirror_pods:
                    for name in self._nodes:
                        self._spawn(self._create_mirror(name))
        finally:
            for task in list(self._tasks):
                task.cancel()

    async def _heartbeats(self) -> None:
        if not self._nodes:
            return
        for round_number in itertools.count(1):
            for node in list(self._nodes.values()):
                # Spread over the period, so that a thousand nodes do not speak at once.
                await asyncio.sleep(self._settings.heartbeat_seconds / len(self._nodes))
                if node.up.is_set():
                    self._spawn(self._renew(node, with_status=round_number % _HEARTBEATS_PER_STATUS == 0))

    async def _renew(self, node: _Node, with_status: bool) -> None:
        renewal = {"spec": {"renewTime": objects.now_micro()}}
        await self._attempt(lambda: self._client.patch(f"{_leases()}/{node.identity.name}", renewal))
        if with_status:
            await self._post_status(node, ready=True, changed=None)

    async def _post_status(self, node: _Node, ready: bool, changed: str | None) -> None:
        status = {"status": objects.node_status(node.identity, node.machine, ready, changed)}
        path = f"/api/v1/nodes/{node.identity.name}/status"
        await self._attempt(lambda: self._client.patch(path, status, STRATEGIC_PATCH))

    def _power_changed(self, machine: Machine) -> None:
        node = self._nodes[machine.name]
        if machine.power != "running":
            node.boot += 1
            node.up.clear()
        else:
            self._spawn(self._booted(node))

    async def _booted(self, node: _Node) -> None:
        """What a kubelet does after a boot: register if need be, not ready first, then its pods anew, then ready."""
        boot = node.boot
        await self._attempt(lambda: self._register_again(node))
        await self._post_status(node, ready=False, changed=objects.now())
        pods = [pod for pod in self._by_node[node.identity.name].values() if _is_started(pod)]
        self._starting.update(pod["metadata"]["uid"] for pod in pods)
        await _in_parallel([self._patch_pod(pod, objects.interrupted(pod)) for pod in pods])
        await asyncio.sleep(self._settings.node_ready_seconds)
        if node.boot != boot:
            return
        node.up.set()
        self._spawn(self._renew(node, with_status=False))
        await self._post_status(node, ready=True, changed=objects.now())
        for pod in pods:
            self._spawn(self._restart(node, pod["metadata"]["uid"], boot))

    def _pod_changed(self, kind: str, pod: Object) -> None:
        name = pod["spec"].get("nodeName")
        node = self._nodes.get(name)
        if node is None:
            return
        metadata = pod["metadata"]
        uid = metadata["uid"]
        if kind == "DELETED":
            self._by_node[name].pop(uid, None)
            self._starting.discard(uid)
            self._stopping.discard(uid)
            if self._mirror_pods and objects.MIRROR in (metadata.get("annotations") or {}):
                self._spawn(self._create_mirror(name))
            return
        self._by_node[name][uid] = pod
        if "deletionTimestamp" in metadata:
            if uid not in self._stopping:
                self._stopping.add(uid)
                self._spawn(self._stop(node, pod))
        elif uid not in self._starting and _is_to_start(pod):
            self._starting.add(uid)
            self._spawn(self._start(node, uid))

    async def _restart(self, node: _Node, uid: str, boot: int) -> None:
        """Start a pod again after this boot; the next boot, should one come before, takes care of it itself."""
        await asyncio.sleep(self._settings.pod_start_seconds)
        if node.boot == boot:
            await self._run(node, uid, restarted=True)

    async def _start(self, node: _Node, uid: str) -> None:
        await node.spend(self._settings.pod_start_seconds)
        await self._run(node, uid, restarted=False)

    async def _run(self, node: _Node, uid: str, restarted: bool) -> None:
        current = self._by_node[node.identity.name].get(uid)
        if current is not None and "deletionTimestamp" not in current["metadata"]:
            number = next(self._addresses)
            address = f"10.244.{number // 250 % 250}.{number % 250 + 1}"
            await self._patch_pod(current, objects.running(current, node.identity.address, address, restarted))
        self._starting.discard(uid)

    async def _stop(self, node: _Node, pod: Object) -> None:
        metadata = pod["metadata"]
        wanted = (metadata.get("annotations") or {}).get(objects.ANNOTATION_STOP)
        seconds = self._settings.pod_stop_seconds if wanted is None else float(wanted)
        await node.spend(min(seconds, float(metadata.get("deletionGracePeriodSeconds") or 0)))
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        path = _pod_path(pod)
        await self._attempt(lambda: self._client.delete(path, body))

    async def _create_mirror(self, name: str) -> None:
        await self._nodes[name].up.wait()
        await self._attempt(
            lambda: self._client.create("/api/v1/namespaces/kube-system/pods", objects.mirror_pod(name))
        )

    async def _patch_pod(self, pod: Object, status: Object) -> None:
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        path = f"{_pod_path(pod)}/status"
        await self._attempt(lambda: self._client.patch(path, body, STRATEGIC_PATCH))

    async def _attempt(self, call: Callable[[], Awaitable[Object]]) -> None:
        """Make a request, again after a while when the server is in trouble; an object that is gone is no trouble."""
        problem: Exception | None = None
        for attempt in range(_ATTEMPTS):
            try:
                await call()
            except ApiError as error:
                if error.status in (404, 409, 422):
                    return
                problem = error
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                problem = error
            else:
                return
            await asyncio.sleep(0.1 * 2**attempt)
        log.warning("a kubelet gives up: %s", problem)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_started(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


def _is_to_start(pod: Object) -> bool:
    annotations = pod["metadata"].get("annotations") or {}
    return (
        pod.get("status", {}).get("phase", "Pending") == "Pending"
        and annotations.get(objects.ANNOTATION_PHASE) != "Pending"
    )


def _leases() -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{objects.LEASES}/leases"


def _pod_path(pod: Object) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


async def _in_parallel(works: list[Coroutine[Any, Any, None]]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await work

    await asyncio.gather(*(one(work) for work in works))
