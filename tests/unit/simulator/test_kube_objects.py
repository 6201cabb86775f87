# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating, reading, changing and deleting objects over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi
from ansible_collections.kubeops.aks_reboot.tests.unit.simulator.kube_requests import (
    DEPLOYMENTS,
    LEASES,
    NODES,
    PODS,
    REPLICA_SETS,
    TOKEN,
    Client,
    pod,
)


def node(name: str = "n1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec}


async def test_create_fills_in_metadata_and_defaults(client: Client) -> None:
    made = await client.make(PODS, pod("p", labels={"app": "web"}))
    assert made["kind"] == "Pod"
    metadata = made["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["generation"] == 1
    assert {"uid", "creationTimestamp", "resourceVersion"} <= metadata.keys()
    assert made["spec"]["terminationGracePeriodSeconds"] == 30
    assert made["spec"]["restartPolicy"] == "Always"
    assert [t["key"] for t in made["spec"]["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert (await client.get(f"{PODS}/p")).body == made


async def test_generate_name(client: Client) -> None:
    body = pod("x")
    body["metadata"] = {"generateName": "web-"}
    names = {(await client.make(PODS, body))["metadata"]["name"] for dummy in range(3)}
    assert len(names) == 3
    assert all(name.startswith("web-") and len(name) == 9 for name in names)


async def test_refusals(client: Client) -> None:
    await client.make(NODES, node())
    exists = await client.post(NODES, node())
    assert (exists.code, exists.body["reason"]) == (409, "AlreadyExists")
    assert exists.body["message"] == 'nodes "n1" already exists'
    missing = await client.get(f"{NODES}/n2")
    assert (missing.code, missing.body["details"]) == (404, {"name": "n2", "kind": "nodes"})
    nowhere = await client.post("/api/v1/namespaces/none/pods", pod("p"))
    assert (nowhere.code, nowhere.body["message"]) == (404, 'namespaces "none" not found')
    assert (await client.get("/api/v1/gadgets")).code == 404
    assert (await client.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/x/eviction")).code == 404
    assert (await client.post(f"{NODES}/n1", node())).code == 405
    assert (await client.post("/api/v1/pods", pod("p"))).code == 405
    wrong_kind = await client.post(PODS, node())
    assert (wrong_kind.code, wrong_kind.body["reason"]) == (400, "BadRequest")
    assert (await client.send("POST", NODES, b"{nonsense")).code == 400
    assert (await client.put(f"{NODES}/n1", node("n2"))).code == 400


async def test_validation_names_each_cause(client: Client) -> None:
    nameless = await client.post(NODES, {"metadata": {}})
    assert (nameless.code, nameless.body["reason"]) == (422, "Invalid")
    assert (
        nameless.body["message"]
        == 'Node "" is invalid: metadata.name: Required value: name or generateName is required'
    )
    bad = pod("Bad_Name", labels={"a b": "c"}, spec={"containers": [{"name": "c"}], "restartPolicy": "Sometimes"})
    causes = (await client.post(PODS, bad)).body["details"]["causes"]
    assert [cause["field"] for cause in causes] == [
        "metadata.name",
        "metadata.labels",
        "spec.containers[0].image",
        "spec.restartPolicy",
    ]
    taints = [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}, {"key": "b", "effect": "Bad"}]
    causes = (await client.post(NODES, node("t", taints=taints))).body["details"]["causes"]
    assert [cause["reason"] for cause in causes] == ["FieldValueDuplicate", "FieldValueNotSupported"]
    assert (await client.post(PODS, pod("p", labels={"a": 1}))).code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NODES, {"metadata": {"name": "n", "labels": {"a": 1}}}),
        (NODES, {"metadata": {"name": 5}}),
        (NODES, {"metadata": {"name": "n"}, "spec": {"taints": ["a=b"]}}),
        (NODES, {"metadata": {"name": "n"}, "spec": {"unschedulable": "true"}}),
        (NODES, {"metadata": {"name": "n"}, "spec": "none"}),
        (NODES, ["n"]),
        (PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": 1}]}}),
        (LEASES, {"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": "30"}}),
        (LEASES, {"metadata": {"name": "l"}, "spec": {"leaseTransitions": True}}),
        (LEASES, {"metadata": {"name": "l"}, "spec": {"renewTime": "2026-01-01T00:00:00Z"}}),
        (f"{PODS}/p/eviction", {"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": "5"}}),
        (f"{PODS}/p/binding", {"target": "n1"}),
    ],
)
async def test_bodies_that_cannot_be_decoded(client: Client, path: str, body: Any) -> None:
    reply = await client.post(path, body)
    assert (reply.code, reply.body["reason"]) == (400, "BadRequest")
    assert "cannot be handled as a" in reply.body["message"]


