#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot_settings_info
short_description: Refuse misspelt variables and partial runs
version_added: 0.1.0
author:
  - kubeops contributors (@kubeops)
description:
  - Fails when a variable is set that the role P(kubeops.aks_reboot.kured_reboot#role) does not have. Ansible itself
    takes no notice of such a one, so a misspelling would silently leave a default in force.
  - Fails when the playbook is run with C(--tags) or C(--skip-tags), as each step rests on those before it.
  - Fails when a number is impossible, and when there are fewer forks than nodes to be rebooted at once.
extends_documentation_fragment:
  - kubeops.aks_reboot._attributes
  - kubeops.aks_reboot._attributes.info
  - kubeops.aks_reboot._attributes.action
attributes:
  action_group:
    membership:
      - kubeops.aks_reboot.all
options:
  names:
    description: The names of the variables that are set.
    type: list
    elements: str
    required: true
  known:
    description: The names of the variables that the role has.
    type: list
    elements: str
    required: true
  tags:
    description: The tags that were asked for. Ansible's own default, V(all), is the only one that is accepted.
    type: list
    elements: str
    default: [all]
  skip_tags:
    description: The tags that were asked to be skipped. None is accepted.
    type: list
    elements: str
    default: []
  numbers:
    description:
      - The values of the role's whole numbers by the names of their variables. Impossible ones are refused.
      - C(kured_reboot_concurrency) among them needs as many O(forks).
    type: dict
    default: {}
  forks:
    description: How many hosts Ansible works on at once.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Refuse misspelt variables and partial runs
  kubeops.aks_reboot.reboot_settings_info:
    names: "{{ query('ansible.builtin.varnames', '^kured_reboot_') }}"
    known:
      - kured_reboot_kubeconfig
      - kured_reboot_drain_timeout
    tags: "{{ ansible_run_tags }}"
    skip_tags: "{{ ansible_skip_tags }}"
    numbers:
      kured_reboot_concurrency: 2
    forks: "{{ ansible_forks }}"
"""

RETURN = r"""
reason:
  description: Why it failed, as a word, V(invalid_setting).
  returned: failure
  type: str
  sample: invalid_setting
node:
  description: The node that the failure is about. V(null), as it is about the settings.
  returned: failure
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.variables import (
    impossible_numbers,
    unknown_variables,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting

SPEC: dict[str, dict[str, Any]] = {
    "names": {"type": "list", "elements": "str", "required": True},
    "known": {"type": "list", "elements": "str", "required": True},
    "tags": {"type": "list", "elements": "str", "default": ["all"]},
    "skip_tags": {"type": "list", "elements": "str", "default": []},
    "numbers": {"type": "dict", "default": {}},
    "forks": {"type": "int", "default": 5},
}


def run(params: Mapping[str, Any], _call: Call) -> Result:
    if params["tags"] != ["all"] or params["skip_tags"]:
        raise InvalidSetting(
            "--tags and --skip-tags would leave out steps on which the safety of the others rests: run the playbook "
            "without them"
        )
    unknown = unknown_variables(params["names"], params["known"])
    if unknown:
        texts = [f"{name}" + (f" (did you mean {nearest}?)" if nearest else "") for name, nearest in unknown]
        raise InvalidSetting(f"unknown variable: {', '.join(texts)}: the role kured_reboot has none of that name")
    numbers = {name: _whole(name, value) for name, value in params["numbers"].items()}
    wrong = impossible_numbers(numbers)
    if wrong:
        raise InvalidSetting("; ".join(wrong))
    slots = numbers.get("kured_reboot_concurrency", 1)
    if slots > params["forks"]:
        raise InvalidSetting(
            f"kured_reboot_concurrency: {slots} nodes at once need as many forks, there are {params['forks']}: "
            f"give --forks {slots}"
        )
    return {"changed": False}


def _whole(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise InvalidSetting(f"{name}: {value!r} is not possible: give a whole number") from error


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
