# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that the API does not know: refused, or dropped with a warning, as the client chose."""

from __future__ import annotations

from typing import Any

from .resources import JsonObject
from .status_errors import bad_request


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_METADATA = _names(
    """
        annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName
        generation labels managedFields name namespace ownerReferences resourceVersion selfLink uid
        """
)
_TOP: dict[str, frozenset[str]] = {
    "ConfigMap": _names("binaryData data immutable"),
    "Event": _names(
        """
        action count deprecatedCount deprecatedFirstTimestamp deprecatedLastTimestamp deprecatedSource
        eventTime firstTimestamp involvedObject lastTimestamp message note reason regarding related
        reportingComponent reportingController reportingInstance series source type
        """
    ),
    "Lease": _names("spec"),
    "Secret": _names("data immutable stringData type"),
    "ServiceAccount": _names("automountServiceAccountToken imagePullSecrets secrets"),
}
_ALWAYS = _names("apiVersion kind metadata")
_SPEC: dict[str, frozenset[str]] = {
    "Lease": _names(
        """
        acquireTime holderIdentity leaseDurationSeconds leaseTransitions preferredHolder renewTime strategy
        """
    ),
    "Namespace": _names("finalizers"),
    "Node": _names("configSource externalID podCIDR podCIDRs providerID taints unschedulable"),
    "PodDisruptionBudget": _names("maxUnavailable minAvailable selector unhealthyPodEvictionPolicy"),
    "Pod": _names(
        """
        activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy
        enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname
        hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy
        priority priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName
        schedulerName schedulingGates securityContext serviceAccount serviceAccountName setHostnameAsFQDN
        shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints
        volumes workloadRef
        """
    ),
    "Deployment": _names(
        """
        minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector strategy
        template
        """
    ),
    "ReplicaSet": _names("minReadySeconds replicas selector template"),
    "DaemonSet": _names("minReadySeconds revisionHistoryLimit selector template updateStrategy"),
}
_CONTAINER = _names(
    """
        args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe
        resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce
        targetContainerName terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts
        workingDir
        """
)
_TAINT = _names("effect key timeAdded value")
_OWNER = _names("apiVersion blockOwnerDeletion controller kind name uid")


def drop_unknown(kind: str, obj: JsonObject, validation: str) -> list[str]:
    """Removes unknown fields from an object; returns warnings about them.

    ``validation`` is the fieldValidation parameter: Strict raises StatusError 400 instead, Ignore says nothing.
    """
    unknown: list[str] = []
    _drop(obj, _TOP.get(kind, _names("spec status")) | _ALWAYS, "", unknown)
    metadata = obj.get("metadata")
    _drop(metadata, _METADATA, "metadata.", unknown)
    if isinstance(metadata, dict):
        _drop_items(metadata.get("ownerReferences"), _OWNER, "metadata.ownerReferences", unknown)
    spec = obj.get("spec")
    if isinstance(spec, dict) and kind in _SPEC:
        _drop(spec, _SPEC[kind], "spec.", unknown)
        _drop_items(spec.get("taints"), _TAINT, "spec.taints", unknown)
        _drop_pod(spec, "spec.", unknown)
        template = spec.get("template")
        if isinstance(template, dict) and isinstance(template.get("spec"), dict):
            _drop(template["spec"], _SPEC["Pod"], "spec.template.spec.", unknown)
            _drop_pod(template["spec"], "spec.template.spec.", unknown)
    if unknown and validation == "Strict":
        raise bad_request("strict decoding error: " + ", ".join(unknown))
    return [] if validation == "Ignore" else unknown


def _drop_pod(spec: JsonObject, path: str, unknown: list[str]) -> None:
    for name in ("containers", "initContainers"):
        _drop_items(spec.get(name), _CONTAINER, path + name, unknown)


def _drop_items(items: Any, known: frozenset[str], path: str, unknown: list[str]) -> None:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        _drop(item, known, f"{path}[{index}].", unknown)


def _drop(value: Any, known: frozenset[str], path: str, unknown: list[str]) -> None:
    if not isinstance(value, dict) or value.keys() <= known:
        return
    for name in [name for name in value if name not in known]:
        del value[name]
        unknown.append(f'unknown field "{path}{name}"')
