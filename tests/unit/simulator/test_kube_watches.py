# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches."""

from __future__ import annotations

import asyncio

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi, resources, watching
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.store import EVENT_LOG_LENGTH
from ansible_collections.kubeops.aks_reboot.tests.unit.simulator.kube_requests import NODES, PODS, Client, pod


async def version(client: Client, path: str = PODS) -> str:
    return str((await client.get(path)).body["metadata"]["resourceVersion"])


async def test_changes_since_a_version(client: Client) -> None:
    await client.make(PODS, pod("before", node=""))
    since = await version(client)
    await client.make(PODS, pod("a", node=""))
    watch = await client.watch(PODS, resourceVersion=since)
    await client.patch(f"{PODS}/a", {"metadata": {"labels": {"x": "y"}}})
    await client.delete(f"{PODS}/before")
    assert await watch.take(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "before")]


async def test_without_a_version_what_there_is_comes_first(client: Client) -> None:
    await client.make(PODS, pod("a", node=""))
    watch = await client.watch(PODS)
    first = await watch.next()
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Pod")
    await client.delete(f"{PODS}/a")
    last = await watch.next()
    assert last["type"] == "DELETED"
    assert int(last["object"]["metadata"]["resourceVersion"]) > int(first["object"]["metadata"]["resourceVersion"])


async def test_objects_come_into_and_out_of_a_selection(client: Client) -> None:
    watch = await client.watch(PODS, labelSelector="app=web", resourceVersion=await version(client))
    await client.make(PODS, pod("a", node=""))
    await client.patch(f"{PODS}/a", {"metadata": {"labels": {"app": "web"}}})
    await client.patch(f"{PODS}/a", {"metadata": {"labels": {"tier": "x"}}})
    await client.patch(f"{PODS}/a", {"metadata": {"labels": {"app": "db"}}})
    assert (await watch.next())["type"] == "ADDED"
    assert (await watch.next())["type"] == "MODIFIED"
    gone = await watch.next()
    assert gone["type"] == "DELETED"
    assert gone["object"]["metadata"]["labels"] == {"app": "web", "tier": "x"}
    assert gone["object"]["metadata"]["resourceVersion"] == await version(client)


async def test_pods_of_one_node(client: Client) -> None:
    watch = await client.watch("/api/v1/pods", fieldSelector="spec.nodeName=n1", resourceVersion=await version(client))
    await client.make(PODS, pod("elsewhere", node="n2"))
    await client.make(PODS, pod("a", node=""))
    await client.post(f"{PODS}/a/binding", {"target": {"name": "n1"}})
    await client.delete(f"{PODS}/a", {"gracePeriodSeconds": 0})
    assert await watch.take(2) == [("ADDED", "a"), ("DELETED", "a")]


async def test_one_object(client: Client) -> None:
    await client.make(NODES, {"metadata": {"name": "a"}})
    await client.make(NODES, {"metadata": {"name": "b"}})
    watch = await client.watch(NODES, fieldSelector="metadata.name=b", resourceVersion=await version(client, NODES))
    await client.patch(f"{NODES}/a", {"spec": {"unschedulable": True}})
    await client.patch(f"{NODES}/b", {"spec": {"unschedulable": True}})
    assert await watch.take(1) == [("MODIFIED", "b")]


async def test_initial_events_end_with_a_bookmark(client: Client) -> None:
    await client.make(PODS, pod("a", node=""))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    watch = await client.watch(PODS, **query)
    assert (await watch.next())["type"] == "ADDED"
    bookmark = await watch.next()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["metadata"]["resourceVersion"] == await version(client)
    refused = await client.get(PODS, watch="true", sendInitialEvents="true")
    assert refused.code == 422


async def test_a_watch_ends_in_time(client: Client) -> None:
    watch = await client.watch(
        PODS, timeoutSeconds=1, allowWatchBookmarks="true", resourceVersion=await version(client)
    )
    events = await watch.rest()
    assert [event["type"] for event in events] == ["BOOKMARK"]
    assert (await client.get(PODS, watch="true", timeoutSeconds="soon")).code == 400


async def test_bookmarks_come_by_themselves(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.05)
    watch = await client.watch(PODS, allowWatchBookmarks="true", resourceVersion=await version(client))
    assert (await watch.next())["type"] == "BOOKMARK"


async def test_old_versions_are_gone(client: Client, api: KubeApi) -> None:
    since = await version(client)
    watch = await client.watch(PODS, resourceVersion=since)
    api.expire_watches()
    for event in (await watch.rest())[0], (await (await client.watch(PODS, resourceVersion=since)).rest())[0]:
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    fresh = await client.watch(PODS, resourceVersion=await version(client))
    await client.make(PODS, pod("a"))
    assert await fresh.take(1) == [("ADDED", "a")]


async def test_too_many_changes_are_forgotten(client: Client, api: KubeApi) -> None:
    since = await version(client)
    made = await client.make(PODS, pod("a"))
    for dummy in range(EVENT_LOG_LENGTH + 1):
        api.store.put(resources.PODS, made)
    watch = await client.watch(PODS, resourceVersion=since)
    assert (await watch.next())["object"]["code"] == 410
    recent = await client.watch(PODS, resourceVersion=api.store.revision - 10)
    assert len(await recent.take(10)) == 10


async def test_tables_and_metadata(client: Client) -> None:
    table = await client.watch(NODES, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    partial = await client.watch(
        NODES, headers={"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
    )
    await client.make(NODES, {"metadata": {"name": "a"}})
    await client.make(NODES, {"metadata": {"name": "b"}})
    first, second = await table.next(), await table.next()
    assert first["object"]["columnDefinitions"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][0] == "b"
    assert (await partial.next())["object"]["kind"] == "PartialObjectMetadata"


async def test_clients_that_leave_are_noticed(client: Client, api: KubeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PRESENCE_SECONDS", 0.02)
    watch = await client.watch(PODS, resourceVersion=await version(client))
    assert len(api.watches) == 1
    watch.response.close()
    for dummy in range(500):
        if not api.watches:
            break
        await asyncio.sleep(0.01)
    assert not api.watches
