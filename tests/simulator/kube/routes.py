# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the path of a URL to the resource it names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .resources import BY_PATH, NAMESPACES, Resource


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about; without a name it is the whole collection."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@lru_cache(maxsize=4096)
def target_of(path: str) -> Target | None:
    """The target of a resource path such as /api/v1/namespaces/a/pods/b/eviction, or None for any other path."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if rest[0] == "namespaces" and (group, version) == ("", "v1") and not _is_content_path(rest):
        return _target(NAMESPACES, "", rest[1:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0]))
    if resource is None or (namespace and not resource.namespaced):
        return None
    if resource.namespaced and not namespace and len(rest) > 1:
        return None
    return _target(resource, namespace, rest[1:])


def _is_content_path(rest: list[str]) -> bool:
    return len(rest) > 2 and rest[2] not in NAMESPACES.subresources


def _target(resource: Resource, namespace: str, rest: list[str]) -> Target | None:
    if len(rest) > 2 or (len(rest) == 2 and rest[1] not in resource.subresources):
        return None
    name = rest[0] if rest else ""
    return Target(resource, namespace, name, rest[1] if len(rest) == 2 else "")