async def test_times_are_normalised(client: Client) -> None:
    made = await client.make(
        LEASES, {"metadata": {"name": "l"}, "spec": {"renewTime": "2026-01-01T01:00:00.000007+01:00"}}
    )
    assert made["spec"]["renewTime"] == "2026-01-01T00:00:00.000007Z"
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00.5Z"}
    made = await client.make(NODES, {"metadata": {"name": "n"}, "status": {"conditions": [condition]}})
    assert made["status"]["conditions"][0]["lastHeartbeatTime"] == "2026-01-01T00:00:00Z"


async def test_huge_bodies(client: Client) -> None:
    reply = await client.send("POST", NODES, b"x" * 4_000_000)
    assert (reply.code, reply.body["reason"]) == (413, "RequestEntityTooLarge")


async def test_conflicts_need_the_latest_version(client: Client) -> None:
    made = await client.make(NODES, node())
    stale = made["metadata"]["resourceVersion"]
    changed = await client.patch(f"{NODES}/n1", {"metadata": {"labels": {"a": "b"}}})
    assert changed.body["metadata"]["resourceVersion"] != stale
    for reply in (
        await client.put(f"{NODES}/n1", made),
        await client.patch(f"{NODES}/n1", {"metadata": {"resourceVersion": stale}, "spec": {"unschedulable": True}}),
        await client.patch(
            f"{NODES}/n1", [{"op": "replace", "path": "/metadata/resourceVersion", "value": stale}], "json"
        ),
    ):
        assert (reply.code, reply.body["reason"]) == (409, "Conflict")
        assert reply.body["message"].startswith(
            'Operation cannot be fulfilled on nodes "n1": the object has been modified'
        )
    body = changed.body
    body["spec"]["unschedulable"] = True
    assert (await client.put(f"{NODES}/n1", body)).body["spec"]["unschedulable"] is True


async def test_a_write_without_effect_keeps_the_version(client: Client) -> None:
    made = await client.make(PODS, pod("p"))
    for reply in (
        await client.put(f"{PODS}/p", made),
        await client.put(f"{PODS}/p", pod("p")),
        await client.patch(f"{PODS}/p", {"metadata": {"labels": {}}}, "strategic"),
    ):
        assert reply.body == made


async def test_uid_is_a_precondition(client: Client) -> None:
    made = await client.make(NODES, node())
    made["metadata"].update(uid="other", resourceVersion="")
    assert (await client.put(f"{NODES}/n1", made)).code == 409
    assert (await client.patch(f"{NODES}/n1", {"metadata": {"uid": "other"}})).code == 422
    options = {"preconditions": {"uid": "other"}}
    refused = await client.delete(f"{NODES}/n1", options)
    assert refused.code == 409
    assert "does not match the UID in record" in refused.body["message"]


async def test_leases_need_a_version_and_may_be_created_by_put(client: Client) -> None:
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 30}}
    assert (await client.put(f"{LEASES}/l", lease)).code == 201
    refused = await client.put(f"{LEASES}/l", lease)
    assert refused.code == 422
    assert refused.body["message"] == (
        'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: '
        "must be specified for an update"
    )
    assert (await client.put(f"{LEASES}/m", {"metadata": {"name": "m", "resourceVersion": "5"}})).code == 404
    assert (await client.put(f"{LEASES}/m", {"metadata": {"name": "m", "uid": "x"}})).code == 409
    zero = await client.patch(f"{LEASES}/l", {"spec": {"leaseDurationSeconds": 0}})
    assert zero.body["details"]["causes"][0]["field"] == "spec.leaseDurationSeconds"


async def test_status_and_spec_are_written_apart(client: Client) -> None:
    await client.make_pod("p", status={"phase": "Running"})
    body = (await client.get(f"{PODS}/p")).body
    body["status"] = {"phase": "Failed"}
    body["metadata"]["labels"] = {"a": "b"}
    assert (await client.put(f"{PODS}/p", body)).body["status"]["phase"] == "Running"
    patched = await client.patch(f"{PODS}/p/status", {"status": {"podIP": "10.1.2.3"}, "spec": {"nodeName": "n2"}})
    assert patched.body["status"]["podIP"] == "10.1.2.3"
    assert patched.body["spec"]["nodeName"] == "n1"
    assert (await client.get(f"{PODS}/p/status")).body == patched.body


