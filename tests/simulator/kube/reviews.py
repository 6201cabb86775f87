# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who am I, and what may I do: reviews are answered, never stored."""

from __future__ import annotations

from .resources import ACCESS_REVIEWS, JsonObject, Resource

GROUPS = ["system:masters", "system:authenticated"]


def review(resource: Resource, obj: JsonObject, user: str) -> JsonObject:
    """The answer to a review of the user's own identity or rights; every known user may do everything."""
    answer: JsonObject = {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {"creationTimestamp": None},
    }
    if resource is ACCESS_REVIEWS:
        answer["spec"] = obj.get("spec") or {}
        answer["status"] = {"allowed": True, "reason": "every user of this server is an administrator"}
    else:
        answer["status"] = {"userInfo": {"username": user, "groups": list(GROUPS)}}
    return answer
