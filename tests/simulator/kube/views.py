# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored objects in the form that a client asked for: whole, metadata only, or a row of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import negotiation, tables
from .events_api import to_events_v1
from .resources import EVENTS_V1, JsonObject, Resource
from .store import Stored, encode


@dataclass(frozen=True, slots=True)
class View:
    """How the objects of one answer are shown. ``include`` is what each row of a table carries of its object."""

    resource: Resource
    form: str = negotiation.JSON
    include: str = "Metadata"

    def one(self, stored: Stored) -> bytes:
        """A single object as a whole answer."""
        if self.form == negotiation.TABLE:
            return encode(self._table([stored], {"resourceVersion": str(stored.revision)}, True))
        if self.form == negotiation.PARTIAL:
            return encode(partial(stored.parse()))
        if self.resource is EVENTS_V1:
            return encode(to_events_v1(stored.parse()))
        return stored.whole()

    def watched(self, stored: Stored, first: bool) -> bytes:
        """The object of a watch event; only the ``first`` table of a stream names its columns."""
        if self.form == negotiation.TABLE:
            return encode(self._table([stored], {"resourceVersion": str(stored.revision)}, first))
        return self.one(stored)

    def bookmark(self, revision: int, annotations: dict[str, str]) -> bytes:
        """The object of a BOOKMARK event."""
        metadata: JsonObject = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        if self.form == negotiation.TABLE:
            return encode(self._table([], {"resourceVersion": str(revision)}, False))
        if self.form == negotiation.PARTIAL:
            return encode({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
        return encode({"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": metadata})

    def list_head(self, list_metadata: JsonObject) -> bytes:
        """A list up to and including the bracket that opens its items."""
        kind, version = self.resource.kind + "List", self.resource.api_version
        if self.form == negotiation.PARTIAL:
            kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
        head = {"kind": kind, "apiVersion": version, "metadata": list_metadata}
        return encode(head)[:-1] + b',"items":['

    def item(self) -> Callable[[Stored], bytes]:
        """From a stored object to an item of a list; plain items carry no kind, as those of the real server."""
        if self.form == negotiation.PARTIAL:
            return lambda stored: encode(partial(stored.parse()))
        if self.resource is EVENTS_V1:
            return lambda stored: encode(_without_type(to_events_v1(stored.parse())))
        return lambda stored: stored.raw

    def table(self, objects: Sequence[Stored], list_metadata: JsonObject) -> bytes:
        """A whole list as a table."""
        return encode(self._table(objects, list_metadata, True))

    def _table(self, objects: Sequence[Stored], list_metadata: JsonObject, columns: bool) -> JsonObject:
        return tables.table(self.resource, [stored.parse() for stored in objects], list_metadata, self.include, columns)


def partial(obj: JsonObject) -> JsonObject:
    """The PartialObjectMetadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _without_type(obj: JsonObject) -> JsonObject:
    return {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}
