# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of patches: JSON merge patch, JSON patch and the strategic merge patch of Kubernetes."""

from __future__ import annotations

import copy
from typing import Any

from .resources import JsonObject
from .status_errors import StatusError, bad_request, unprocessable

# Lists whose items are merged by a key of their own; every other list is replaced as a whole (so are node taints).
_MERGE_KEYS: dict[str, str] = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "hostIPs": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "resourceClaims": "name",
    "secrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_PORT_KEYS = {"Service": "port"}
# Lists of plain values that are merged as sets, by the field that holds them and their own name.
_PRIMITIVE_SETS = {("metadata", "finalizers"), ("spec", "podCIDRs")}


def merge_patch(original: Any, patch: Any) -> Any:
    """RFC 7396: ``patch`` laid over ``original``, where null removes. Neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(original) if isinstance(original, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(original: JsonObject, operations: Any) -> JsonObject:
    """RFC 6902. Raises StatusError 400 for a malformed patch, 422 for one that does not fit the object."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    document: Any = copy.deepcopy(original)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise bad_request("error decoding patch: each operation needs an op and a path")
        document = _apply_operation(document, operation)
    if not isinstance(document, dict):
        raise unprocessable()
    return document


def _apply_operation(document: Any, operation: JsonObject) -> Any:
    name, path = operation.get("op"), _pointer(operation["path"])
    if name in ("add", "replace", "test") and "value" not in operation:
        raise unprocessable()
    if name == "test":
        if _lookup(document, path) != operation["value"]:
            raise unprocessable()
        return document
    if name == "add":
        return _add(document, path, copy.deepcopy(operation["value"]))
    if name == "remove":
        return _remove(document, path)
    if name == "replace":
        _lookup(document, path)
        return _set(document, path, copy.deepcopy(operation["value"]))
    if name in ("move", "copy") and isinstance(operation.get("from"), str):
        source = _pointer(operation["from"])
        value = copy.deepcopy(_lookup(document, source))
        return _add(_remove(document, source) if name == "move" else document, path, value)
    raise bad_request(f"error decoding patch: unexpected kind: {name}")


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise unprocessable()
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _position(part: str, end: int) -> int:
    if not part.isdigit() or int(part) > end or (len(part) > 1 and part[0] == "0"):
        raise unprocessable()
    return int(part)


def _lookup(document: Any, path: list[str]) -> Any:
    value = document
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list):
            value = value[_position(part, len(value) - 1)]
        else:
            raise unprocessable()
    return value


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _lookup(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        position = len(parent) if path[-1] == "-" else _position(path[-1], len(parent))
        parent.insert(position, value)
    else:
        raise unprocessable()
    return document


def _set(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _lookup(document, path[:-1])
    if isinstance(parent, list):
        parent[int(path[-1])] = value
    else:
        parent[path[-1]] = value
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        raise unprocessable()
    _lookup(document, path)
    parent = _lookup(document, path[:-1])
    if isinstance(parent, list):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]
    return document


def strategic_merge_patch(original: JsonObject, patch: Any, kind: str) -> JsonObject:
    """The strategic merge patch of ``kind``.

    Raises StatusError 400 for a malformed patch, 422 for a list item without its merge key.
    """
    if not isinstance(patch, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )
    return _Strategic(kind).merge_map(original, patch, "")


class _Strategic:
    def __init__(self, kind: str) -> None:
        self._kind = kind

    def _merge_key(self, field: str) -> str | None:
        if field == "ports":
            return _PORT_KEYS.get(self._kind, "containerPort")
        return _MERGE_KEYS.get(field)

    def merge_map(self, original: JsonObject, patch: JsonObject, field: str) -> JsonObject:
        directive = patch.get("$patch")
        if directive == "replace":
            return {key: value for key, value in patch.items() if key != "$patch"}
        if directive == "delete":
            return {}
        if directive not in (None, "merge"):
            raise bad_request(f"Unknown patch type found: {directive}")
        result = self._retain(original, patch) if "$retainKeys" in patch else dict(original)
        for key, value in patch.items():
            if not key.startswith("$"):
                self._merge_value(result, key, value, field)
            elif key.startswith("$deleteFromPrimitiveList/"):
                target = key.partition("/")[2]
                result[target] = [item for item in result.get(target) or [] if item not in self._list(value)]
        for key, value in patch.items():
            target = key.removeprefix("$setElementOrder/")
            if target != key and isinstance(result.get(target), list):
                result[target] = self._ordered(result[target], original.get(target) or [], self._list(value), target)
        return result

    def _merge_value(self, result: JsonObject, key: str, value: Any, field: str) -> None:
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            current = result.get(key)
            result[key] = self.merge_map(current if isinstance(current, dict) else {}, value, key)
        elif isinstance(value, list):
            result[key] = self._merge_list(result.get(key) or [], value, field, key)
        else:
            result[key] = value

    @staticmethod
    def _list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise bad_request("Invalid patch format of a list directive: a list is expected")
        return value

    @staticmethod
    def _retain(original: JsonObject, patch: JsonObject) -> JsonObject:
        retained = patch["$retainKeys"]
        given = {key for key, value in patch.items() if value is not None and not key.startswith("$")}
        if not isinstance(retained, list) or not given <= set(retained):
            raise bad_request("Invalid patch format of retainKeys")
        return {key: value for key, value in original.items() if key in retained}

    def _merge_list(self, original: list[Any], patch: list[Any], parent: str, field: str) -> list[Any]:
        if (parent, field) in _PRIMITIVE_SETS:
            return original + [item for item in dict.fromkeys(patch) if item not in original]
        key = self._merge_key(field)
        maps = [item for item in patch if isinstance(item, dict)]
        if any(item.get("$patch") == "replace" for item in maps):
            return [item for item in patch if not (isinstance(item, dict) and item.get("$patch") == "replace")]
        if key is None or len(maps) != len(patch):
            return [self.merge_map({}, item, field) if isinstance(item, dict) else item for item in patch]
        return self._merge_items(original, maps, key, field)

    def _merge_items(self, original: list[Any], patch: list[JsonObject], key: str, field: str) -> list[Any]:
        result = list(original)
        for item in patch:
            if key not in item:
                raise StatusError(422, "Invalid", f"map: {item} does not contain declared merge key: {key}", {})
            places = [index for index, old in enumerate(result) if isinstance(old, dict) and old.get(key) == item[key]]
            if item.get("$patch") == "delete":
                result = [old for index, old in enumerate(result) if index not in places]
            elif places:
                result[places[0]] = self.merge_map(result[places[0]], item, field)
            else:
                result.append(self.merge_map({}, item, field))
        return result

    def _ordered(self, merged: list[Any], original: list[Any], order: list[Any], field: str) -> list[Any]:
        key = self._merge_key(field)

        def identity(item: Any) -> Any:
            return item.get(key) if key is not None and isinstance(item, dict) else item

        wanted = [identity(item) for item in order]
        before = [identity(item) for item in original]
        listed = sorted((i for i in merged if identity(i) in wanted), key=lambda i: wanted.index(identity(i)))
        others = [item for item in merged if identity(item) not in wanted]
        result: list[Any] = []
        while listed and others:
            first, second = identity(others[0]), identity(listed[0])
            stays_first = first in before and second in before and before.index(first) < before.index(second)
            result.append((others if stays_first else listed).pop(0))
        return result + listed + others
