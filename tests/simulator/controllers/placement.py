# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a pod go to a node? Taints, node selectors and node affinity, as the scheduler and DaemonSets judge them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..kube.selectors import Requirement
from ..kube_client import Object
from .caches import NodeFacts

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}


def tolerates(tolerations: Iterable[Object], taint: Object) -> bool:
    """Whether one of the tolerations covers the taint."""
    return any(_covers(toleration, taint) for toleration in tolerations)


def _covers(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def repelled_by(spec: Object, node: NodeFacts, effects: tuple[str, ...]) -> Object | None:
    """The first taint of the node with one of these effects that the pod spec does not tolerate."""
    tolerations = spec.get("tolerations") or ()
    for taint in node.taints:
        if taint.get("effect") in effects and not tolerates(tolerations, taint):
            return taint
    return None


def shut_out_by_cordon(spec: Object, node: NodeFacts) -> bool:
    """Whether the node is cordoned and the pod spec does not tolerate that."""
    cordon = {"key": UNSCHEDULABLE, "effect": "NoSchedule"}
    return node.unschedulable and not tolerates(spec.get("tolerations") or (), cordon)


def selects(spec: Object, node: NodeFacts) -> bool:
    """Whether the pod spec's node selector and required node affinity accept the node."""
    wanted: Mapping[str, str] = spec.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in wanted.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_term_matches(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term_matches(term: Object, node: NodeFacts) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_requirement(entry).matches(node.labels) for entry in expressions) and all(
        _requirement(entry).matches({"metadata.name": node.name}) for entry in fields
    )


def _requirement(entry: Object) -> Requirement:
    return Requirement(entry["key"], _OPERATORS[entry["operator"]], frozenset(entry.get("values") or ()))
