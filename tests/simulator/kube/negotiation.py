# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which form of the answer a client accepts, and which body it sent."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from .status_errors import bad_request, not_acceptable, unsupported_media_type

JSON, TABLE, PARTIAL, DISCOVERY = "", "Table", "PartialObjectMetadata", "APIGroupDiscoveryList"
_BODY_TYPES = ("application/json",)
PATCH_TYPES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")


@lru_cache(maxsize=256)
def accepted_form(accept: str) -> str:
    """The form of the first media type in an Accept header that the server can produce.

    Raises StatusError 406 when there is none.
    """
    for media_range in accept.split(",") if accept.strip() else ("*/*",):
        media, *parameters = (part.strip() for part in media_range.split(";"))
        if media not in ("application/json", "application/*", "*/*"):
            continue
        values = dict(part.split("=", 1) for part in parameters if "=" in part)
        kind = values.get("as", "")
        if kind in ("", TABLE):
            return kind
        if kind in (PARTIAL, PARTIAL + "List"):
            return PARTIAL
        if kind == DISCOVERY and values.get("v") == "v2":
            return DISCOVERY
    raise not_acceptable()


def decode_body(body: bytes, content_type: str, empty: Any = None) -> Any:
    """The JSON of a request. Raises StatusError 415 for another type, 400 for what is not JSON."""
    media = content_type.partition(";")[0].strip().lower()
    if not body:
        return empty
    # aiohttp reports a missing header as octet-stream; the real server takes such a body as JSON.
    if media not in ("application/json", "application/octet-stream", ""):
        raise unsupported_media_type(_BODY_TYPES)
    return parse_json(body)


def parse_json(body: bytes) -> Any:
    """Raises StatusError 400 with the parser's complaint."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized (must be of type JSON): {error}") from error


def patch_type(content_type: str) -> str:
    """``json``, ``merge`` or ``strategic``. Raises StatusError 415 for the others, server-side apply among them."""
    media = content_type.partition(";")[0].strip().lower()
    if media not in PATCH_TYPES:
        raise unsupported_media_type(PATCH_TYPES)
    return {PATCH_TYPES[0]: "json", PATCH_TYPES[1]: "merge", PATCH_TYPES[2]: "strategic"}[media]
