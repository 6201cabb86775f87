# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question about the sentinel, asked of a real shell, and what its answers mean."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.sentinel import (
    SentinelState,
    question,
    read_answer,
)

SINCE = 1_777_000_000
SEEN = "aks-reboot:present\naks-reboot:searchable\naks-reboot:since=1777000000\n"
WHOLE = f"{SEEN}aks-reboot:packages\nlinux-base\naks-reboot:end\n"


def ask(sentinel: Path | str) -> SentinelState:
    """What a node whose files are ours answers."""
    done = subprocess.run(["/bin/sh", "-c", question(str(sentinel))], capture_output=True, text=True, check=False)
    return read_answer(done.stdout)


class TestShell:
    def test_no_sentinel(self, tmp_path: Path) -> None:
        assert ask(tmp_path / "reboot-required") == SentinelState("not_required")

    def test_a_sentinel_with_its_age_and_packages(self, tmp_path: Path) -> None:
        sentinel = tmp_path / "reboot-required"
        sentinel.write_text("*** System restart required ***\n")
        os.utime(sentinel, (SINCE, SINCE))
        (tmp_path / "reboot-required.pkgs").write_text("linux-image-6.8\nlibc6\nlinux-image-6.8\n")
        state = ask(sentinel)
        assert state == SentinelState("required", datetime.fromtimestamp(SINCE, UTC), ("linux-image-6.8", "libc6"))

    def test_a_sentinel_alone(self, tmp_path: Path) -> None:
        sentinel = tmp_path / "reboot-required"
        sentinel.touch()
        assert (ask(sentinel).state, ask(sentinel).packages) == ("required", ())

    def test_packages_without_a_sentinel_mean_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "reboot-required.pkgs").write_text("linux-base\n")
        assert ask(tmp_path / "reboot-required") == SentinelState("not_required")

    def test_a_directory_that_is_not_there_is_no_answer(self, tmp_path: Path) -> None:
        """A wrong path must not look like a node in good order."""
        state = ask(tmp_path / "no-such-directory" / "reboot-required")
        assert state.state == "unknown"
        assert "directory" in state.error

    def test_a_link_to_nowhere_is_no_sentinel(self, tmp_path: Path) -> None:
        (tmp_path / "reboot-required").symlink_to(tmp_path / "gone")
        assert ask(tmp_path / "reboot-required").state == "not_required"

    @pytest.mark.parametrize("name", ["re boot", "it's", 'a"b', "$(touch x)", "a;b", "-n", "*", "a\nb", "ä"])
    def test_hostile_names(self, tmp_path: Path, name: str) -> None:
        before = sorted(os.listdir(tmp_path))
        assert ask(tmp_path / name).state == "not_required"
        assert sorted(os.listdir(tmp_path)) == before
        (tmp_path / name).touch()
        assert ask(tmp_path / name).state == "required"

    def test_packages_in_a_strange_encoding(self, tmp_path: Path) -> None:
        (tmp_path / "s").touch()
        (tmp_path / "s.pkgs").write_bytes(b"linux-base\n")
        done = subprocess.run(["/bin/sh", "-c", question(str(tmp_path / "s"))], capture_output=True, check=False)
        assert read_answer(done.stdout.decode(errors="replace")).packages == ("linux-base",)


def test_a_whole_answer() -> None:
    assert read_answer(WHOLE) == SentinelState("required", datetime.fromtimestamp(SINCE, UTC), ("linux-base",))


def test_what_stands_around_the_answer_does_not_matter() -> None:
    assert read_answer(f"Welcome to Ubuntu\n{WHOLE}bye\n") == read_answer(WHOLE)


@pytest.mark.parametrize("length", range(len(WHOLE) - len(":end\n") + 1))
def test_a_truncated_answer_is_no_answer(length: int) -> None:
    assert read_answer(WHOLE[:length]).state == "unknown"


@pytest.mark.parametrize(
    "output",
    [
        "",
        "\n",
        "This account is currently not available.\n",
        "aks-reboot:end\n",
        "aks-reboot:packages\naks-reboot:end\n",
        "/bin/sh: test: not found\naks-reboot:packages\naks-reboot:end\n",
        # the words of an answer inside of others
        "no-aks-reboot:present-here\nxaks-reboot:searchable\naks-reboot:packages\naks-reboot:end\n",
    ],
)
def test_foreign_output_is_no_answer(output: str) -> None:
    state = read_answer(output)
    assert state.state == "unknown"
    assert state.error


@pytest.mark.parametrize("since", ["", "x", "-5", "1777000000.5", "²", "9" * 30, "99999999999999"])
def test_an_impossible_age_is_none(since: str) -> None:
    answer = WHOLE.replace("since=1777000000", f"since={since}")
    assert read_answer(answer) == SentinelState("required", None, ("linux-base",))


@given(st.text(), st.text())
def test_no_output_whatever_is_an_error(before: str, after: str) -> None:
    for output in (before, before + WHOLE + after, WHOLE.replace("linux-base", before), before + WHOLE[:60] + after):
        assert read_answer(output).state in ("required", "not_required", "unknown")
