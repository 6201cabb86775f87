# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controllers of displaced pods: how ready they were before, and whether they are again."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor

from .._clients.kubernetes import KubernetesClient
from .._decisions.pods import Owner, OwnerState
from .._errors import KubernetesError

_COLLECTIONS = {
    "ReplicaSet": "/apis/apps/v1/namespaces/{namespace}/replicasets/{name}",
    "StatefulSet": "/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}",
    "ReplicationController": "/api/v1/namespaces/{namespace}/replicationcontrollers/{name}",
}


def read_owner(client: KubernetesClient, owner: Owner) -> tuple[OwnerState, int] | None:
    """An owner's state and its desired number of pods; None when it is gone, or is none that replaces its pods."""
    template = _COLLECTIONS.get(owner.kind)
    if template is None:
        return None
    try:
        found = client.get(template.format(namespace=owner.namespace, name=owner.name))
    except KubernetesError as error:
        if error.status == 404:
            return None
        raise
    if found["metadata"]["uid"] != owner.uid:
        return None
    ready = int((found.get("status") or {}).get("readyReplicas", 0))
    return OwnerState(owner, ready), int((found.get("spec") or {}).get("replicas", 1))


def read_owners(client: KubernetesClient, owners: Iterable[Owner | None], pool: Executor) -> list[OwnerState]:
    """The states of all distinct owners, in parallel; one that cannot be read is left out: nobody waits for it."""

    def read(owner: Owner) -> OwnerState | None:
        try:
            found = read_owner(client, owner)
        except KubernetesError:
            return None
        return found[0] if found else None

    distinct = dict.fromkeys(owner for owner in owners if owner is not None)
    return [state for state in pool.map(read, distinct) if state is not None]
