# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw access to the Kubernetes API.

The kubernetes library does what it is best at: reading kubeconfig files, refreshing credentials, TLS and proxies. The
requests themselves go straight to its connection pool: its typed objects cost seven times the time and several times
the memory on large lists, and its own request API differs between the supported releases.
"""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from .._errors import InvalidSetting, KubernetesError, MissingLibrary, one_line

try:
    import urllib3
    from kubernetes.client.api_client import ApiClient
    from kubernetes.client.configuration import Configuration
    from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

MERGE_PATCH = "application/merge-patch+json"

REQUEST_TIMEOUT = 20.0
"""Seconds that one ordinary request may take, connecting included."""

WATCH_SECONDS = 60
"""Seconds after which a watch is ended and its objects are listed again."""

PAGE_SIZE = 500
"""Objects asked for in one page of a list, as kubectl does."""

Params = Mapping[str, "str | int"]


@dataclass(frozen=True)
class KubernetesAccess:
    """Where the API is and who we are: a kubeconfig file (default: ``$KUBECONFIG``, then ``~/.kube/config``, then the
    pod's own service account) and one of its contexts (default: the current one)."""

    kubeconfig: str | None = None
    context: str | None = None


def _load(access: KubernetesAccess) -> Configuration:
    configuration = Configuration()
    named = access.kubeconfig or os.environ.get("KUBECONFIG")
    path = os.path.expanduser(named or "~/.kube/config")
    if not named and not os.path.exists(path) and "KUBERNETES_SERVICE_HOST" in os.environ:
        load_incluster_config(client_configuration=configuration)
        return configuration
    if os.pathsep not in path and not os.path.isfile(path):
        raise InvalidSetting(
            f"kubeconfig: the file {path} does not exist; name the cluster's kubeconfig "
            "(az aks get-credentials writes one) or set KUBECONFIG"
        )
    try:
        load_kube_config(
            config_file=path, context=access.context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise InvalidSetting(f"kubeconfig: {path} cannot be used: {one_line(error)}") from error
    except Exception as error:  # the YAML parser's errors share no base with the library's own
        raise InvalidSetting(f"kubeconfig: {path} is not a kubeconfig file: {one_line(error)}") from error
    return configuration


class Watch:
    """One open watch: iterate for its events, ``{"type", "object"}``; ``close`` ends it from any thread.

    The iteration ends quietly when the server's time for the watch is over or after ``close``. It raises
    :class:`KubernetesError`: status 410 when the version is too old (list again), status 0 when the connection broke.
    """

    def __init__(self, client: KubernetesClient, response: urllib3.BaseHTTPResponse) -> None:
        self._client = client
        self._response = response
        self._closed = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        pending = b""
        try:
            for chunk in self._response.stream(amt=None):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event.get("type") == "ERROR":
                        raise self._client.error(int(event["object"].get("code", 0)), event["object"])
                    yield event
        except (urllib3.exceptions.HTTPError, OSError, AttributeError, ValueError) as error:
            # AttributeError and ValueError are what http.client raises under a reader whose response is closed
            if not self._closed:
                raise self._client.unreachable(error) from error
        finally:
            self._response.close()

    def close(self) -> None:
        self._closed = True
        shutdown = getattr(self._response, "shutdown", None)  # urllib3 2.3; before it the watch ends with its time
        if shutdown is not None:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                shutdown()


class KubernetesClient:
    """A session with one API server; safe to use from several threads."""

    def __init__(self, access: KubernetesAccess, *, pool_size: int = 16, timeout: float = REQUEST_TIMEOUT) -> None:
        """Read the credentials; no request is made yet.

        ``pool_size`` is the number of connections kept for parallel requests, ``timeout`` the seconds that one request
        may take. Raises InvalidSetting, MissingLibrary.
        """
        if IMPORT_ERROR:
            raise MissingLibrary("kubernetes>=29.0", IMPORT_ERROR)
        self._timeout = timeout
        self._configuration = _load(access)
        self._configuration.connection_pool_maxsize = pool_size
        self._api = ApiClient(self._configuration)
        self._pool: urllib3.PoolManager = self._api.rest_client.pool_manager
        self._host = str(self._configuration.host).rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.clear()

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """The object at ``path``. Raises :class:`KubernetesError`."""
        return self._json("GET", path, params)

    def get_dated(self, path: str) -> tuple[dict[str, Any], str]:
        """The object at ``path``, and the API server's ``Date`` of the answer.

        Raises :class:`KubernetesError`, also for an answer without ``Audit-Id``: a gateway's clock is not the server's.
        """
        response = self._send("GET", path)
        if "Audit-Id" not in response.headers:
            response.close()
            raise KubernetesError(
                f"an answer of {self._host} has no Audit-Id: it is not the API server's own, and the lock needs that "
                "server's clock",
                reason="kubernetes_error",
            )
        return self._decode(response, "GET", path), str(response.headers.get("Date", ""))

    def items(self, path: str, params: Params | None = None) -> Iterator[dict[str, Any]]:
        """Every object of a collection, page by page; an expired page token starts over with one whole list.

        An object that comes twice because of that is given once.
        """
        for page in self.pages(path, params):
            yield from page

    def pages(self, path: str, params: Params | None = None) -> Iterator[list[dict[str, Any]]]:
        """The pages of a collection. Raises :class:`KubernetesError`."""
        query: dict[str, str | int] = {**(params or {}), "limit": PAGE_SIZE}
        seen: set[str] = set()
        while True:
            try:
                answer = self._json("GET", path, query)
            except KubernetesError as error:
                if error.status != 410 or "continue" not in query:
                    raise
                answer = self._json("GET", path, params)
            page = [item for item in answer.get("items") or [] if item["metadata"]["uid"] not in seen]
            token = (answer.get("metadata") or {}).get("continue")
            if token:
                seen.update(item["metadata"]["uid"] for item in page)
            yield page
            if not token:
                return
            query["continue"] = token

    def list(self, path: str, params: Params | None = None) -> tuple[list[dict[str, Any]], str]:
        """A collection in one request: its objects, and the resource version to watch from."""
        answer = self._json("GET", path, params)
        return answer.get("items") or [], str((answer.get("metadata") or {}).get("resourceVersion", ""))

    def create(self, path: str, body: Mapping[str, Any], params: Params | None = None) -> dict[str, Any]:
        return self._json("POST", path, params, body)

    def merge_patch(self, path: str, body: Mapping[str, Any], params: Params | None = None) -> dict[str, Any]:
        """Apply a JSON merge patch; with ``metadata.resourceVersion`` in it a stale one is refused (409)."""
        return self._json("PATCH", path, params, body, content_type=MERGE_PATCH)

    def watch(
        self, path: str, resource_version: str, params: Params | None = None, *, seconds: float = WATCH_SECONDS
    ) -> Watch:
        """The changes since ``resource_version``, for ``seconds`` at most. Raises :class:`KubernetesError`."""
        query: dict[str, str | int] = {
            **(params or {}),
            "watch": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": max(1, int(seconds)),
        }
        return Watch(self, self._send("GET", path, query, read_timeout=seconds + self._timeout))

    def _json(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        return self._decode(self._send(method, path, params, body, content_type), method, path)

    def _decode(self, response: urllib3.BaseHTTPResponse, method: str, path: str) -> dict[str, Any]:
        try:
            answer = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        except ValueError as error:
            raise KubernetesError(
                f"{self._host} did not answer {method} {path} with JSON: is it a Kubernetes API server?",
                reason="kubernetes_error",
            ) from error
        finally:
            response.release_conn()
        return dict(answer)

    def _send(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        read_timeout: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "kubeops.aks_reboot", **self._authorization()}
        if body is not None:
            headers["Content-Type"] = content_type
        url = f"{self._host}{path}" + (f"?{urlencode(params)}" if params else "")
        try:
            response = self._pool.request(
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                timeout=urllib3.Timeout(connect=self._timeout, read=read_timeout or self._timeout),
                retries=False,
                preload_content=False,
            )
            if response.status < 400:
                return response
            data = response.data
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        raise self.error(response.status, data, response.headers.get("Retry-After"))

    def _authorization(self) -> dict[str, str]:
        try:
            settings: dict[str, Any] = dict(self._configuration.auth_settings())
        except Exception as error:  # whatever a credential plugin raises
            raise KubernetesError(
                f"the kubeconfig's credentials cannot be renewed: {one_line(error)}", reason="kubernetes_unauthorized"
            ) from error
        token = settings.get("BearerToken", {}).get("value")
        return {"Authorization": str(token)} if token else {}

    def unreachable(self, error: Exception) -> KubernetesError:
        """What a connection that failed or broke means to us."""
        return KubernetesError(
            f"the Kubernetes API at {self._host} cannot be reached: {one_line(error)}", reason="kubernetes_unreachable"
        )

    def error(self, status: int, data: bytes | Mapping[str, Any], retry_after: str | None = None) -> KubernetesError:
        """What an answer with an error status (its body, or the Status object of a watch) means to us."""
        body: dict[str, Any] = {}
        if isinstance(data, Mapping):
            body = dict(data)
        else:
            try:
                decoded = json.loads(data)
                body = decoded if isinstance(decoded, dict) else {}
            except ValueError:
                body = {"message": data.decode(errors="replace")[:200]}
        message = one_line(body.get("message") or f"status {status}")
        reason = {
            401: "kubernetes_unauthorized",
            403: "kubernetes_forbidden",
            404: "not_found",
            409: "conflict",
            410: "expired",
        }.get(status, "kubernetes_error")
        if status == 401:
            message = "the credentials of the kubeconfig were not accepted (401 Unauthorized)"
        return KubernetesError(
            f"the Kubernetes API at {self._host}: {message}",
            reason=reason,
            status=status,
            kind=str(body.get("reason", "")),
            body=body,
            retry_after=float(retry_after) if retry_after and retry_after.isdigit() else None,
        )
