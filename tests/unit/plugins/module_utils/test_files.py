# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a run: whole or not at all, for their owner only."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting, RebootError
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.files import read_json, write_json


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    document = {"planned": [], "text": "ünïcödé \x1b \u2028", "number": 1.5, "none": None}
    assert write_json(str(path), document)
    assert read_json(str(path), "plan_file") == document
    assert path.read_text(encoding="utf-8").endswith("}\n")


def test_it_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    before = os.umask(0)
    try:
        write_json(str(path), {})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert write_json(str(path), {"a": 1})
    written = path.stat()
    assert not write_json(str(path), {"a": 1})
    assert path.stat().st_ino == written.st_ino
    assert write_json(str(path), {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}


def test_check_mode_tells_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert write_json(str(path), {"a": 1}, check_mode=True)
    assert os.listdir(tmp_path) == []
    write_json(str(path), {"a": 1})
    assert not write_json(str(path), {"a": 1}, check_mode=True)


def test_a_file_that_is_no_text_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xff\xfe")
    assert write_json(str(path), {})


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(RebootError, match=r"plan\.json cannot be written") as caught:
        write_json(str(tmp_path / "plan.json"), {})
    assert caught.value.reason == "not_written"
    assert os.listdir(tmp_path) == ["plan.json"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RebootError) as caught:
        write_json(str(tmp_path / "no" / "plan.json"), {})
    assert caught.value.reason == "not_written"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"7", b"\xff\xfe", b"{} {}"])
def test_what_cannot_be_read_names_the_option_and_the_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSetting) as caught:
        read_json(str(path), "approved_plan_file")
    assert caught.value.message.startswith(f"approved_plan_file: {path} ")
    assert "\n" not in caught.value.message


def test_a_path_without_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_json("plan.json", {"a": 1})
    assert read_json("plan.json", "plan_file") == {"a": 1}
