# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists: selectors, pages, forms of the answer, and discovery."""

from __future__ import annotations

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.store import SNAPSHOTS_OPEN
from ansible_collections.kubeops.aks_reboot.tests.unit.simulator.kube_requests import NODES, PODS, Client, pod

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


async def make_nodes(client: Client, count: int) -> None:
    for index in range(count):
        await client.make(NODES, {"metadata": {"name": f"n{index:03}", "labels": {"odd": str(index % 2)}}})


async def names(client: Client, path: str, **query: object) -> list[str]:
    reply = await client.get(path, **query)
    assert reply.code == 200, reply.body
    return [item["metadata"]["name"] for item in reply.body["items"]]


async def test_selectors(client: Client) -> None:
    await make_nodes(client, 4)
    assert await names(client, NODES, labelSelector="odd=1") == ["n001", "n003"]
    assert await names(client, NODES, fieldSelector="metadata.name=n002") == ["n002"]
    await client.patch(f"{NODES}/n001", {"spec": {"unschedulable": True}})
    assert await names(client, NODES, fieldSelector="spec.unschedulable=true") == ["n001"]
    await client.make_pod("a", "n001")
    await client.make_pod("b", "n002", {"phase": "Failed"})
    await client.make("/api/v1/namespaces/kube-system/pods", pod("c", "n001"))
    assert await names(client, "/api/v1/pods", fieldSelector="spec.nodeName=n001") == ["a", "c"]
    assert await names(client, PODS, fieldSelector="spec.nodeName=n001") == ["a"]
    assert await names(client, "/api/v1/pods", fieldSelector="status.phase!=Failed,spec.nodeName!=") == ["a", "c"]
    assert await names(client, "/api/v1/pods", fieldSelector="metadata.namespace=kube-system") == ["c"]


@pytest.mark.parametrize(
    "query", [{"labelSelector": "a in b"}, {"fieldSelector": "spec.colour=red"}, {"limit": "many"}]
)
async def test_bad_parameters(client: Client, query: dict[str, str]) -> None:
    assert (await client.get(PODS, **query)).code == 400


async def test_items_carry_no_kind(client: Client) -> None:
    await make_nodes(client, 1)
    body = (await client.get(NODES)).body
    assert (body["kind"], body["apiVersion"]) == ("NodeList", "v1")
    assert "kind" not in body["items"][0]


