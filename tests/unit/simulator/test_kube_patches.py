# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of patches."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.patches import (
    json_patch,
    merge_patch,
    strategic_merge_patch,
)
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.status_errors import StatusError


def test_merge_patch() -> None:
    original = {"a": {"b": 1, "c": 2}, "l": [1, 2], "x": 1}
    assert merge_patch(original, {"a": {"b": None, "d": {"e": None, "f": 1}}, "l": [3], "x": None}) == {
        "a": {"c": 2, "d": {"f": 1}},
        "l": [3],
    }
    assert original == {"a": {"b": 1, "c": 2}, "l": [1, 2], "x": 1}


@pytest.mark.parametrize(
    ("operations", "result"),
    [
        ([{"op": "add", "path": "/b", "value": 1}], {"a": [1, 2], "m": {"x/y": 1}, "b": 1}),
        ([{"op": "add", "path": "/a/-", "value": 3}], {"a": [1, 2, 3], "m": {"x/y": 1}}),
        ([{"op": "add", "path": "/a/0", "value": 0}], {"a": [0, 1, 2], "m": {"x/y": 1}}),
        ([{"op": "remove", "path": "/a/1"}], {"a": [1], "m": {"x/y": 1}}),
        ([{"op": "replace", "path": "/a/1", "value": 9}], {"a": [1, 9], "m": {"x/y": 1}}),
        ([{"op": "remove", "path": "/m/x~1y"}], {"a": [1, 2], "m": {}}),
        ([{"op": "move", "from": "/a", "path": "/c"}], {"m": {"x/y": 1}, "c": [1, 2]}),
        ([{"op": "copy", "from": "/a/0", "path": "/c"}], {"a": [1, 2], "m": {"x/y": 1}, "c": 1}),
        ([{"op": "test", "path": "/a/0", "value": 1}], {"a": [1, 2], "m": {"x/y": 1}}),
    ],
)
def test_json_patch(operations: list[Any], result: Any) -> None:
    assert json_patch({"a": [1, 2], "m": {"x/y": 1}}, operations) == result


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ([{"op": "test", "path": "/a/0", "value": 2}], 422),
        ([{"op": "remove", "path": "/missing"}], 422),
        ([{"op": "replace", "path": "/missing", "value": 1}], 422),
        ([{"op": "add", "path": "/missing/x", "value": 1}], 422),
        ([{"op": "add", "path": "/a/5", "value": 1}], 422),
        ([{"op": "add", "path": "/b"}], 422),
        ([{"op": "replace", "path": "", "value": 1}], 422),
        ([{"op": "explode", "path": "/a"}], 400),
        ([{"op": "add"}], 400),
        ({"op": "add"}, 400),
    ],
)
def test_bad_json_patch(operations: Any, code: int) -> None:
    with pytest.raises(StatusError) as raised:
        json_patch({"a": [1]}, operations)
    assert raised.value.code == code


def test_taints_are_replaced_as_a_whole() -> None:
    node = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "unschedulable": True}}
    patched = strategic_merge_patch(node, {"spec": {"taints": [{"key": "b", "effect": "NoExecute"}]}}, "Node")
    assert patched["spec"] == {"taints": [{"key": "b", "effect": "NoExecute"}], "unschedulable": True}


def test_conditions_are_merged_by_type() -> None:
    node = {
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "x"}, {"type": "Disk", "status": "False"}]
        }
    }
    patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "New", "status": "True"}]}}
    assert strategic_merge_patch(node, patch, "Node")["status"]["conditions"] == [
        {"type": "Ready", "status": "False", "reason": "x"},
        {"type": "Disk", "status": "False"},
        {"type": "New", "status": "True"},
    ]


def test_items_are_deleted_and_ordered() -> None:
    pod = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}, {"name": "c"}]}}
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "d"}, {"name": "a"}],
            "containers": [{"name": "b", "$patch": "delete"}, {"name": "a", "image": "2"}, {"name": "d"}],
        }
    }
    assert strategic_merge_patch(pod, patch, "Pod")["spec"]["containers"] == [
        {"name": "d"},
        {"name": "a", "image": "2"},
        {"name": "c"},
    ]


def test_finalizers_are_a_set() -> None:
    obj = {"metadata": {"finalizers": ["a", "b"]}}
    assert strategic_merge_patch(obj, {"metadata": {"finalizers": ["b", "c"]}}, "Pod")["metadata"]["finalizers"] == [
        "a",
        "b",
        "c",
    ]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic_merge_patch(obj, patch, "Pod")["metadata"]["finalizers"] == ["b"]


def test_directives_for_maps() -> None:
    obj = {"spec": {"selector": {"a": "1"}, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    replaced = strategic_merge_patch(
        obj, {"spec": {"selector": {"$patch": "replace", "b": "2"}}}, "PodDisruptionBudget"
    )
    assert replaced["spec"]["selector"] == {"b": "2"}
    retained = strategic_merge_patch(
        obj, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}, "Deployment"
    )
    assert retained["spec"]["strategy"] == {"type": "Recreate"}
    assert (
        strategic_merge_patch(obj, {"spec": {"selector": {"$patch": "delete"}}}, "Deployment")["spec"]["selector"] == {}
    )


def test_lists_can_be_replaced() -> None:
    obj = {"spec": {"containers": [{"name": "a"}]}}
    patch = {"spec": {"containers": [{"$patch": "replace"}, {"name": "z"}]}}
    assert strategic_merge_patch(obj, patch, "Pod")["spec"]["containers"] == [{"name": "z"}]


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"status": {"conditions": [{"status": "True"}]}}, 422),
        ({"spec": {"$patch": "shuffle"}}, 400),
        ({"spec": {"$retainKeys": ["a"], "b": 1}}, 400),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}, 400),
        ([], 400),
    ],
)
def test_bad_strategic_patch(patch: Any, code: int) -> None:
    with pytest.raises(StatusError) as raised:
        strategic_merge_patch({"status": {}, "spec": {}, "metadata": {"finalizers": ["a"]}}, patch, "Node")
    assert raised.value.code == code