async def test_generation_follows_the_spec(client: Client) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    made = await client.make(DEPLOYMENTS, deployment)
    assert (made["metadata"]["generation"], made["spec"]["replicas"]) == (1, 1)
    labelled = await client.patch(f"{DEPLOYMENTS}/d", {"metadata": {"labels": {"x": "y"}}})
    assert labelled.body["metadata"]["generation"] == 1
    scaled = await client.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 3}})
    assert (scaled.body["kind"], scaled.body["spec"]["replicas"]) == ("Scale", 3)
    assert (await client.get(f"{DEPLOYMENTS}/d")).body["metadata"]["generation"] == 2
    scale = (await client.get(f"{DEPLOYMENTS}/d/scale")).body
    scale["spec"]["replicas"] = 4
    assert (await client.put(f"{DEPLOYMENTS}/d/scale", scale)).body["spec"]["replicas"] == 4
    assert (await client.put(f"{DEPLOYMENTS}/d/scale", scale)).code == 409
    selector = await client.patch(f"{DEPLOYMENTS}/d", {"spec": {"selector": {"matchLabels": {"a": "c"}}}})
    assert selector.code == 422


async def test_pods_hardly_change(client: Client) -> None:
    await client.make(PODS, pod("p"))
    assert (await client.patch(f"{PODS}/p", {"spec": {"hostNetwork": True}})).code == 422
    assert (
        await client.patch(f"{PODS}/p", {"spec": {"containers": [{"name": "c", "image": "app:2"}]}}, "strategic")
    ).code == 200


async def test_binding(client: Client) -> None:
    await client.make(PODS, pod("p", node=""))
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n7"}}
    assert (await client.post(f"{PODS}/p/binding", binding)).code == 201
    bound = (await client.get(f"{PODS}/p")).body
    assert bound["spec"]["nodeName"] == "n7"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    again = await client.post(f"{PODS}/p/binding", binding)
    assert again.code == 409
    assert 'is already assigned to node "n7"' in again.body["message"]


async def test_pods_end_gracefully(client: Client) -> None:
    made = await client.make_pod("p")
    marked = (await client.delete(f"{PODS}/p")).body
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert marked["metadata"]["deletionTimestamp"] > made["metadata"]["creationTimestamp"]
    assert marked["metadata"]["generation"] == 2
    assert (await client.delete(f"{PODS}/p")).body == marked
    shorter = (await client.delete(f"{PODS}/p", {"gracePeriodSeconds": 5})).body["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < marked["metadata"]["deletionTimestamp"]
    longer = (await client.delete(f"{PODS}/p", gracePeriodSeconds=60)).body["metadata"]
    assert longer == shorter
    wrong = {"gracePeriodSeconds": 0, "preconditions": {"uid": "other"}}
    assert (await client.delete(f"{PODS}/p", wrong)).code == 409
    gone = await client.delete(
        f"{PODS}/p", {"gracePeriodSeconds": 0, "preconditions": {"uid": made["metadata"]["uid"]}}
    )
    assert gone.body["kind"] == "Pod"
    assert (await client.get(f"{PODS}/p")).code == 404


@pytest.mark.parametrize(
    ("where", "status"), [("", {"phase": "Pending"}), ("n1", {"phase": "Succeeded"}), ("n1", {"phase": "Failed"})]
)
async def test_pods_without_processes_end_at_once(client: Client, where: str, status: Any) -> None:
    await client.make_pod("p", where, status)
    await client.delete(f"{PODS}/p")
    assert (await client.get(f"{PODS}/p")).code == 404


async def test_finalizers_hold_an_object(client: Client) -> None:
    await client.make_pod("p", finalizers=["example.com/hold"])
    held = (await client.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})).body
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert (await client.get(f"{PODS}/p")).code == 200
    await client.patch(f"{PODS}/p", {"metadata": {"finalizers": None}})
    assert (await client.get(f"{PODS}/p")).code == 404


