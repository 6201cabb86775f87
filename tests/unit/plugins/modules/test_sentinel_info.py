# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sentinel_info without Ansible, as far as nobody has to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.modules.sentinel_info import SPEC, run


def ask(tmp_path: Path, *nodes: dict[str, Any], **given: Any) -> list[dict[str, Any]]:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.touch()
    defaults = {name: option.get("default") for name, option in SPEC.items()}
    params = {**defaults, "nodes": list(nodes), "ssh_known_hosts_file": str(known_hosts), **given}
    return list(run(params, Call())["sentinels"])


def node(name: str, excluded: str = "", address: str = "") -> dict[str, Any]:
    return {"name": name, "excluded": excluded, "address": address}


def test_nodes_that_must_not_be_rebooted_or_are_not_meant_are_not_asked(tmp_path: Path) -> None:
    rows = ask(tmp_path, node("n1"), node("n2", "windows"), node("n3"), node("n4"), only=["n1", "n2", "n3"])
    assert [row["name"] for row in rows] == ["n1", "n3"]


def test_a_limit_to_nothing_asks_nobody(tmp_path: Path) -> None:
    assert ask(tmp_path, node("n1"), only=[]) == []


def test_a_node_without_an_address_is_unknown(tmp_path: Path) -> None:
    (row,) = ask(tmp_path, node("n1"))
    assert (row["state"], row["since"], row["packages"]) == ("unknown", None, [])
    assert "no InternalIP address" in row["error"]


@pytest.mark.parametrize("missing", ["name", "address", "excluded"])
def test_foreign_rows_are_refused_in_one_line(tmp_path: Path, missing: str) -> None:
    row = {key: value for key, value in node("n1").items() if key != missing}
    with pytest.raises(InvalidSetting, match=f"not rows of node_info: '{missing}' is missing"):
        ask(tmp_path, row, only=["n1"])


def test_files_that_are_missing_are_told_before_anybody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"ssh_known_hosts_file: the file .* does not exist"):
        ask(tmp_path, node("n1", address="10.0.0.1"), ssh_known_hosts_file=str(tmp_path / "none"))
    with pytest.raises(InvalidSetting, match=r"ssh_private_key_file: the file .* does not exist"):
        ask(tmp_path, node("n1", address="10.0.0.1"), ssh_private_key_file=str(tmp_path / "none"))
