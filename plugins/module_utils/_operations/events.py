# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes Events on the Node, so that ``kubectl describe node`` tells what happened to it."""

from __future__ import annotations

import contextlib
import uuid

from .._clients.kubernetes import KubernetesClient
from .._decisions.node import Node
from .._decisions.times import format_time
from .._errors import KubernetesError, RebootError
from .context import Context
from .node_writes import node_path

COMPONENT = "kubeops.aks_reboot"
_NAMESPACE = "default"  # where the kubelet and the node controller put the events of nodes


def record_event(
    client: KubernetesClient, node: Node, reason: str, message: str, context: Context, *, warning: bool = False
) -> None:
    """Attach an Event to ``node``. Events are for people: one that cannot be written stops nothing, but is said."""
    now = format_time(context.clock.utcnow())
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{node.name}.{uuid.uuid4().hex[:16]}", "namespace": _NAMESPACE},
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid},
        "reason": reason,
        "message": message[:1000],
        "type": "Warning" if warning else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    context.guard()
    try:
        client.create(f"/api/v1/namespaces/{_NAMESPACE}/events", body)
    except KubernetesError as error:
        context.progress.say(f"the event {reason} could not be recorded: {error.message}")


def record_failure(client: KubernetesClient, name: str, error: RebootError, context: Context) -> None:
    """Attach what stopped the work on node ``name`` as an Event, if that is possible right now; never raises."""
    with contextlib.suppress(RebootError):
        node = Node(client.get(node_path(name)))
        record_event(client, node, "RebootFailed", error.message, context, warning=True)
