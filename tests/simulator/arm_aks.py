# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ContainerService: the managed cluster, its agent pools, credentials and maintenance windows."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import yaml
from aiohttp import web

from .arm_operations import ArmError, answer
from .entra import AKS_SERVER_APP
from .layout import (
    CLUSTER,
    LOCATION,
    NODE_RESOURCE_GROUP,
    RESOURCE_GROUP,
    SUBSCRIPTION,
    TENANT,
    NodeIdentity,
    Pool,
)

Resource = Callable[[web.Request, dict[str, str]], Awaitable[web.Response]]

_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}"
)
_PROVIDER = "/providers/microsoft.containerservice/managedclusters"
_GROUP = "/subscriptions/{sub}/resourcegroups/{group}" + _PROVIDER
_ONE = _GROUP + "/{cluster}"


@dataclasses.dataclass(frozen=True)
class Access:
    """How to reach the Kubernetes API: URL, CA certificate (PEM), and the token of the cluster administrator."""

    server: str
    authority: bytes
    admin_token: str


class ManagedCluster:
    """The one cluster there is."""

    def __init__(self, pools: list[Pool], nodes: list[NodeIdentity], access: Access) -> None:
        self._pools = pools
        self._nodes = nodes
        self._access = access
        self._maintenance: dict[str, dict[str, Any]] = {}

    def routes(self) -> Iterator[tuple[str, str, Resource]]:
        """(method, path template in lower case, handler) of everything here."""
        yield "GET", "/subscriptions/{sub}" + _PROVIDER, self._list
        yield "GET", _GROUP, self._list
        yield "GET", _ONE, self._get
        yield "POST", _ONE + "/listclusterusercredential", self._user_credential
        yield "POST", _ONE + "/listclusteradmincredential", self._admin_credential
        yield "GET", _ONE + "/agentpools", self._list_pools
        yield "GET", _ONE + "/agentpools/{pool}", self._get_pool
        yield "GET", _ONE + "/agentpools/{pool}/machines", self._list_machines
        yield "GET", _ONE + "/agentpools/{pool}/machines/{machine}", self._get_machine
        yield "GET", _ONE + "/maintenanceconfigurations", self._list_maintenance
        yield "GET", _ONE + "/maintenanceconfigurations/{name}", self._get_maintenance
        yield "PUT", _ONE + "/maintenanceconfigurations/{name}", self._put_maintenance
        yield "DELETE", _ONE + "/maintenanceconfigurations/{name}", self._delete_maintenance

    def _check(self, names: dict[str, str]) -> None:
        if names["group"] != RESOURCE_GROUP.lower() or names["cluster"] != CLUSTER:
            raise _missing(f"managedClusters/{names['cluster']}")

    def _pool(self, names: dict[str, str]) -> Pool:
        self._check(names)
        for pool in self._pools:
            if pool.name == names["pool"]:
                return pool
        raise _missing(f"managedClusters/{CLUSTER}/agentPools/{names['pool']}")

    async def _list(self, _request: web.Request, _names: dict[str, str]) -> web.Response:
        return answer(200, {"value": [self._model()]})

    async def _get(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        return answer(200, self._model())

    def _model(self) -> dict[str, Any]:
        return {
            "id": _ID,
            "name": CLUSTER,
            "type": "Microsoft.ContainerService/ManagedClusters",
            "location": LOCATION,
            "sku": {"name": "Base", "tier": "Standard"},
            "identity": {"type": "SystemAssigned", "tenantId": TENANT},
            "properties": {
                "provisioningState": "Succeeded",
                "powerState": {"code": "Running"},
                "kubernetesVersion": "1.33.2",
                "currentKubernetesVersion": "1.33.2",
                "dnsPrefix": CLUSTER,
                "fqdn": self._access.server.removeprefix("https://"),
                "agentPoolProfiles": [{"name": pool.name, **_pool_properties(pool)} for pool in self._pools],
                "nodeResourceGroup": NODE_RESOURCE_GROUP,
                "nodeResourceGroupProfile": {"restrictionLevel": "Unrestricted"},
                "enableRBAC": True,
                "disableLocalAccounts": False,
                "aadProfile": {"managed": True, "enableAzureRBAC": True, "tenantID": TENANT},
                "apiServerAccessProfile": {"enablePrivateCluster": False},
                "autoUpgradeProfile": {"upgradeChannel": "none", "nodeOSUpgradeChannel": "Unmanaged"},
                "nodeProvisioningProfile": {"mode": "Manual"},
            },
        }

    async def _list_pools(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        return answer(200, {"value": [_pool_model(pool) for pool in self._pools]})

    async def _get_pool(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        return answer(200, _pool_model(self._pool(names)))

    async def _list_machines(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        pool = self._pool(names)
        return answer(200, {"value": [_machine_model(node) for node in self._nodes if node.pool == pool]})

    async def _get_machine(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        pool = self._pool(names)
        for node in self._nodes:
            if node.pool == pool and node.name == names["machine"]:
                return answer(200, _machine_model(node))
        raise _missing(f"managedClusters/{CLUSTER}/agentPools/{pool.name}/machines/{names['machine']}")

    async def _user_credential(self, request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        login = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER_APP, "--tenant-id", TENANT]
        user = (
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "command": "kubelogin",
                    "args": [*login, "--login", "devicecode"],
                    "provideClusterInfo": False,
                }
            }
            if request.query.get("format") == "exec"
            else {"auth-provider": {"name": "azure", "config": {"apiserver-id": AKS_SERVER_APP, "tenant-id": TENANT}}}
        )
        return self._credential("clusterUser", user)

    async def _admin_credential(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        return self._credential("clusterAdmin", {"token": self._access.admin_token})

    def _credential(self, name: str, user: dict[str, Any]) -> web.Response:
        config = yaml.safe_dump(kubeconfig(self._access, user, f"{name}_{RESOURCE_GROUP}_{CLUSTER}"))
        return answer(200, {"kubeconfigs": [{"name": name, "value": base64.b64encode(config.encode()).decode()}]})

    async def _list_maintenance(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        return answer(200, {"value": list(self._maintenance.values())})

    async def _get_maintenance(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        if names["name"] not in self._maintenance:
            raise _missing(f"managedClusters/{CLUSTER}/maintenanceConfigurations/{names['name']}")
        return answer(200, self._maintenance[names["name"]])

    async def _put_maintenance(self, request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        try:
            properties = json.loads(await request.read())["properties"]
        except (ValueError, KeyError, TypeError):
            text = "The request content was invalid and could not be deserialized."
            raise ArmError(400, "InvalidRequestContent", text) from None
        # The name as the caller spelt it: path parameters were lower-cased for matching.
        name = request.path.rstrip("/").rpartition("/")[2]
        kept = {"id": f"{_ID}/maintenanceConfigurations/{name}", "name": name, "properties": properties}
        self._maintenance[names["name"]] = kept
        return answer(200, kept)

    async def _delete_maintenance(self, _request: web.Request, names: dict[str, str]) -> web.Response:
        self._check(names)
        return answer(200 if self._maintenance.pop(names["name"], None) else 204, None)


def kubeconfig(access: Access, user: dict[str, Any], user_name: str) -> dict[str, Any]:
    """A kubeconfig with one context for this user entry."""
    authority = base64.b64encode(access.authority).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CLUSTER,
        "clusters": [{"name": CLUSTER, "cluster": {"server": access.server, "certificate-authority-data": authority}}],
        "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": user_name}}],
        "users": [{"name": user_name, "user": user}],
    }


def _pool_model(pool: Pool) -> dict[str, Any]:
    return {
        "id": f"{_ID}/agentPools/{pool.name}",
        "name": pool.name,
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": _pool_properties(pool),
    }


def _pool_properties(pool: Pool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "count": pool.count,
        "vmSize": "Standard_D4s_v5",
        "type": "VirtualMachineScaleSets" if pool.kind == "vmss" else "VirtualMachines",
        "mode": pool.mode,
        "osType": pool.os,
        "osSKU": "Windows2022" if pool.os == "Windows" else "Ubuntu",
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "enableAutoScaling": False,
        "maxPods": 110,
        "orchestratorVersion": "1.33.2",
        "upgradeSettings": {"maxSurge": "10%"},
    }
    if pool.zones:
        properties["availabilityZones"] = list(pool.zones)
    if pool.priority == "Spot":
        properties.update(scaleSetPriority="Spot", scaleSetEvictionPolicy="Delete")
    return properties


def _machine_model(node: NodeIdentity) -> dict[str, Any]:
    return {
        "id": f"{_ID}/agentPools/{node.pool.name}/machines/{node.name}",
        "name": node.name,
        "type": "Microsoft.ContainerService/managedClusters/agentPools/machines",
        "zones": [node.zone.rpartition("-")[2]] if node.pool.zones else [],
        "properties": {
            "resourceId": node.resource_id,
            "network": {"ipAddresses": [{"family": "IPv4", "ip": node.address}]},
        },
    }


def _missing(name: str) -> ArmError:
    return ArmError(404, "ResourceNotFound", f"The Resource 'Microsoft.ContainerService/{name}' was not found.")