async def test_deleting_other_kinds_answers_with_a_status(client: Client) -> None:
    made = await client.make(NODES, node())
    answer = (await client.delete(f"{NODES}/n1")).body
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "n1", "kind": "nodes", "uid": made["metadata"]["uid"]}


async def test_deleting_a_collection(client: Client) -> None:
    for name in ("a", "b", "c"):
        await client.make(PODS, pod(name, node="", labels={"name": name}))
    await client.delete(PODS, labelSelector="name in (a,b)")
    assert [item["metadata"]["name"] for item in (await client.get(PODS)).body["items"]] == ["c"]


async def test_a_namespace_ends_after_its_contents(client: Client) -> None:
    await client.make("/api/v1/namespaces", {"metadata": {"name": "a"}})
    await client.make("/api/v1/namespaces/a/pods", pod("p"))
    await client.make("/api/v1/namespaces/a/configmaps", {"metadata": {"name": "c"}})
    answer = (await client.delete("/api/v1/namespaces/a")).body
    assert answer["status"]["phase"] == "Terminating"
    assert (await client.get("/api/v1/namespaces/a/configmaps/c")).code == 404
    assert "deletionTimestamp" in (await client.get("/api/v1/namespaces/a/pods/p")).body["metadata"]
    refused = await client.post("/api/v1/namespaces/a/pods", pod("q"))
    assert refused.code == 403
    assert refused.body["details"]["causes"] == [
        {"reason": "NamespaceTerminating", "message": "namespace a is being terminated", "field": "metadata.namespace"}
    ]
    await client.delete("/api/v1/namespaces/a/pods/p", {"gracePeriodSeconds": 0})
    assert (await client.get("/api/v1/namespaces/a")).code == 404
    assert (await client.delete("/api/v1/namespaces/kube-system")).code == 403


async def test_a_namespace_is_finalized_by_its_own_request_only(client: Client) -> None:
    path = "/api/v1/namespaces/a"
    made = await client.make("/api/v1/namespaces", {"metadata": {"name": "a"}})
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    await client.make(f"{path}/pods", pod("p"))
    patched = await client.patch(path, {"metadata": {"labels": {"x": "y"}}, "spec": {"finalizers": []}})
    assert patched.body["spec"] == made["spec"]
    terminating = (await client.delete(path)).body
    await client.put(f"{path}/finalize", {**terminating, "spec": {"finalizers": []}})
    assert (await client.get(path)).code == 404


async def test_dependents_follow_their_owner(client: Client) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body = {"metadata": {"name": "r"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    for policy, remaining in (("Background", 404), ("Foreground", 404), ("Orphan", 200)):
        owner = await client.make(REPLICA_SETS, body)
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": owner["metadata"]["uid"]}
        await client.make_pod("p", ownerReferences=[reference])
        await client.delete(f"{REPLICA_SETS}/r", {"propagationPolicy": policy})
        if policy == "Foreground":
            assert (await client.get(f"{REPLICA_SETS}/r")).body["metadata"]["finalizers"] == ["foregroundDeletion"]
        if policy != "Orphan":
            assert "deletionTimestamp" in (await client.get(f"{PODS}/p")).body["metadata"]
            await client.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
        assert (await client.get(f"{REPLICA_SETS}/r")).code == 404
        assert (await client.get(f"{PODS}/p")).code == remaining
    assert "ownerReferences" not in (await client.get(f"{PODS}/p")).body["metadata"]


async def test_dry_run_changes_nothing(client: Client) -> None:
    assert (await client.post(NODES, node(), dryRun="All")).code == 201
    assert (await client.get(f"{NODES}/n1")).code == 404
    made = await client.make(NODES, node())
    tried = await client.patch(f"{NODES}/n1", {"spec": {"unschedulable": True}}, dryRun="All")
    assert tried.body["spec"] == {"unschedulable": True}
    assert (await client.delete(f"{NODES}/n1", {"dryRun": ["All"]})).code == 200
    assert (await client.delete(f"{NODES}/n1", dryRun="All")).code == 200
    assert (await client.get(f"{NODES}/n1")).body == made
    assert (await client.delete(f"{NODES}/n1", dryRun="Some")).code == 422


async def test_unknown_fields(client: Client) -> None:
    warned = await client.post(NODES, {"metadata": {"name": "n1"}, "spec": {"colour": "red"}, "extra": 1})
    assert "colour" not in warned.body["spec"]
    assert warned.headers.getall("Warning") == [
        '299 - "unknown field \\"extra\\""',
        '299 - "unknown field \\"spec.colour\\""',
    ]
    strict = await client.patch(f"{NODES}/n1", {"spec": {"colour": "red"}}, "strategic", fieldValidation="Strict")
    assert (strict.code, strict.body["message"]) == (400, 'strict decoding error: unknown field "spec.colour"')
    quiet = await client.patch(f"{NODES}/n1", {"spec": {"colour": "red"}}, fieldValidation="Ignore")
    assert quiet.code == 200
    assert "Warning" not in quiet.headers


async def test_bodies_of_other_types(client: Client) -> None:
    protobuf = "application/vnd.kubernetes.protobuf"
    assert (await client.send("POST", NODES, b"k8s\x00", content_type=protobuf)).code == 415
    assert (await client.patch(f"{NODES}/n1", {}, "apply")).code == 415
    assert (await client.get(NODES, headers={"Accept": protobuf})).code == 406
    assert (await client.get(NODES, headers={"Accept": f"{protobuf},application/json"})).code == 200


async def test_tokens(client: Client) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}, {"Authorization": f"Basic {TOKEN}"}):
        reply = await client.get(NODES, headers=headers)
        assert (reply.code, reply.body["reason"]) == (401, "Unauthorized")
    review = await client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert review.body["status"]["userInfo"]["username"] == "tester"
    spec = {"resourceAttributes": {"verb": "get", "resource": "nodes"}}
    allowed = await client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": spec})
    assert allowed.body["status"]["allowed"] is True
    assert allowed.body["spec"] == spec


