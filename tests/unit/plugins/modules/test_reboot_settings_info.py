# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module reboot_settings_info without Ansible."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.modules.reboot_settings_info import SPEC, run

KNOWN = ["kured_reboot_concurrency", "kured_reboot_timeout"]


def look(**given: Any) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in SPEC.items()}
    return run({**defaults, "names": KNOWN[:1], "known": KNOWN, **given}, Call())


def test_all_is_well() -> None:
    assert look() == {"changed": False}
    assert look(numbers={"kured_reboot_concurrency": 5, "kured_reboot_timeout": "0"}, forks=5) == {"changed": False}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"names": ["kured_reboot_timout"]}, "kured_reboot_timout (did you mean kured_reboot_timeout?)"),
        ({"names": ["x", "kured_reboot_timout"]}, "kured_reboot_timout (did you mean kured_reboot_timeout?), x"),
        ({"tags": ["drain"]}, "--tags"),
        ({"tags": []}, "--tags"),
        ({"skip_tags": ["drain"]}, "--skip-tags"),
        ({"numbers": {"kured_reboot_timeout": -1}}, "kured_reboot_timeout: -1"),
        ({"numbers": {"kured_reboot_timeout": "soon"}}, "kured_reboot_timeout: 'soon'"),
        ({"numbers": {"kured_reboot_timeout": None}}, "kured_reboot_timeout: None"),
        ({"numbers": {"kured_reboot_concurrency": 6}, "forks": 5}, "give --forks 6"),
    ],
)
def test_what_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        look(**given)
    assert told in caught.value.message
    assert "\n" not in caught.value.message
