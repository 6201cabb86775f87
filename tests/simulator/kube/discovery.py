# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client learns about the resources: API groups, resource lists and the aggregated form of both."""

from __future__ import annotations

from functools import cache

from .resources import ALL, JsonObject, Resource

VERSION: JsonObject = {
    "major": "1",
    "minor": "33",
    "emulationMajor": "1",
    "emulationMinor": "33",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "32",
    "gitVersion": "v1.33.2",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-06-17T18:32:34Z",
    "goVersion": "go1.24.4",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_SUBRESOURCE_KINDS: dict[str, tuple[str, str, str]] = {
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "scale": ("autoscaling", "v1", "Scale"),
}
_SUBRESOURCE_VERBS = {
    "binding": ["create"],
    "eviction": ["create"],
    "finalize": ["update"],
    "scale": ["get", "patch", "update"],
    "status": ["get", "patch", "update"],
}


@cache
def group_versions() -> tuple[tuple[str, str], ...]:
    """Every group and version once, the core group first."""
    return tuple(sorted({(resource.group, resource.version) for resource in ALL}))


def _resources(group: str, version: str) -> list[Resource]:
    return sorted((r for r in ALL if (r.group, r.version) == (group, version)), key=lambda r: r.plural)


def resource_list(group: str, version: str) -> JsonObject:
    """The APIResourceList of one group version."""
    entries: list[JsonObject] = []
    for resource in _resources(group, version):
        entry: JsonObject = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        entries.append(entry)
        entries.extend(_legacy_subresource(resource, name) for name in resource.subresources)
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries}


def _legacy_subresource(resource: Resource, name: str) -> JsonObject:
    entry: JsonObject = {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _SUBRESOURCE_VERBS[name],
    }
    if name in _SUBRESOURCE_KINDS:
        group, version, entry["kind"] = _SUBRESOURCE_KINDS[name]
        if group:
            entry.update(group=group, version=version)
    return entry


def legacy_versions() -> JsonObject:
    """The answer of /api."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def group(name: str) -> JsonObject:
    """The APIGroup of a named group."""
    versions = [
        {"groupVersion": f"{name}/{v}", "version": v} for group_name, v in group_versions() if group_name == name
    ]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": versions,
        "preferredVersion": versions[0],
    }


def group_list() -> JsonObject:
    """The APIGroupList of all named groups."""
    groups = [group(name) for name in sorted({name for name, dummy in group_versions()}) if name]
    for entry in groups:
        del entry["kind"], entry["apiVersion"]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def aggregated(core: bool) -> JsonObject:
    """The APIGroupDiscoveryList of /api (``core``) or of /apis."""
    items: list[JsonObject] = []
    for name, version in group_versions():
        if (name == "") is not core:
            continue
        metadata: JsonObject = {"creationTimestamp": None}
        if name:
            metadata["name"] = name
        resources = [_aggregated_resource(resource) for resource in _resources(name, version)]
        items.append(
            {"metadata": metadata, "versions": [{"version": version, "freshness": "Current", "resources": resources}]}
        )
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_resource(resource: Resource) -> JsonObject:
    entry: JsonObject = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    subresources: list[JsonObject] = []
    for name in resource.subresources:
        group_name, version, kind = _SUBRESOURCE_KINDS.get(name, (resource.group, resource.version, resource.kind))
        subresources.append(
            {
                "subresource": name,
                "responseKind": {"group": group_name, "version": version, "kind": kind},
                "verbs": _SUBRESOURCE_VERBS[name],
            }
        )
    if subresources:
        entry["subresources"] = subresources
    return entry


def openapi_index() -> JsonObject:
    """The answer of /openapi/v3: where the document of each group version is."""
    paths = {
        _root(name, version): {"serverRelativeURL": f"/openapi/v3/{_root(name, version)}"}
        for name, version in group_versions()
    }
    return {"paths": paths}


def _root(name: str, version: str) -> str:
    return f"apis/{name}/{version}" if name else f"api/{version}"


def openapi(name: str, version: str) -> JsonObject:
    """The part of a group's OpenAPI document that tells clients which patches of which kinds check their fields."""
    paths: JsonObject = {}
    for resource in _resources(name, version):
        if resource.create_only:
            continue
        scope = "namespaces/{namespace}/" if resource.namespaced else ""
        operation = {
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": {"group": name, "version": version, "kind": resource.kind},
            "parameters": [
                {"name": "dryRun", "in": "query", "schema": {"type": "string"}},
                {"name": "fieldManager", "in": "query", "schema": {"type": "string"}},
                {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}},
            ],
            "responses": {"200": {"description": "OK"}},
        }
        paths[f"/{_root(name, version)}/{scope}{resource.plural}/{{name}}"] = {"patch": operation}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}
