# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little of the Kubernetes protobuf encoding that reviews need, since kubectl sends them in no other form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .resources import ACCESS_REVIEWS, SUBJECT_REVIEWS, JsonObject, Resource
from .status_errors import bad_request

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_LENGTH_DELIMITED = 2
_RESOURCE_ATTRIBUTES = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}
_NON_RESOURCE_ATTRIBUTES = {1: "path", 2: "verb"}


def decodable(resource: Resource) -> bool:
    """Whether objects of the resource may come as protobuf."""
    return resource in (ACCESS_REVIEWS, SUBJECT_REVIEWS)


def decode(resource: Resource, body: bytes) -> JsonObject:
    """A review as JSON. Raises StatusError 400 for what is not protobuf."""
    try:
        if not body.startswith(_MAGIC):
            raise ValueError("the prefix of a Kubernetes object is missing")
        message = dict(_fields(dict(_fields(body[len(_MAGIC) :])).get(2, b"")))
        obj: JsonObject = {"metadata": {}}
        if resource is ACCESS_REVIEWS:
            spec = dict(_fields(message.get(2, b"")))
            names = {
                1: ("resourceAttributes", _RESOURCE_ATTRIBUTES),
                2: ("nonResourceAttributes", _NON_RESOURCE_ATTRIBUTES),
            }
            obj["spec"] = {
                name: _texts(spec[number], parts) for number, (name, parts) in names.items() if number in spec
            }
    except (ValueError, IndexError) as error:
        raise bad_request(f"the object provided is unrecognized (must be of type Protobuf): {error}") from error
    return obj


def _texts(message: bytes, names: Mapping[int, str]) -> dict[str, str]:
    return {names[number]: value.decode() for number, value in _fields(message) if number in names and value}


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message; a review has no others."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        if tag & 7 != _LENGTH_DELIMITED:
            raise ValueError(f"unexpected wire type {tag & 7}")
        length, position = _varint(message, position)
        if position + length > len(message):
            raise ValueError("the message is cut short")
        yield tag >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