async def test_reviews_may_come_as_protobuf(client: Client) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    attributes = b"\x12\x03get\x2a\x05nodes"
    spec = b"\x0a" + bytes((len(attributes),)) + attributes
    message = b"\x12" + bytes((len(spec),)) + spec
    body = b"k8s\x00\x12" + bytes((len(message),)) + message
    protobuf = "application/vnd.kubernetes.protobuf"
    reply = await client.send("POST", path, body, content_type=protobuf)
    assert reply.body["spec"] == {"resourceAttributes": {"verb": "get", "resource": "nodes"}}
    for broken in (b"nonsense", body[:-2], b"k8s\x00\xff", b"k8s\x00\x08\x01"):
        assert (await client.send("POST", path, broken, content_type=protobuf)).code == 400


async def test_every_answer_can_be_traced(client: Client) -> None:
    for path in (NODES, f"{NODES}/none", "/nowhere"):
        headers = (await client.get(path)).headers
        assert len(headers["Audit-Id"]) == 36
        assert headers["Date"].endswith("GMT")


async def test_events_have_two_faces(client: Client) -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Node", "name": "n1"},
        "reason": "Rebooted",
        "message": "m",
        "count": 2,
        "source": {"component": "kubelet"},
    }
    await client.make("/api/v1/namespaces/default/events", event)
    other = "/apis/events.k8s.io/v1/namespaces/default/events"
    seen = (await client.get(other, fieldSelector="regarding.name=n1")).body["items"][0]
    assert (seen["note"], seen["deprecatedCount"], seen["regarding"]["kind"]) == ("m", 2, "Node")
    new = {
        "metadata": {"name": "f"},
        "regarding": {"kind": "Node", "name": "n2"},
        "note": "x",
        "reportingController": "c",
    }
    assert (await client.make(other, new))["apiVersion"] == "events.k8s.io/v1"
    core = (await client.get("/api/v1/events", fieldSelector="involvedObject.name=n2,involvedObject.kind=Node")).body
    assert [item["message"] for item in core["items"]] == ["x"]
    patched = await client.patch(f"{other}/f", {"note": "y"})
    assert patched.body["note"] == "y"


async def test_writes_side_by_side(client: Client, api: KubeApi) -> None:
    await client.make(LEASES, {"metadata": {"name": "l"}})

    async def take(holder: int) -> int:
        lease = (await client.get(f"{LEASES}/l")).body
        lease["spec"] = {"holderIdentity": str(holder)}
        return (await client.put(f"{LEASES}/l", lease)).code

    codes = await asyncio.gather(*map(take, range(20)))
    assert 200 in codes
    assert set(codes) <= {200, 409}
    before = api.store.revision
    assert (await client.get(f"{LEASES}/l")).body["metadata"]["resourceVersion"] == str(before)
