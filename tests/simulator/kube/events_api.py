# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both faces of an event: the core form, which is stored, and that of events.k8s.io."""

from __future__ import annotations

from .resources import JsonObject

_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_BACK = {new: old for old, new in _NAMES.items()}


def to_events_v1(event: JsonObject) -> JsonObject:
    """The events.k8s.io/v1 form of a core event."""
    converted = {_NAMES.get(name, name): value for name, value in event.items()}
    converted["apiVersion"] = "events.k8s.io/v1"
    return converted


def from_events_v1(event: JsonObject) -> JsonObject:
    """The core form of an events.k8s.io/v1 event."""
    converted = {_BACK.get(name, name): value for name, value in event.items()}
    converted["apiVersion"] = "v1"
    return converted


def stored_field(name: str) -> str:
    """The core name of a field that an events.k8s.io field selector names."""
    first, dot, rest = name.partition(".")
    return _BACK.get(first, first) + dot + rest
