# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of drained pods: Azure detaches them a little after the pods are gone, and a restart would delay that."""

from __future__ import annotations

from .._clients.kubernetes import KubernetesClient
from .._errors import KubernetesError
from .context import Context
from .node_pods import list_node_pods

POLL_SECONDS = 2.0


def wait_for_detach(client: KubernetesClient, node: str, context: Context, *, limit: float) -> list[str]:
    """Wait, for ``limit`` seconds at most, until no volume of a drained pod is attached to ``node``.

    Returns the names of the volumes that still are: a restart does them no harm, so the work goes on and says so.
    """
    started = context.clock.monotonic()
    while True:
        try:
            attached = _attached_for_nobody(client, node, context)
        except KubernetesError as error:
            context.progress.say(f"attached volumes cannot be read, going on without: {error.message}")
            return []
        elapsed = context.clock.monotonic() - started
        if not attached or elapsed >= limit:
            return attached
        context.progress.waiting("reboot", f"volumes to be detached: {', '.join(attached[:3])}", elapsed, limit)
        context.clock.sleep(min(POLL_SECONDS, limit))


def _attached_for_nobody(client: KubernetesClient, node: str, context: Context) -> list[str]:
    volumes = [
        volume
        for item in client.items("/apis/storage.k8s.io/v1/volumeattachments")
        if item["spec"].get("nodeName") == node
        if (volume := (item["spec"].get("source") or {}).get("persistentVolumeName"))
    ]
    if not volumes:
        return []
    in_use = set()
    for pod in list_node_pods(client, node, context):
        for claim in pod.claims:
            found = client.get(f"/api/v1/namespaces/{pod.namespace}/persistentvolumeclaims/{claim}")
            in_use.add((found.get("spec") or {}).get("volumeName"))
    return sorted(volume for volume in volumes if volume not in in_use)
