# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that several modules share, and what they become below Ansible."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.errors import AnsibleFallbackNotFound

from .._clients.arm import AzureAccess
from .._clients.kubernetes import KubernetesAccess
from .._clients.ssh import SshAccess
from .._decisions.sentinel import DEFAULT_SENTINEL
from .._decisions.variables import MOST_SECONDS
from .._errors import InvalidSetting
from .._operations.kured import KuredSettings
from .._operations.ledger import LockSettings
from .._operations.proof import WaitLimits

Params = Mapping[str, Any]
Spec = dict[str, dict[str, Any]]


def _environment(*names: str) -> str:
    """The first of the environment variables ``names`` that is not blank: AWX sets some that are."""
    for name in names:
        value = os.environ.get(name, "").strip()
        if value:
            return value
    raise AnsibleFallbackNotFound


def _from_environment(*names: str) -> tuple[Any, list[str]]:
    return (_environment, list(names))


KUBERNETES: Spec = {
    "kubeconfig": {"type": "path", "fallback": _from_environment("K8S_AUTH_KUBECONFIG", "KUBECONFIG")},
    "context": {"type": "str", "fallback": _from_environment("K8S_AUTH_CONTEXT")},
}

# azure-identity's names first, then those of azure.azcollection, which are AWX's too
AZURE: Spec = {
    "arm_endpoint": {"type": "str", "fallback": _from_environment("AKS_REBOOT_ARM_ENDPOINT")},
    "azure_authority": {"type": "str", "fallback": _from_environment("AZURE_AUTHORITY_HOST")},
    "azure_ca_file": {"type": "path"},
    "azure_tenant": {"type": "str", "fallback": _from_environment("AZURE_TENANT_ID", "AZURE_TENANT")},
    "azure_client_id": {"type": "str", "fallback": _from_environment("AZURE_CLIENT_ID")},
    "azure_client_secret": {
        "type": "str",
        "no_log": True,
        "fallback": _from_environment("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    },
}

SSH: Spec = {
    "ssh_user": {"type": "str", "default": "azureuser"},
    "ssh_port": {"type": "int", "default": 22},
    "ssh_private_key_file": {"type": "path", "no_log": False},
    "ssh_password": {"type": "str", "no_log": True},
    "ssh_known_hosts_file": {"type": "path"},
    "ssh_host_key_checking": {"type": "bool", "default": True},
    "ssh_timeout": {"type": "int", "default": 15},
    "ssh_sudo": {"type": "bool", "default": True},
}

LOCK: Spec = {
    "lock_namespace": {"type": "str", "default": "kube-system"},
    "lock_name": {"type": "str", "default": "aks-reboot"},
    "lock_ttl": {"type": "int", "default": 300},
    "lock_margin": {"type": "int", "default": 30},
    "ds_namespace": {"type": "str", "default": "kube-system"},
    "ds_name": {"type": "str", "default": "kured"},
    "lock_annotation": {"type": "str", "default": "weave.works/kured-node-lock"},
}

REBOOT: Spec = {
    "reboot_command": {"type": "str", "default": "/bin/systemctl reboot"},
    "reboot_timeout": {"type": "int", "default": 2400},
    "poll_interval": {"type": "int", "default": 10},
    "restart_horizon": {"type": "int", "default": 3900},
    "guest_timeout": {"type": "int", "default": 600},
    "sentinel_method": {"type": "str", "choices": ["ssh", "none"], "default": "ssh"},
    "sentinel": {"type": "path", "default": DEFAULT_SENTINEL},
}

NODE: Spec = {
    "node": {"type": "str", "required": True},
    "run_id": {"type": "str", "required": True},
    **LOCK,
}


def kubernetes_access(params: Params) -> KubernetesAccess:
    return KubernetesAccess(params["kubeconfig"] or None, params["context"] or None)


def azure_access(params: Params) -> AzureAccess:
    return AzureAccess(
        endpoint=params["arm_endpoint"] or None,
        authority=params["azure_authority"] or None,
        ca_file=params["azure_ca_file"] or None,
        tenant=params["azure_tenant"] or None,
        client_id=params["azure_client_id"] or None,
        client_secret=params["azure_client_secret"] or None,
    )


def ssh_access(params: Params) -> SshAccess:
    return SshAccess(
        user=params["ssh_user"],
        port=params["ssh_port"],
        private_key_file=params["ssh_private_key_file"] or None,
        password=params["ssh_password"] or None,
        known_hosts_file=params["ssh_known_hosts_file"] or None,
        host_key_checking=params["ssh_host_key_checking"],
        timeout=params["ssh_timeout"],
    )


def wait_limits(params: Params) -> WaitLimits:
    """Raises InvalidSetting."""
    require_not_negative(params, "reboot_timeout", "poll_interval", "restart_horizon", "guest_timeout")
    return WaitLimits(
        timeout=params["reboot_timeout"],
        poll=params["poll_interval"],
        horizon=params["restart_horizon"],
        guest=params["guest_timeout"],
    )


def lock_settings(params: Params) -> LockSettings:
    """Raises InvalidSetting."""
    require_not_negative(params, "lock_ttl", "lock_margin")
    ttl, margin = params["lock_ttl"], params["lock_margin"]
    if ttl and ttl < 2 * margin:
        raise InvalidSetting(
            f"lock_ttl: {ttl} is too short: give at least {2 * margin} seconds (twice lock_margin), or 0 for ever"
        )
    return LockSettings(params["lock_namespace"], params["lock_name"], ttl, margin)


def kured_settings(params: Params) -> KuredSettings:
    return KuredSettings(params["ds_namespace"], params["ds_name"], params["lock_annotation"])


def require_not_negative(params: Params, *names: str) -> None:
    """Raises InvalidSetting naming the first of the options ``names`` (all in seconds) that is below zero or absurd."""
    for name in names:
        if not 0 <= params[name] <= MOST_SECONDS:
            raise InvalidSetting(f"{name}: {params[name]} is not possible: give seconds, from 0 to {MOST_SECONDS}")
