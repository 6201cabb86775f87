# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelt variables and impossible numbers."""

from __future__ import annotations

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.variables import (
    MOST_SECONDS,
    impossible_numbers,
    unknown_variables,
)

KNOWN = ["kured_reboot_start_time", "kured_reboot_end_time", "kured_reboot_drain_timeout"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("kured_reboot_start_tme", "kured_reboot_start_time"),
        ("kured_reboot_darin_timeout", "kured_reboot_drain_timeout"),
        ("kured_reboot_End_time", "kured_reboot_end_time"),
        ("unrelated", ""),
    ],
)
def test_a_misspelt_variable_with_the_nearest_name(name: str, nearest: str) -> None:
    assert unknown_variables([*KNOWN, name], KNOWN) == [(name, nearest)]


def test_all_are_known() -> None:
    assert unknown_variables(KNOWN[:2], KNOWN) == []


def test_each_is_told_once_and_in_order() -> None:
    assert [name for name, _nearest in unknown_variables(["zzz", "aaa", "zzz"], KNOWN)] == ["aaa", "zzz"]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("drain_timeout", 0),
        ("settle_timeout", 0),
        ("max_per_zone", 0),
        ("drain_grace_period", -1),
        ("concurrency", 1),
        ("ssh_port", 1),
        ("ssh_timeout", 1),
    ],
)
def test_the_least_that_is_possible(name: str, least: int) -> None:
    assert impossible_numbers({f"kured_reboot_{name}": least}) == []
    (wrong,) = impossible_numbers({f"kured_reboot_{name}": least - 1})
    assert wrong.startswith(f"kured_reboot_{name}: {least - 1} is not possible")
    assert wrong.endswith(f"give {least} or more, {MOST_SECONDS} at most")


def test_absurd_numbers_are_refused() -> None:
    assert impossible_numbers({"kured_reboot_drain_timeout": MOST_SECONDS}) == []
    (wrong,) = impossible_numbers({"kured_reboot_drain_timeout": MOST_SECONDS + 1})
    assert "is not possible" in wrong


def test_every_wrong_number_is_told() -> None:
    wrong = impossible_numbers({"kured_reboot_timeout": -1, "kured_reboot_concurrency": 0, "kured_reboot_ssh_port": 22})
    assert len(wrong) == 2


@pytest.mark.parametrize(("ttl", "margin", "possible"), [(60, 30, True), (59, 30, False), (0, 30, True), (1, 0, True)])
def test_a_lock_lives_for_twice_its_margin(ttl: int, margin: int, possible: bool) -> None:
    wrong = impossible_numbers({"kured_reboot_lock_ttl": ttl, "kured_reboot_lock_margin": margin})
    assert (wrong == []) is possible
    assert possible or "at least 60" in wrong[0]
