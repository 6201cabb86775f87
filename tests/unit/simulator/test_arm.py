# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM and the token endpoint, driven by the real azure-identity, azure-mgmt-compute and -containerservice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from aiohttp import web
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import RunCommandInput
from azure.mgmt.containerservice import ContainerServiceClient

from ansible_collections.kubeops.aks_reboot.tests.simulator import layout
from ansible_collections.kubeops.aks_reboot.tests.simulator.arm import Arm
from ansible_collections.kubeops.aks_reboot.tests.simulator.arm_aks import Access, ManagedCluster
from ansible_collections.kubeops.aks_reboot.tests.simulator.arm_compute import Compute
from ansible_collections.kubeops.aks_reboot.tests.simulator.arm_operations import Operations
from ansible_collections.kubeops.aks_reboot.tests.simulator.entra import AKS_SERVER_APP, Tokens
from ansible_collections.kubeops.aks_reboot.tests.simulator.faults import Faults
from ansible_collections.kubeops.aks_reboot.tests.simulator.machine import Machine
from ansible_collections.kubeops.aks_reboot.tests.simulator.middlewares import apply_faults, record_requests
from ansible_collections.kubeops.aks_reboot.tests.simulator.recorder import Recorder
from ansible_collections.kubeops.aks_reboot.tests.simulator.settings import Settings
from ansible_collections.kubeops.aks_reboot.tests.simulator.tls import write_authority

T = TypeVar("T")
SECRET = "the-secret"
GROUP = layout.NODE_RESOURCE_GROUP


