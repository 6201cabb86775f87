# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists, in pages that all show the same point in time."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from .resources import JsonObject, Resource
from .status_errors import StatusError, bad_request, expired, invalid, invalid_value
from .store import Selection, Store, Stored

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list, and the metadata that says which part."""

    objects: list[Stored]
    metadata: JsonObject


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not text.lstrip("-").isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def page(store: Store, resource: Resource, selection: Selection, query: Mapping[str, str]) -> Page:
    """The page that ``limit``, ``continue`` and ``resourceVersion`` ask for.

    Raises StatusError 400 for parameters that do not parse, 410 for a token or a version that is gone, 504 for a
    version that is still to come.
    """
    limit, token = max(_number(query, "limit"), 0), query.get("continue", "")
    if token:
        if query.get("resourceVersion") not in (None, "", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        return _later_page(store, resource, selection, limit, token)
    _check_version(store, resource, query)
    objects = list(store.collection(resource).select(selection))
    return _cut(store, resource, selection, objects, 0, limit, store.revision)


def _check_version(store: Store, resource: Resource, query: Mapping[str, str]) -> None:
    text, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    if match and (not text or match not in ("Exact", "NotOlderThan")):
        why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise invalid("ListOptions", "meta.k8s.io", "", [invalid_value("resourceVersionMatch", match, why)])
    if not text:
        return
    if not text.isdigit():
        problem = invalid_value("resourceVersion", text, "must be an unsigned integer")
        raise invalid("ListOptions", "meta.k8s.io", "", [problem])
    wanted = int(text)
    if wanted > store.revision:
        message = f"Too large resource version: {wanted}, current: {store.revision}"
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        raise StatusError(504, "Timeout", message, {"causes": causes}, 1)
    if match == "Exact" and wanted < store.revision:
        later = store.collection(resource).since(wanted)
        if later or wanted < store.collection(resource).forgotten:
            raise expired(f"The resourceVersion for the provided list is too old: {wanted}")


def _snapshot_name(resource: Resource, selection: Selection, revision: int) -> str:
    return f"{resource.qualified}|{selection!r}|{revision}"


def _token(revision: int, position: int, start: Stored) -> str:
    content = {"v": "meta.k8s.io/v1", "rv": revision, "start": "/".join(start.key), "position": position}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _later_page(store: Store, resource: Resource, selection: Selection, limit: int, token: str) -> Page:
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, position, start = int(content["rv"]), int(content["position"]), str(content["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request("continue key is not valid: the token was not issued by this server") from error
    namespace, dummy, name = start.rpartition("/")
    if revision < 0:
        objects = [stored for stored in store.collection(resource).select(selection) if stored.key >= (namespace, name)]
        return _cut(store, resource, selection, objects, 0, limit, store.revision)
    snapshot = store.snapshot_of(_snapshot_name(resource, selection, revision))
    if snapshot is None:
        content["rv"] = -1
        raise expired(_TOO_OLD, base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("="))
    return _cut(store, resource, selection, snapshot, position, limit, revision)


def _cut(
    store: Store,
    resource: Resource,
    selection: Selection,
    objects: list[Stored],
    position: int,
    limit: int,
    revision: int,
) -> Page:
    metadata: JsonObject = {"resourceVersion": str(revision)}
    name = _snapshot_name(resource, selection, revision)
    end = position + limit if limit else len(objects)
    if end < len(objects):
        store.snapshot(name, objects)
        metadata["continue"] = _token(revision, end, objects[end])
        if not selection.labels.requirements and not selection.fields.terms:
            metadata["remainingItemCount"] = len(objects) - end
    elif position:
        store.snapshot_read(name)
    return Page(objects[position:end], metadata)
