# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side of the API server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from . import discovery, negotiation, patches, pods, protobuf, scale
from .events_api import from_events_v1, stored_field, to_events_v1
from .known_fields import drop_unknown
from .lists import page
from .registry import Registry
from .resources import EVENTS_V1, NAMESPACES, JsonObject, Resource
from .reviews import review
from .routes import Target, target_of
from .selectors import FieldSelector, parse_field_selector, parse_label_selector
from .shapes import BINDING, DELETE_OPTIONS, EVICTION, SCALE, check_body, check_shape
from .status_errors import (
    StatusError,
    bad_request,
    expired,
    forbidden_field,
    invalid,
    method_not_allowed,
    not_supported,
    path_not_found,
    success,
    unauthorized,
)
from .store import Selection, Store, encode
from .views import View
from .watching import Watch

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_CHUNK_ITEMS = 500
_BODY_BYTES = 3 * 1024 * 1024
_WARNINGS = web.RequestKey("kubernetes-warnings", list[str])
_OPEN_PATHS = ("/healthz", "/livez", "/readyz", "/version")


class KubeApi:
    """A Kubernetes API server that keeps its objects in memory.

    ``tokens`` maps bearer tokens to the names of the users that they stand for. ``store`` holds the objects,
    ``watches`` the streams that are open.
    """

    def __init__(self, tokens: dict[str, str]) -> None:
        self.store = Store()
        self._tokens = dict(tokens)
        self._registry = Registry(self.store)
        self.watches: set[Watch] = set()
        for name in _NAMESPACES:
            self._registry.create(NAMESPACES, "", {"metadata": {"name": name}})

    def application(self, middlewares: Sequence[Middleware] = ()) -> web.Application:
        """The aiohttp application, for any number of listeners. ``middlewares`` run before authentication."""
        app = web.Application(middlewares=middlewares, client_max_size=_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._close_watches)
        return app

    async def _close_watches(self, _app: web.Application) -> None:
        for watch in tuple(self.watches):
            watch.close()

    def expire_watches(self) -> None:
        """Ends open watches with 410, and makes every version and continue token handed out so far too old."""
        before = self.store.revision
        self.store.forget()
        for watch in tuple(self.watches):
            watch.fail(expired(f"too old resource version: {before} ({self.store.revision})"))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(request)
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {_BODY_BYTES}"
            return _json(encode(StatusError(413, "RequestEntityTooLarge", message).body()), 413)
        except StatusError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
            return _json(encode(error.body()), error.code, headers)

    def _user(self, request: web.Request) -> str:
        scheme, dummy, token = request.headers.get("Authorization", "").partition(" ")
        user = self._tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise unauthorized()
        return user

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        if request.path in _OPEN_PATHS and "Authorization" not in request.headers:
            return self._about_server(request)
        user = self._user(request)
        target = target_of(request.path)
        if target is None:
            return self._about_server(request)
        form = negotiation.accepted_form(request.headers.get("Accept", ""))
        view = View(target.resource, form, request.query.get("includeObject", "Metadata"))
        method = request.method
        if target.resource.create_only:
            if method != "POST" or target.name:
                raise method_not_allowed()
            obj = await self._body_object(request, target.resource)
            return _json(encode(review(target.resource, obj, user)), 201)
        if not target.name:
            return await self._on_collection(request, target, view)
        if target.subresource in ("binding", "eviction"):
            return await self._on_pod_action(request, target)
        if target.subresource == "scale":
            return await self._on_scale(request, target)
        return await self._on_object(request, target, view)

    def _about_server(self, request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise path_not_found()
        path = request.path.rstrip("/")
        parts = path.strip("/").split("/")
        if path in ("/healthz", "/livez", "/readyz"):
            return web.Response(text="ok")
        if path == "/version":
            return _json(encode(discovery.VERSION))
        if path in ("/api", "/apis"):
            if negotiation.accepted_form(request.headers.get("Accept", "")) == negotiation.DISCOVERY:
                body = encode(discovery.aggregated(path == "/api"))
                return _json(body, content_type="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
            return _json(encode(discovery.legacy_versions() if path == "/api" else discovery.group_list()))
        if path == "/openapi/v3":
            return _json(encode(discovery.openapi_index()))
        document = parts[:2] == ["openapi", "v3"]
        if document:
            parts = parts[2:]
        known = discovery.group_versions()
        name = "" if parts[0] == "api" else parts[1] if parts[0] == "apis" and len(parts) > 1 else None
        version = parts[-1]
        if name is not None and len(parts) == (3 if name else 2) and (name, version) in known:
            return _json(
                encode(discovery.openapi(name, version) if document else discovery.resource_list(name, version))
            )
        if name and len(parts) == 2 and not document and any(group == name for group, dummy in known):
            return _json(encode(discovery.group(name)))
        raise path_not_found()

    async def _body_object(self, request: web.Request, resource: Resource) -> JsonObject:
        body, content_type = await request.read(), request.headers.get("Content-Type", "")
        if content_type.startswith(protobuf.MEDIA_TYPE) and protobuf.decodable(resource):
            return protobuf.decode(resource, body)
        obj = negotiation.decode_body(body, content_type, {})
        check_shape(resource, obj)
        _check_type(resource, obj)
        _check_fields(request, resource, obj)
        return from_events_v1(obj) if resource is EVENTS_V1 else dict(obj)

    def _selection(self, target: Target, query: Mapping[str, str]) -> Selection:
        labels = parse_label_selector(query.get("labelSelector", ""))
        resource = target.resource
        fields = parse_field_selector(query.get("fieldSelector", ""), resource.plural, resource.selectable)
        if resource is EVENTS_V1:
            fields = FieldSelector(tuple((stored_field(name), equal, value) for name, equal, value in fields.terms))
        return Selection(target.namespace, labels, fields)

    async def _on_collection(self, request: web.Request, target: Target, view: View) -> web.StreamResponse:
        query = request.query
        if request.method == "GET":
            selection = self._selection(target, query)
            if query.get("watch", "").lower() in ("true", "1"):
                return await self._watch(request, target, selection, view)
            return await self._list(request, target, selection, view)
        if request.method == "POST":
            if target.resource.namespaced and not target.namespace:
                raise method_not_allowed()
            obj = await self._body_object(request, target.resource)
            _check_namespace(target, obj)
            created = self._registry.create(target.resource, target.namespace, obj, _dry_run(query))
            return _json(view.one(created), 201)
        if request.method == "DELETE":
            options = await _delete_options(request)
            selected = page(self.store, target.resource, self._selection(target, query), {})
            for stored in selected.objects:
                if self.store.get(target.resource, *stored.key) is not None:
                    self._registry.delete(target.resource, *stored.key, options, _dry_run(query, options))
            items = b",".join(map(view.item(), selected.objects))
            return _json(view.list_head(selected.metadata) + items + b"]}")
        raise method_not_allowed()

    async def _list(self, request: web.Request, target: Target, selection: Selection, view: View) -> web.StreamResponse:
        found = page(self.store, target.resource, selection, request.query)
        if view.form == negotiation.TABLE:
            return _json(view.table(found.objects, found.metadata))
        head, item = view.list_head(found.metadata), view.item()
        if len(found.objects) <= _CHUNK_ITEMS:
            return _json(head + b",".join(map(item, found.objects)) + b"]}")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        separator = head
        for start in range(0, len(found.objects), _CHUNK_ITEMS):
            await response.write(separator + b",".join(map(item, found.objects[start : start + _CHUNK_ITEMS])))
            separator = b","
        await response.write_eof(b"]}")
        return response

    async def _watch(
        self, request: web.Request, target: Target, selection: Selection, view: View
    ) -> web.StreamResponse:
        query = request.query
        revision, initial = query.get("resourceVersion", ""), query.get("sendInitialEvents", "") == "true"
        _check_watch_options(query, revision, initial)
        bookmarks = query.get("allowWatchBookmarks", "") in ("true", "1")
        timeout = query.get("timeoutSeconds", "")
        if timeout and not timeout.isdigit():
            raise bad_request(f'strconv.ParseInt: parsing "{timeout}": invalid syntax')
        watch = Watch(self.store, target.resource, selection, view, bookmarks, float(timeout) if timeout else None)
        self.watches.add(watch)
        try:
            watch.begin(revision, initial)
            return await watch.serve(request)
        finally:
            self.watches.discard(watch)

    async def _on_object(self, request: web.Request, target: Target, view: View) -> web.StreamResponse:
        resource, namespace, name = target.resource, target.namespace, target.name
        query, method = request.query, request.method
        if method == "GET":
            return _json(view.one(self._registry.get(resource, namespace, name)))
        if method == "DELETE" and not target.subresource:
            options = await _delete_options(request)
            answer = self._registry.delete(resource, namespace, name, options, _dry_run(query, options))
            if answer.removed and not resource.returns_deleted:
                details = {"name": name, **({"group": resource.group} if resource.group else {})}
                return _json(encode(success({**details, "kind": resource.plural, "uid": answer.stored.uid})))
            return _json(view.one(answer.stored))
        if method == "PUT":
            change: Callable[[JsonObject], JsonObject] = await self._replacement(request, target)
        elif method == "PATCH":
            change = await self._patch(request, target)
        else:
            raise method_not_allowed()
        updated = self._registry.update(
            resource,
            namespace,
            name,
            change,
            subresource=target.subresource,
            replace=method == "PUT",
            dry_run=_dry_run(query),
        )
        return _json(view.one(updated.stored), 201 if updated.created else 200)

    async def _replacement(self, request: web.Request, target: Target) -> Callable[[JsonObject], JsonObject]:
        obj = await self._body_object(request, target.resource)
        _check_namespace(target, obj)
        given = obj["metadata"].setdefault("name", target.name)
        if given != target.name:
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({target.name})")
        return lambda _old: obj

    async def _patch(self, request: web.Request, target: Target) -> Callable[[JsonObject], JsonObject]:
        kind = negotiation.patch_type(request.headers.get("Content-Type", ""))
        body = negotiation.parse_json(await request.read())

        def change(old: JsonObject) -> JsonObject:
            events_v1 = target.resource is EVENTS_V1
            new = _patched(kind, to_events_v1(old) if events_v1 else old, body, target.resource.kind)
            check_shape(target.resource, new)
            _check_fields(request, target.resource, new)
            return from_events_v1(new) if events_v1 else new

        return change

    async def _on_pod_action(self, request: web.Request, target: Target) -> web.Response:
        if request.method != "POST":
            raise method_not_allowed()
        body = negotiation.decode_body(await request.read(), request.headers.get("Content-Type", ""), {})
        binds = target.subresource == "binding"
        action = pods.bind if binds else pods.evict
        body = check_body("Binding", BINDING, body) if binds else check_body("Eviction", EVICTION, body)
        answer = action(self._registry, self.store, target.namespace, target.name, body, _dry_run(request.query))
        return _json(encode(answer), 201)

    async def _on_scale(self, request: web.Request, target: Target) -> web.Response:
        resource, namespace, name = target.resource, target.namespace, target.name
        if request.method == "GET":
            return _json(encode(scale.scale_of(self._registry.get(resource, namespace, name).parse())))
        if request.method == "PUT":
            body = negotiation.decode_body(await request.read(), request.headers.get("Content-Type", ""), {})
        elif request.method == "PATCH":
            kind = negotiation.patch_type(request.headers.get("Content-Type", ""))
            patch = negotiation.parse_json(await request.read())
            current = scale.scale_of(self._registry.get(resource, namespace, name).parse())
            body = _patched(kind, current, patch, "Scale")
        else:
            raise method_not_allowed()
        check_body("Scale", SCALE, body)
        updated = self._registry.update(
            resource, namespace, name, lambda old: scale.with_scale(old, body), dry_run=_dry_run(request.query)
        )
        return _json(encode(scale.scale_of(updated.stored.parse())))


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for warning in request.get(_WARNINGS, ()):
        text = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{text}"')
    response.headers.setdefault("Audit-Id", str(uuid.uuid4()))
    response.headers.setdefault("Cache-Control", "no-cache, private")


def _json(
    body: bytes, code: int = 200, headers: Mapping[str, str] | None = None, content_type: str = "application/json"
) -> web.Response:
    return web.Response(body=body, status=code, headers={"Content-Type": content_type, **(headers or {})})


def _patched(kind: str, old: JsonObject, body: Any, object_kind: str) -> JsonObject:
    if kind == "json":
        return patches.json_patch(old, body)
    if not isinstance(body, dict):
        raise bad_request("error decoding patch: a JSON object is expected")
    if kind == "merge":
        merged: JsonObject = patches.merge_patch(old, body)
        return merged
    return patches.strategic_merge_patch(old, body, object_kind)


def _dry_run(query: Mapping[str, str], options: Mapping[str, Any] | None = None) -> bool:
    given = query.get("dryRun") or ",".join((options or {}).get("dryRun") or ())
    if given not in ("", "All"):
        raise invalid("DeleteOptions", "meta.k8s.io", "", [not_supported("dryRun", given, ("All",))])
    return given == "All"


async def _delete_options(request: web.Request) -> JsonObject:
    body = negotiation.decode_body(await request.read(), request.headers.get("Content-Type", ""), {})
    options = check_body("DeleteOptions", DELETE_OPTIONS, body)
    query = request.query
    if query.get("gracePeriodSeconds"):
        options.setdefault("gracePeriodSeconds", _seconds(query["gracePeriodSeconds"]))
    if query.get("propagationPolicy"):
        options.setdefault("propagationPolicy", query["propagationPolicy"])
    if options.get("orphanDependents") is not None and options.get("propagationPolicy"):
        problem = forbidden_field("propagationPolicy", "orphanDependents and deletionPropagation cannot be both set")
        raise invalid("DeleteOptions", "meta.k8s.io", "", [problem])
    return options


def _seconds(text: str) -> int:
    if not text.lstrip("-").isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _check_type(resource: Resource, obj: JsonObject) -> None:
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if (kind and kind != resource.kind) or (version and version != resource.api_version):
        raise bad_request(
            f"{kind or resource.kind} in version {version or resource.api_version} does not match the expected "
            f"{resource.kind} in version {resource.api_version}"
        )


def _check_fields(request: web.Request, resource: Resource, obj: JsonObject) -> None:
    validation = request.query.get("fieldValidation") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        problem = not_supported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn"))
        raise invalid("CreateOptions", "meta.k8s.io", "", [problem])
    request[_WARNINGS] = drop_unknown(resource.kind, obj, validation)


def _check_namespace(target: Target, obj: JsonObject) -> None:
    given = obj["metadata"].get("namespace")
    if target.resource.namespaced and given and given != target.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _check_watch_options(query: Mapping[str, str], revision: str, initial: bool) -> None:
    match = query.get("resourceVersionMatch", "")
    why = ""
    if initial and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    elif match and not query.get("sendInitialEvents"):
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    if why:
        raise invalid("ListOptions", "meta.k8s.io", "", [forbidden_field("resourceVersionMatch", why)])
    if revision and not revision.isdigit():
        raise invalid(
            "ListOptions",
            "meta.k8s.io",
            "",
            [forbidden_field("resourceVersion", f'"{revision}" is not an unsigned integer')],
        )
