# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared options: their environment variables, their numbers, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.variables import MOST_SECONDS
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    AZURE,
    KUBERNETES,
    LOCK,
    REBOOT,
    SSH,
    azure_access,
    kubernetes_access,
    lock_settings,
    require_not_negative,
    ssh_access,
    wait_limits,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting

BOTH = {**AZURE, **KUBERNETES}


def validated(spec: Mapping[str, Any], **given: Any) -> dict[str, Any]:
    """The options as Ansible hands them to a module."""
    result = ArgumentSpecValidator(dict(spec)).validate(given)
    assert result.error_messages == []
    return dict(result.validated_parameters)


@pytest.mark.parametrize(
    ("option", "variables"),
    [
        ("azure_tenant", ["AZURE_TENANT_ID", "AZURE_TENANT"]),
        ("azure_client_id", ["AZURE_CLIENT_ID"]),
        ("azure_client_secret", ["AZURE_CLIENT_SECRET", "AZURE_SECRET"]),
        ("azure_authority", ["AZURE_AUTHORITY_HOST"]),
        ("arm_endpoint", ["AKS_REBOOT_ARM_ENDPOINT"]),
        ("kubeconfig", ["K8S_AUTH_KUBECONFIG", "KUBECONFIG"]),
        ("context", ["K8S_AUTH_CONTEXT"]),
    ],
)
class TestEnvironment:
    def test_the_first_that_is_set_counts(
        self, monkeypatch: pytest.MonkeyPatch, option: str, variables: list[str]
    ) -> None:
        for variable in reversed(variables):
            monkeypatch.setenv(variable, f"/from/{variable}")
            assert validated(BOTH)[option] == f"/from/{variable}"

    def test_blank_ones_are_none(self, monkeypatch: pytest.MonkeyPatch, option: str, variables: list[str]) -> None:
        """AWX sets variables of a credential's empty fields to nothing."""
        *first, last = variables
        for variable in first:
            monkeypatch.setenv(variable, " \t")
        monkeypatch.setenv(last, "  /value ")
        assert validated(BOTH)[option] == "/value"
        monkeypatch.setenv(last, "")
        assert validated(BOTH)[option] is None

    def test_what_the_playbook_says_comes_before(
        self, monkeypatch: pytest.MonkeyPatch, option: str, variables: list[str]
    ) -> None:
        for variable in variables:
            monkeypatch.setenv(variable, "/environment")
        assert validated(BOTH, **{option: "/playbook"})[option] == "/playbook"


def test_secrets_are_secret() -> None:
    """Ansible scrubs what is marked so, and warns about options whose names look so and that are not marked."""
    spec = {**KUBERNETES, **AZURE, **SSH, **LOCK, **REBOOT}
    assert [name for name, option in spec.items() if option.get("no_log")] == ["azure_client_secret", "ssh_password"]
    assert spec["ssh_private_key_file"]["no_log"] is False


def test_empty_options_are_none() -> None:
    params = validated({**KUBERNETES, **AZURE, **SSH}, kubeconfig="", azure_tenant="", ssh_password="", arm_endpoint="")
    assert kubernetes_access(params).kubeconfig is None
    assert (azure_access(params).tenant, azure_access(params).endpoint) == (None, None)
    assert ssh_access(params).password is None


def test_what_the_options_become() -> None:
    params = validated(
        {**KUBERNETES, **AZURE, **SSH},
        kubeconfig="/k",
        context="c",
        arm_endpoint="https://a",
        azure_authority="https://l",
        azure_ca_file="/ca",
        azure_tenant="t",
        azure_client_id="i",
        azure_client_secret="s",
        ssh_user="u",
        ssh_port=2222,
        ssh_private_key_file="/key",
        ssh_known_hosts_file="/hosts",
        ssh_host_key_checking=False,
        ssh_timeout=3,
    )
    kubernetes, azure, ssh = kubernetes_access(params), azure_access(params), ssh_access(params)
    assert (kubernetes.kubeconfig, kubernetes.context) == ("/k", "c")
    assert (azure.endpoint, azure.authority, azure.ca_file) == ("https://a", "https://l", "/ca")
    assert (azure.tenant, azure.client_id, azure.client_secret) == ("t", "i", "s")
    assert (ssh.user, ssh.port, ssh.private_key_file, ssh.timeout) == ("u", 2222, "/key", 3)
    assert (ssh.known_hosts_file, ssh.host_key_checking) == ("/hosts", False)


@pytest.mark.parametrize("option", ["reboot_timeout", "poll_interval", "restart_horizon", "guest_timeout"])
@pytest.mark.parametrize("value", [-1, MOST_SECONDS + 1])
def test_seconds_are_neither_negative_nor_absurd(option: str, value: int) -> None:
    wait_limits(validated(REBOOT, **{option: 0}))
    wait_limits(validated(REBOOT, **{option: MOST_SECONDS}))
    with pytest.raises(InvalidSetting, match=rf"^{option}: {value} is not possible: give seconds, from 0 to"):
        wait_limits(validated(REBOOT, **{option: value}))


def test_the_first_wrong_number_is_named() -> None:
    with pytest.raises(InvalidSetting, match=r"^b: -2"):
        require_not_negative({"a": 0, "b": -2, "c": -3}, "a", "b", "c")


def test_waiting_for_a_reboot() -> None:
    limits = wait_limits(validated(REBOOT, reboot_timeout=1, poll_interval=2, restart_horizon=3, guest_timeout=4))
    assert (limits.timeout, limits.poll, limits.horizon, limits.guest) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("ttl", "margin", "told"), [(59, 30, "at least 60"), (-1, 30, "lock_ttl"), (60, -1, "lock_margin")]
)
def test_impossible_locks(ttl: int, margin: int, told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        lock_settings(validated(LOCK, lock_ttl=ttl, lock_margin=margin))


@pytest.mark.parametrize(("ttl", "margin"), [(60, 30), (0, 30), (300, 30), (1, 0)])
def test_possible_locks(ttl: int, margin: int) -> None:
    settings = lock_settings(validated(LOCK, lock_ttl=ttl, lock_margin=margin, lock_name="l", lock_namespace="n"))
    assert (settings.ttl, settings.margin, settings.name, settings.namespace) == (ttl, margin, "l", "n")