async def test_pages_show_one_point_in_time(client: Client) -> None:
    await make_nodes(client, 5)
    first = (await client.get(NODES, limit=2)).body
    assert first["metadata"]["remainingItemCount"] == 3
    await client.delete(f"{NODES}/n003")
    await client.make(NODES, {"metadata": {"name": "n0025"}})
    second = (await client.get(NODES, limit=2, **{"continue": first["metadata"]["continue"]})).body
    assert [item["metadata"]["name"] for item in second["items"]] == ["n002", "n003"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    third = (await client.get(NODES, limit=2, **{"continue": second["metadata"]["continue"]})).body
    assert [item["metadata"]["name"] for item in third["items"]] == ["n004"]
    assert "continue" not in third["metadata"]
    again = await client.get(NODES, limit=2, **{"continue": second["metadata"]["continue"]})
    assert again.body == third


async def test_snapshots_are_given_up_in_the_end(client: Client, api: KubeApi) -> None:
    await make_nodes(client, 3)
    tokens = []
    for dummy in range(SNAPSHOTS_OPEN + 1):
        await client.patch(f"{NODES}/n000", {"metadata": {"labels": {"turn": str(len(tokens))}}})
        tokens.append((await client.get(NODES, limit=2)).body["metadata"]["continue"])
    assert (await client.get(NODES, **{"continue": tokens[0]})).code == 410
    for token in tokens[1:]:
        assert (await client.get(NODES, **{"continue": token})).code == 200
    assert (await client.get(NODES, **{"continue": tokens[-1]})).code == 200
    assert (await client.get(NODES, **{"continue": tokens[1]})).code == 410


async def test_old_continue_tokens(client: Client, api: KubeApi) -> None:
    await make_nodes(client, 4)
    token = (await client.get(NODES, limit=2)).body["metadata"]["continue"]
    api.expire_watches()
    expired = await client.get(NODES, limit=2, **{"continue": token})
    assert (expired.code, expired.body["reason"]) == (410, "Expired")
    rest = await names(client, NODES, **{"continue": expired.body["metadata"]["continue"]})
    assert rest == ["n002", "n003"]
    assert (await client.get(NODES, **{"continue": "rubbish"})).code == 400


async def test_versions_of_lists(client: Client) -> None:
    await make_nodes(client, 1)
    version = (await client.get(NODES)).body["metadata"]["resourceVersion"]
    assert (await client.get(NODES, resourceVersion="0")).code == 200
    assert (await client.get(NODES, resourceVersion=version, resourceVersionMatch="Exact")).code == 200
    assert (await client.get(NODES, resourceVersion="999999")).code == 504
    assert (await client.get(NODES, resourceVersionMatch="Exact")).code == 422
    await make_nodes_again(client)
    assert (await client.get(NODES, resourceVersion=version, resourceVersionMatch="NotOlderThan")).code == 200
    assert (await client.get(NODES, resourceVersion=version, resourceVersionMatch="Exact")).code == 410


async def make_nodes_again(client: Client) -> None:
    await client.make(NODES, {"metadata": {"name": "another"}})


async def test_long_lists_are_whole(client: Client) -> None:
    for index in range(1203):
        await client.make("/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"c{index:05}"}})
    found = await names(client, "/api/v1/namespaces/default/configmaps")
    assert found == sorted(found)
    assert len(found) == 1203


async def test_tables(client: Client) -> None:
    await make_nodes(client, 1)
    await client.patch(f"{NODES}/n000", {"spec": {"unschedulable": True}})
    await client.patch(
        f"{NODES}/n000/status",
        {"status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.0"}}},
    )
    table = (await client.get(NODES, headers=TABLE)).body
    assert table["kind"] == "Table"
    assert [column["name"] for column in table["columnDefinitions"]][:5] == [
        "Name",
        "Status",
        "Roles",
        "Age",
        "Version",
    ]
    assert table["rows"][0]["cells"][:3] == ["n000", "Ready,SchedulingDisabled", "<none>"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    whole = (await client.get(NODES, headers=TABLE, includeObject="Object")).body
    assert whole["rows"][0]["object"]["kind"] == "Node"
    one = (await client.get(f"{NODES}/n000", headers=TABLE)).body
    assert len(one["rows"]) == 1


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        (PODS, ["Name", "Ready", "Status", "Restarts", "Age"]),
        ("/apis/coordination.k8s.io/v1/leases", ["Name", "Holder", "Age"]),
        ("/api/v1/events", ["Last Seen", "Type", "Reason", "Object", "Message"]),
        (
            "/apis/policy/v1/poddisruptionbudgets",
            ["Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"],
        ),
        ("/apis/apps/v1/deployments", ["Name", "Ready", "Up-to-date", "Available", "Age"]),
        ("/apis/apps/v1/replicasets", ["Name", "Desired", "Current", "Ready", "Age"]),
        ("/api/v1/namespaces", ["Name", "Status", "Age"]),
        ("/apis/storage.k8s.io/v1/volumeattachments", ["Name", "Age"]),
    ],
)
async def test_columns(client: Client, path: str, columns: list[str]) -> None:
    table = (await client.get(path, headers=TABLE)).body
    assert [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0] == columns


async def test_metadata_only(client: Client) -> None:
    await client.make(PODS, pod("p"))
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    body = (await client.get(PODS, headers=accept)).body
    assert body["kind"] == "PartialObjectMetadataList"
    assert body["items"][0].keys() == {"kind", "apiVersion", "metadata"}
    one = (
        await client.get(
            f"{PODS}/p", headers={"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
        )
    ).body
    assert one["kind"] == "PartialObjectMetadata"


async def test_discovery(client: Client) -> None:
    aggregated = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    reply = await client.get("/apis", headers=aggregated)
    assert reply.headers["Content-Type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert "policy" in [item["metadata"]["name"] for item in reply.body["items"]]
    core = (await client.get("/api/v1")).body["resources"]
    eviction = next(item for item in core if item["name"] == "pods/eviction")
    assert (eviction["group"], eviction["version"], eviction["kind"]) == ("policy", "v1", "Eviction")
    groups = (await client.get("/apis")).body["groups"]
    assert {group["name"] for group in groups} >= {"apps", "batch", "coordination.k8s.io", "policy"}
    assert (await client.get("/apis/policy")).body["preferredVersion"]["version"] == "v1"
    assert (await client.get("/apis/policy/v1")).body["groupVersion"] == "policy/v1"
    assert (await client.get("/apis/unknown/v1")).code == 404
    documents = (await client.get("/openapi/v3")).body["paths"]
    document = (await client.get(documents["api/v1"]["serverRelativeURL"])).body
    patch = document["paths"]["/api/v1/nodes/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Node"
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
    assert (await client.get("/version")).body["major"] == "1"
    assert (await client.get("/readyz")).body == "ok"
