# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Compute: scale sets, their instances, single VMs, and Run Command in both generations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from aiohttp import web

from .arm_operations import ArmError, OperationError, Operations, answer
from .faults import Fault, Faults
from .layout import LOCATION, NODE_RESOURCE_GROUP, SUBSCRIPTION, NodeIdentity, Pool
from .machine import Machine
from .settings import Settings
from .shell import Context, run_script

Resource = Callable[[web.Request, dict[str, str]], Awaitable[web.Response]]

_COMPUTE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_RESOURCE_GROUP}/providers/Microsoft.Compute"
_ROUTE = "/subscriptions/{sub}/resourcegroups/{group}/providers/microsoft.compute"
_INSTANCE = _ROUTE + "/virtualmachinescalesets/{set}/virtualmachines/{instance}"
_VM = _ROUTE + "/virtualmachines/{vm}"
_OUTPUT_BYTES = 4096
_LATE_SECONDS = 10.0


class Compute:
    """The VMs of a cluster as ARM shows them. nodes: identity and machine of each."""

    def __init__(
        self,
        nodes: Iterable[tuple[NodeIdentity, Machine]],
        pools: Iterable[Pool],
        faults: Faults,
        operations: Operations,
        settings: Settings,
    ) -> None:
        self._nodes = {identity.resource_id.lower(): (identity, machine) for identity, machine in nodes}
        self._sets = {pool.scale_set: pool for pool in pools if pool.scale_set is not None}
        self._faults = faults
        self._operations = operations
        self._settings = settings
        self._busy: dict[str, int] = {}
        self._run_commands: dict[str, dict[str, dict[str, Any]]] = {}
        self._running_scripts: set[str] = set()

    def routes(self) -> Iterator[tuple[str, str, Resource]]:
        """(method, path template in lower case, handler) of everything here."""
        yield "GET", _ROUTE + "/virtualmachinescalesets", self._list_sets
        yield "GET", _ROUTE + "/virtualmachinescalesets/{set}", self._get_set
        yield "POST", _ROUTE + "/virtualmachinescalesets/{set}/restart", self._restart_set
        yield "GET", _ROUTE + "/virtualmachinescalesets/{set}/virtualmachines", self._list_instances
        yield "GET", _ROUTE + "/virtualmachines", self._list_vms
        for base in (_INSTANCE, _VM):
            yield "GET", base, self._get_machine
            yield "GET", base + "/instanceview", self._instance_view
            for action in ("restart", "redeploy", "reimage"):
                yield "POST", f"{base}/{action}", self._restart
            yield "POST", base + "/runcommand", self._run_command
            yield "GET", base + "/runcommands", self._list_run_commands
            yield "GET", base + "/runcommands/{name}", self._get_run_command
            yield "PUT", base + "/runcommands/{name}", self._put_run_command
            yield "DELETE", base + "/runcommands/{name}", self._delete_run_command

    def machines_below(self, path: str) -> list[Machine]:
        """The machine at this lower-case ARM path, or all those of the scale set there."""
        return [
            machine
            for resource, (_identity, machine) in self._nodes.items()
            if resource == path or resource.startswith(path + "/virtualmachines/")
        ]

    def _find(self, names: dict[str, str]) -> tuple[NodeIdentity, Machine]:
        if "vm" in names:
            resource = f"{_COMPUTE}/virtualMachines/{names['vm']}"
            missing = f"The Resource 'Microsoft.Compute/virtualMachines/{names['vm']}' was not found."
        else:
            self._pool(names)
            resource = f"{_COMPUTE}/virtualMachineScaleSets/{names['set']}/virtualMachines/{names['instance']}"
            missing = f"The entity was not found: VM instance {names['instance']} of scale set {names['set']}."
        found = self._nodes.get(resource.lower())
        if found is None:
            raise ArmError(404, "ResourceNotFound", missing)
        return found

    def _pool(self, names: dict[str, str]) -> Pool:
        pool = self._sets.get(names["set"])
        if pool is None:
            text = f"The Resource 'Microsoft.Compute/virtualMachineScaleSets/{names['set']}' was not found."
            raise ArmError(404, "ResourceNotFound", text)
        return pool

    async def _list_sets(self, _request: web.Request, _names: dict[str, str]) -> web.Response:
        return answer(200, {"value": [_set_model(pool) for pool in self._sets.values()]})

    async def _get_set(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        return answer(200, _set_model(self._pool(names)))

    async def _list_instances(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        pool = self._pool(names)
        return answer(
            200,
            {
                "value": [
                    self._model(*node) for node in self._nodes.values() if node[0].pool.scale_set == pool.scale_set
                ]
            },
        )

    async def _list_vms(self, _request: web.Request, _names: dict[str, str]) -> web.Response:
        vms = [self._model(*node) for node in self._nodes.values() if node[0].pool.scale_set is None]
        return answer(200, {"value": vms})

    async def _get_machine(self, request: web.Request, names: dict[str, str]) -> web.Response:
        identity, machine = self._find(names)
        model = self._model(identity, machine)
        if request.query.get("$expand", "").lower() == "instanceview":
            model["properties"]["instanceView"] = self._view(machine)
        return answer(200, model)

    async def _instance_view(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        return answer(200, self._view(self._find(names)[1]))

    def _view(self, machine: Machine) -> dict[str, Any]:
        provisioning = "updating" if self._busy.get(machine.name) else "succeeded"
        agent = "Ready" if machine.power == "running" else "Not Ready"
        return {
            "computerName": machine.name,
            "osName": "ubuntu",
            "vmAgent": {"vmAgentVersion": "2.9", "statuses": [_status("ProvisioningState/succeeded", agent)]},
            "statuses": [
                _status(f"ProvisioningState/{provisioning}", f"Provisioning {provisioning}"),
                _status(f"PowerState/{machine.power}", f"VM {machine.power}"),
            ],
        }

    def _model(self, identity: NodeIdentity, machine: Machine) -> dict[str, Any]:
        scale_set = identity.pool.scale_set
        model: dict[str, Any] = {
            "id": identity.resource_id,
            "name": identity.instance if scale_set is None else f"{scale_set}_{identity.instance}",
            "location": LOCATION,
            "tags": {"aks-managed-poolName": identity.pool.name},
            "properties": {
                "provisioningState": "Updating" if self._busy.get(machine.name) else "Succeeded",
                "vmId": machine.boot_id,
                "osProfile": {"computerName": identity.name, "adminUsername": "azureuser"},
                "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            },
        }
        if scale_set is None:
            model["type"] = "Microsoft.Compute/virtualMachines"
        else:
            model["type"] = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
            model["instanceId"] = identity.instance
            model["sku"] = {"name": "Standard_D4s_v5", "tier": "Standard"}
        if identity.pool.zones:
            model["zones"] = [identity.zone.rpartition("-")[2]]
        return model

    async def _restart(self, request: web.Request, names: dict[str, str]) -> web.Response:
        _identity, machine = self._find(names)
        return self._operations.accepted(request, self._operations.start(self._restarting([machine])))

    async def _restart_set(self, request: web.Request, names: dict[str, str]) -> web.Response:
        """Without instance ids in the body every instance restarts, which is why nobody should call this."""
        pool = self._pool(names)
        body = json.loads(await request.read() or b"{}")
        wanted = body.get("instanceIds")
        machines = [
            machine
            for identity, machine in self._nodes.values()
            if identity.pool.scale_set == pool.scale_set and (not wanted or identity.instance in wanted)
        ]
        return self._operations.accepted(request, self._operations.start(self._restarting(machines)))

    def _restarting(self, machines: list[Machine]) -> Callable[[], Awaitable[None]]:
        """The restart of these machines: their power goes off before the request is answered."""
        outcomes = [self._begin_restart(machine) for machine in machines]

        async def work() -> None:
            await asyncio.gather(*(self._finish_restart(*pair) for pair in zip(machines, outcomes, strict=True)))

        return work

    def _begin_restart(self, machine: Machine) -> Fault | None:
        self._busy[machine.name] = self._busy.get(machine.name, 0) + 1
        machine.accept_restart()
        fault = next(
            (
                struck
                for kind in ("arm-lro-failed", "arm-lro-never", "arm-late-reboot")
                if (struck := self._faults.strike(kind, machine.name)) is not None
            ),
            None,
        )
        if fault is None:
            machine.restart()
        elif fault.kind == "arm-late-reboot":
            delay = _LATE_SECONDS if fault.seconds is None else fault.seconds
            asyncio.get_running_loop().call_later(delay, machine.restart)
        elif (fault.when or ("before" if fault.kind == "arm-lro-failed" else "after")) == "after":
            machine.restart()
        return fault

    async def _finish_restart(self, machine: Machine, fault: Fault | None) -> None:
        try:
            await asyncio.sleep(self._settings.lro_seconds)
            if fault is not None and fault.kind == "arm-lro-failed":
                raise OperationError(
                    fault.error_code or "VMStartTimedOut",
                    fault.message or f"VM '{machine.name}' did not start in the allotted time.",
                )
            if fault is not None and fault.kind == "arm-lro-never":
                await asyncio.Event().wait()
        finally:
            self._busy[machine.name] -= 1

    async def _run_command(self, request: web.Request, names: dict[str, str]) -> web.Response:
        _identity, machine = self._find(names)
        body = await _json(request)
        if body.get("commandId") != "RunShellScript":
            text = f"The entity {body.get('commandId')} was not found in this location."
            raise ArmError(404, "RunCommandNotFound", text)
        self._require_running(machine)
        if machine.name in self._running_scripts:
            raise ArmError(
                409,
                "Conflict",
                "Run command extension execution is in progress. "
                "Please wait for completion before invoking a run command.",
            )
        script = "\n".join(body.get("script") or [])
        self._running_scripts.add(machine.name)

        async def work() -> dict[str, Any]:
            try:
                _status_code, out, err = await self._execute(machine, script)
            finally:
                self._running_scripts.discard(machine.name)
            message = f"Enable succeeded: \n[stdout]\n{_tail(out)}\n[stderr]\n{_tail(err)}"
            return {"value": [{**_status("ProvisioningState/succeeded", "Provisioning succeeded"), "message": message}]}

        return self._operations.accepted(request, self._operations.start(work))

    def _require_running(self, machine: Machine) -> None:
        if machine.power != "running":
            text = "Cannot modify extensions in the VM when the VM is not running."
            raise ArmError(409, "OperationNotAllowed", text)

    async def _execute(self, machine: Machine, script: str) -> tuple[int, bytes, bytes]:
        """Exit status, output and error output of a script run as root; OperationError when the VM goes down."""
        await asyncio.sleep(self._settings.run_command_seconds)
        out, err = bytearray(), bytearray()
        boots = machine.boots
        status = await run_script(Context(machine, 0, out.extend, err.extend), script)
        if machine.boots != boots:
            text = f"VM '{machine.name}' has not reported status for VM agent or extensions."
            raise OperationError("VMAgentStatusCommunicationError", text)
        return status, bytes(out), bytes(err)

    def _commands(self, machine: Machine) -> dict[str, dict[str, Any]]:
        return self._run_commands.setdefault(machine.name, {})

    async def _list_run_commands(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        machine = self._find(names)[1]
        return answer(200, {"value": [_without_view(command) for command in self._commands(machine).values()]})

    async def _get_run_command(self, request: web.Request, names: dict[str, str]) -> web.Response:
        command = self._commands(self._find(names)[1]).get(names["name"])
        if command is None:
            raise ArmError(404, "ResourceNotFound", f"The run command '{names['name']}' was not found.")
        expanded = request.query.get("$expand", "").lower() == "instanceview"
        return answer(200, command if expanded else _without_view(command))

    async def _put_run_command(self, request: web.Request, names: dict[str, str]) -> web.Response:
        identity, machine = self._find(names)
        properties = (await _json(request)).get("properties", {})
        self._require_running(machine)
        script = (properties.get("source") or {}).get("script", "")
        view: dict[str, Any] = {"executionState": "Running", "exitCode": 0, "output": "", "error": ""}
        command: dict[str, Any] = {
            "id": f"{identity.resource_id}/runCommands/{names['name']}",
            "name": names["name"],
            "location": LOCATION,
            "properties": {**properties, "provisioningState": "Creating", "instanceView": view},
        }
        existed = names["name"] in self._commands(machine)
        self._commands(machine)[names["name"]] = command

        async def work() -> None:
            try:
                status, out, err = await self._execute(machine, script)
            except OperationError as error:
                view.update(executionState="Failed", exitCode=-1, executionMessage=error.message)
                command["properties"]["provisioningState"] = "Failed"
                raise
            state = "Failed" if status else "Succeeded"
            view.update(executionState=state, exitCode=status, output=_tail(out), error=_tail(err))
            command["properties"]["provisioningState"] = "Succeeded"

        operation = self._operations.start(work)
        return self._operations.accepted(request, operation, 200 if existed else 201, _without_view(command))

    async def _delete_run_command(self, request: web.Request, names: dict[str, str]) -> web.Response:
        if self._commands(self._find(names)[1]).pop(names["name"], None) is None:
            return answer(204, None)

        async def work() -> None:
            await asyncio.sleep(self._settings.lro_seconds)

        return self._operations.accepted(request, self._operations.start(work))


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    return body


def _set_model(pool: Pool) -> dict[str, Any]:
    return {
        "id": f"{_COMPUTE}/virtualMachineScaleSets/{pool.scale_set}",
        "name": pool.scale_set,
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "location": LOCATION,
        "tags": {"aks-managed-poolName": pool.name},
        "zones": list(pool.zones),
        "sku": {"name": "Standard_D4s_v5", "tier": "Standard", "capacity": pool.count},
        "properties": {
            "provisioningState": "Succeeded",
            "orchestrationMode": "Uniform",
            "overprovision": False,
            "upgradePolicy": {"mode": "Manual"},
        },
    }


def _status(code: str, text: str) -> dict[str, str]:
    return {"code": code, "level": "Info", "displayStatus": text}


def _without_view(command: dict[str, Any]) -> dict[str, Any]:
    hidden = {name: value for name, value in command["properties"].items() if name != "instanceView"}
    return {**command, "properties": hidden}


def _tail(output: bytes) -> str:
    return output[-_OUTPUT_BYTES:].decode(errors="replace")