class Rig:
    """ARM with two scale-set instances and one single VM, and the Azure SDK pointed at it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        settings = Settings(boot_seconds=0.1, lro_seconds=0.05, arm_retry_after=0.05, run_command_seconds=0.01)
        pools = [layout.Pool("user", 2, zones=("1", "2")), layout.Pool("vms", 1, kind="vm")]
        self.nodes = layout.lay_out(pools)
        self.faults = Faults(
            [node.name for node in self.nodes], {node.name: node.resource_id.lower() for node in self.nodes}
        )
        self.machines = [Machine(node.name, 0.1) for node in self.nodes]
        self.recorder = Recorder()
        self.operations = Operations(settings)
        compute = Compute(zip(self.nodes, self.machines, strict=True), pools, self.faults, self.operations, settings)
        cluster = ManagedCluster(pools, self.nodes, Access("https://127.0.0.1:1", b"CA", "admin"))
        arm = Arm(Tokens(SECRET, "for-the-cluster"), self.operations, compute, cluster)
        self.application = arm.application([record_requests(self.recorder, "arm"), apply_faults(self.faults)])
        self.url = ""

    def credential(self, secret: str = SECRET) -> ClientSecretCredential:
        return ClientSecretCredential(
            layout.TENANT,
            layout.CLIENT,
            secret,
            authority=self.url,
            disable_instance_discovery=True,
            connection_verify=str(self.directory / "ca.crt"),
        )

    def compute(self, secret: str = SECRET) -> ComputeManagementClient:
        return ComputeManagementClient(
            self.credential(secret),
            layout.SUBSCRIPTION,
            base_url=self.url,
            credential_scopes=["https://management.azure.com/.default"],
            connection_verify=str(self.directory / "ca.crt"),
            polling_interval=0.05,
            retry_backoff_factor=0.01,
        )

    def containers(self) -> ContainerServiceClient:
        return ContainerServiceClient(
            self.credential(),
            layout.SUBSCRIPTION,
            base_url=self.url,
            credential_scopes=["https://management.azure.com/.default"],
            connection_verify=str(self.directory / "ca.crt"),
            polling_interval=0.05,
        )

    @property
    def scale_set(self) -> str:
        assert self.nodes[0].pool.scale_set is not None
        return self.nodes[0].pool.scale_set

    def restart(self, **options: Any) -> None:
        self.compute().virtual_machine_scale_set_vms.begin_restart(GROUP, self.scale_set, "1", **options).result(5)

    def posts(self) -> int:
        return sum(1 for entry in self.recorder.list() if entry["method"] == "POST" and entry["server"] == "arm")


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    rig = Rig(tmp_path)
    runner = web.AppRunner(rig.application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=write_authority(tmp_path))
    await site.start()
    rig.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield rig
    await rig.operations.close()
    await runner.cleanup()
    for machine in rig.machines:
        machine.stop()


async def do(call: Callable[..., T], *args: Any, **options: Any) -> T:
    """Run a blocking SDK call beside the servers."""
    return await asyncio.to_thread(call, *args, **options)


async def test_restart_of_an_instance(rig: Rig) -> None:
    before = rig.machines[1].boot_id
    start = time.monotonic()
    await do(rig.restart)
    assert time.monotonic() - start < 2
    assert [machine.restart_requests for machine in rig.machines] == [0, 1, 0]
    assert [machine.boots for machine in rig.machines] == [0, 1, 0]
    await asyncio.sleep(0.2)
    assert rig.machines[1].boot_id != before


async def test_restart_of_a_single_vm_in_lower_case(rig: Rig) -> None:
    name = rig.nodes[2].instance.upper()
    await do(lambda: rig.compute().virtual_machines.begin_restart(GROUP.lower(), name).result(5))
    assert [machine.boots for machine in rig.machines] == [0, 0, 1]


async def test_restart_of_a_whole_set_is_seen_on_every_instance(rig: Rig) -> None:
    await do(lambda: rig.compute().virtual_machine_scale_sets.begin_restart(GROUP, rig.scale_set).result(5))
    assert [(machine.boots, machine.restart_requests) for machine in rig.machines] == [(1, 1), (1, 1), (0, 0)]


async def test_instance_view_follows_the_power(rig: Rig) -> None:
    def codes() -> list[str]:
        view = rig.compute().virtual_machine_scale_set_vms.get_instance_view(GROUP, rig.scale_set, "0")
        return [str(status.code) for status in view.statuses or []]

    assert await do(codes) == ["ProvisioningState/succeeded", "PowerState/running"]
    rig.faults.on("node-never-returns", node=rig.nodes[0].name)
    rig.machines[0].boot_seconds = 60
    rig.machines[0].restart()
    assert await do(codes) == ["ProvisioningState/succeeded", "PowerState/stopped"]


@pytest.mark.parametrize(
    ("code", "exception", "posts"),
    [
        (403, HttpResponseError, 1),
        (404, ResourceNotFoundError, 1),
        (409, ResourceExistsError, 1),
        (429, HttpResponseError, 1),
        (500, HttpResponseError, 4),
        (503, HttpResponseError, 4),
    ],
)
async def test_http_faults(rig: Rig, code: int, exception: type[HttpResponseError], posts: int) -> None:
    rig.faults.on("http-status", node=rig.nodes[1].name, code=code, server="arm", method="POST")
    with pytest.raises(exception) as caught:
        await do(rig.restart)
    assert caught.value.status_code == code
    assert caught.value.error is not None
    assert rig.machines[1].boots == 0
    assert rig.machines[1].restart_requests == posts
    assert rig.posts() == posts


async def test_count_of_a_fault(rig: Rig) -> None:
    fault = rig.faults.on("http-status", node=rig.nodes[1].name, code=500, count=2)
    await do(rig.restart)
    assert (rig.machines[1].boots, rig.machines[1].restart_requests, fault.hits) == (1, 3, 2)


@pytest.mark.parametrize(("when", "boots"), [("before", 0), ("after", 1)])
async def test_dropped_connection(rig: Rig, when: str, boots: int) -> None:
    rig.faults.on("drop", node=rig.nodes[1].name, method="POST", when=when)
    with pytest.raises(ServiceResponseError):
        await do(rig.restart)
    assert (rig.machines[1].boots, rig.machines[1].restart_requests) == (boots, 1)
    assert rig.recorder.list()[-1]["status"] == 0


async def test_operation_fails(rig: Rig) -> None:
    rig.faults.on("arm-lro-failed", node=rig.nodes[1].name)
    with pytest.raises(HttpResponseError) as caught:
        await do(rig.restart)
    assert caught.value.status_code == 200
    assert caught.value.error is not None
    assert caught.value.error.code == "VMStartTimedOut"
    assert rig.machines[1].boots == 0


async def test_operation_never_ends(rig: Rig) -> None:
    rig.faults.on("arm-lro-never", node=rig.nodes[1].name)

    def done() -> bool:
        vms = rig.compute().virtual_machine_scale_set_vms
        poller = vms.begin_restart(GROUP, rig.scale_set, "1")
        poller.wait(0.5)
        return poller.done()

    assert await do(done) is False
    assert rig.machines[1].boots == 1


async def test_reboot_comes_late(rig: Rig) -> None:
    rig.faults.on("arm-late-reboot", node=rig.nodes[1].name, seconds=0.6)
    await do(rig.restart)
    assert rig.machines[1].boots == 0
    await asyncio.sleep(0.7)
    assert rig.machines[1].boots == 1


async def test_hold_and_release(rig: Rig) -> None:
    hold = rig.faults.on("hold", node=rig.nodes[1].name, method="POST")
    restart = asyncio.create_task(do(rig.restart))
    await asyncio.sleep(0.5)
    assert rig.faults.list()[0]["held"] == 1
    assert rig.machines[1].boots == 0
    rig.faults.release(hold.id)
    await restart
    assert rig.machines[1].boots == 1


async def test_bad_secret(rig: Rig) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        await do(rig.compute("wrong").virtual_machine_scale_sets.get, GROUP, rig.scale_set)


async def test_unknown_token(rig: Rig) -> None:
    compute = rig.compute()
    rig.faults.on("http-status", server="arm", code=401)
    with pytest.raises(ClientAuthenticationError):
        await do(compute.virtual_machine_scale_sets.get, GROUP, rig.scale_set)


async def test_token_for_the_cluster_is_not_for_arm(rig: Rig) -> None:
    token = await do(rig.credential().get_token, f"{AKS_SERVER_APP}/.default")
    assert token.token == "for-the-cluster"
    wrong = ComputeManagementClient(
        rig.credential(),
        layout.SUBSCRIPTION,
        base_url=rig.url,
        credential_scopes=[f"{AKS_SERVER_APP}/.default"],
        connection_verify=str(rig.directory / "ca.crt"),
    )
    with pytest.raises(ClientAuthenticationError, match="wrong audience"):
        await do(wrong.virtual_machine_scale_sets.get, GROUP, rig.scale_set)


async def test_lists(rig: Rig) -> None:
    compute = rig.compute()
    assert [item.name for item in await do(lambda: list(compute.virtual_machine_scale_sets.list(GROUP)))] == [
        rig.scale_set
    ]
    instances = await do(lambda: list(compute.virtual_machine_scale_set_vms.list(GROUP, rig.scale_set)))
    assert [item.instance_id for item in instances] == ["0", "1"]
    assert [item.name for item in await do(lambda: list(compute.virtual_machines.list(GROUP)))] == [rig.nodes[2].name]


async def test_missing_things(rig: Rig) -> None:
    vms = rig.compute().virtual_machine_scale_set_vms
    for group, name, instance in (("rg", rig.scale_set, "0"), (GROUP, "nope", "0"), (GROUP, rig.scale_set, "7")):
        with pytest.raises(ResourceNotFoundError):
            await do(vms.get, group, name, instance)


async def test_run_command(rig: Rig) -> None:
    vms = rig.compute().virtual_machine_scale_set_vms
    script = RunCommandInput(command_id="RunShellScript", script=["whoami", "echo problem >&2; exit 3"])
    result = await do(lambda: vms.begin_run_command(GROUP, rig.scale_set, "0", script).result(5))
    assert result.value is not None
    assert result.value[0].message == "Enable succeeded: \n[stdout]\nroot\n\n[stderr]\nproblem\n"
    long = RunCommandInput(
        command_id="RunShellScript", script=["for x in 1 2 3 4 5 6 7 8; do printf '%s' " + "y" * 1000]
    )
    long.script = [f"{long.script[0]}; done"] if long.script else None
    result = await do(lambda: vms.begin_run_command(GROUP, rig.scale_set, "0", long).result(5))
    assert result.value is not None
    assert str(result.value[0].message).count("y") == 4096


async def test_run_command_one_at_a_time(rig: Rig) -> None:
    vms = rig.compute().virtual_machine_scale_set_vms
    slow = RunCommandInput(command_id="RunShellScript", script=["sleep 2"])
    await do(vms.begin_run_command, GROUP, rig.scale_set, "0", slow, polling=False)
    with pytest.raises(ResourceExistsError, match="execution is in progress"):
        await do(vms.begin_run_command, GROUP, rig.scale_set, "0", slow)
    rig.machines[1].restart()
    with pytest.raises(ResourceExistsError, match="not running"):
        await do(vms.begin_run_command, GROUP, rig.scale_set, "1", slow)


async def test_run_command_of_the_second_generation(rig: Rig) -> None:
    commands = rig.compute().virtual_machine_scale_set_vm_run_commands
    body: Any = {"location": layout.LOCATION, "properties": {"source": {"script": "echo out; exit 3"}}}

    def run() -> Any:
        commands.begin_create_or_update(GROUP, rig.scale_set, "0", "probe", body).result(5)
        return commands.get(GROUP, rig.scale_set, "0", "probe", expand="instanceView").instance_view

    view = await do(run)
    assert (view.execution_state, view.exit_code, view.output) == ("Failed", 3, "out\n")
    await do(lambda: commands.begin_delete(GROUP, rig.scale_set, "0", "probe").result(5))
    with pytest.raises(ResourceNotFoundError):
        await do(commands.get, GROUP, rig.scale_set, "0", "probe")


async def test_managed_cluster(rig: Rig) -> None:
    client = rig.containers()
    cluster = await do(client.managed_clusters.get, layout.RESOURCE_GROUP, layout.CLUSTER)
    assert cluster.node_resource_group == GROUP
    pools = await do(lambda: list(client.agent_pools.list(layout.RESOURCE_GROUP, layout.CLUSTER)))
    assert [pool.name for pool in pools] == ["user", "vms"]
    machines = await do(lambda: list(client.machines.list(layout.RESOURCE_GROUP, layout.CLUSTER, "user")))
    assert [machine.properties.resource_id for machine in machines if machine.properties] == [
        node.resource_id for node in rig.nodes[:2]
    ]
    found = await do(
        client.managed_clusters.list_cluster_user_credentials, layout.RESOURCE_GROUP, layout.CLUSTER, format="exec"
    )
    assert found.kubeconfigs
    config = yaml.safe_load(bytes(found.kubeconfigs[0].value or b""))
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert config["users"][0]["user"]["exec"]["command"] == "kubelogin"


async def test_maintenance_configurations(rig: Rig) -> None:
    windows = rig.containers().maintenance_configurations
    name = "aksManagedNodeOSUpgradeSchedule"
    body: Any = {
        "properties": {
            "maintenanceWindow": {
                "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Friday"}},
                "durationHours": 4,
                "utcOffset": "+05:30",
                "startTime": "00:00",
            }
        }
    }
    await do(windows.create_or_update, layout.RESOURCE_GROUP, layout.CLUSTER, name, body)
    found = await do(windows.get, layout.RESOURCE_GROUP, layout.CLUSTER, name)
    assert found.name == name
    assert found.maintenance_window is not None
    assert found.maintenance_window.duration_hours == 4
    listed = await do(lambda: list(windows.list_by_managed_cluster(layout.RESOURCE_GROUP, layout.CLUSTER)))
    assert [item.name for item in listed] == [name]
