# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every AKS cluster has from the start, and how Kubernetes objects of any kind are created."""

from __future__ import annotations

from typing import Any

from .kube_client import ApiError, KubeClient

Object = dict[str, Any]


def system_daemonset(name: str) -> Object:
    """A DaemonSet of kube-system that runs on every Linux node whatever its taints are."""
    labels = {"component": name, "kubernetes.azure.com/managedby": "aks"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"component": name}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "hostNetwork": True,
                    "priorityClassName": "system-node-critical",
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "tolerations": [{"operator": "Exists"}],
                    "terminationGracePeriodSeconds": 30,
                    "containers": [{"name": name, "image": f"mcr.microsoft.com/simulated/{name}:1"}],
                },
            },
        },
    }


SYSTEM_DAEMONSETS = ("kube-proxy", "azure-cns")


class Creator:
    """Creates objects of any kind that the API server knows, by asking it for the kind's path."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._resources: dict[str, dict[str, Object]] = {}

    async def create(self, body: Object) -> str | None:
        """Create one object (namespace "default" where it names none), with its status when it has one.

        Returns its path, or None for an object that was there already, which is left as it is. Raises ApiError, or
        ValueError for an unknown kind.
        """
        version = body["apiVersion"]
        base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        resource = (await self._kinds(base)).get(body["kind"])
        if resource is None:
            raise ValueError(f"the API server knows no {body['kind']} of {version}")
        if resource["namespaced"]:
            base = f"{base}/namespaces/{body['metadata'].get('namespace', 'default')}"
        path = f"{base}/{resource['name']}"
        try:
            created = await self._client.create(path, body)
        except ApiError as error:
            if error.status != 409:
                raise
            return None
        path = f"{path}/{created['metadata']['name']}"
        if "status" in body:
            await self._client.patch(f"{path}/status", {"status": body["status"]})
        return path

    async def _kinds(self, base: str) -> dict[str, Object]:
        if base not in self._resources:
            try:
                found = (await self._client.get(base))["resources"]
            except ApiError as error:
                raise ValueError(f"the API server has nothing at {base}: {error}") from error
            self._resources[base] = {item["kind"]: item for item in found if "/" not in item["name"]}
        return self._resources[base]
