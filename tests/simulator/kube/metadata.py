# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata that the server itself fills in, and the rules for what a client may put there."""

from __future__ import annotations

import random
import re
import uuid
from datetime import UTC, datetime

from .resources import JsonObject, Resource
from .selectors import label_key_problem, label_value_problem
from .status_errors import FieldError, invalid, invalid_value, required

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ANNOTATION_BYTES = 256 * 1024
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_IMMUTABLE = (
    "uid",
    "creationTimestamp",
    "namespace",
    "name",
    "generateName",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)


def now() -> str:
    """The current time as metadata holds it, to the second."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_uid() -> str:
    return str(uuid.uuid4())


def fill_in(resource: Resource, obj: JsonObject, namespace: str) -> None:
    """Completes the metadata of an object that is about to be created."""
    metadata = obj["metadata"]
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(random.choices(_SUFFIX_ALPHABET, k=5))
        metadata["name"] = metadata["generateName"][:58] + suffix
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion", "managedFields"):
        metadata.pop(name, None)
    metadata["uid"] = new_uid()
    metadata["creationTimestamp"] = now()
    metadata.pop("generation", None)
    if resource.generation:
        metadata["generation"] = 1
    if resource.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    drop_empty(metadata)


def drop_empty(metadata: JsonObject) -> None:
    """Empty maps and lists of metadata do not survive storage."""
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def keep_system_fields(old: JsonObject, new: JsonObject) -> None:
    """Carries over what a client leaves out or may not decide about when it updates an object."""
    for name in ("uid", "creationTimestamp", "namespace", "name"):
        if not new.get(name) and name in old:
            new[name] = old[name]
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink", "generateName"):
        if name in old:
            new[name] = old[name]
        else:
            new.pop(name, None)
    new.pop("managedFields", None)
    new["resourceVersion"] = old["resourceVersion"]
    drop_empty(new)


def check_unchanged(resource: Resource, old: JsonObject, new: JsonObject) -> None:
    """Raises StatusError 422 when an update touches metadata that can never change."""
    errors = [
        invalid_value(f"metadata.{name}", new.get(name), "field is immutable")
        for name in _IMMUTABLE
        if old.get(name) != new.get(name)
    ]
    if errors:
        raise invalid(resource.kind, resource.group, old["name"], errors)


def problems(resource: Resource, metadata: JsonObject) -> list[FieldError]:
    """What is wrong with the metadata of an object."""
    errors: list[FieldError] = []
    name = metadata.get("name", "")
    if not name:
        errors.append(required("metadata.name", "name or generateName is required"))
    elif resource.plural in ("namespaces", "services"):
        if len(name) > 63 or not _DNS_LABEL.fullmatch(name):
            errors.append(invalid_value("metadata.name", name, _LABEL_RULE))
    elif len(name) > 253 or not _DNS_SUBDOMAIN.fullmatch(name):
        errors.append(invalid_value("metadata.name", name, _SUBDOMAIN_RULE))
    errors.extend(_map_problems(metadata))
    for index, owner in enumerate(metadata.get("ownerReferences") or []):
        errors.extend(
            required(f"metadata.ownerReferences[{index}].{part}", "must not be empty")
            for part in ("apiVersion", "kind", "name", "uid")
            if not owner.get(part)
        )
    return errors


def _map_problems(metadata: JsonObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, value in (metadata.get("labels") or {}).items():
        problem = label_key_problem(key)
        if problem:
            errors.append(invalid_value("metadata.labels", key, problem))
        problem = label_value_problem(value)
        if problem:
            errors.append(invalid_value("metadata.labels", value, problem))
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        problem = label_key_problem(key.lower())
        if problem:
            errors.append(invalid_value("metadata.annotations", key, problem))
    if sum(len(key) + len(str(value)) for key, value in annotations.items()) > _ANNOTATION_BYTES:
        errors.append(
            FieldError(
                "FieldValueTooLong", "metadata.annotations", f"Too long: may not be more than {_ANNOTATION_BYTES} bytes"
            )
        )
    return errors
