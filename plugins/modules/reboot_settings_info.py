#!/usr/bin/python
# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
TBD
"""

EXAMPLES = r"""
"""

RETURN = r"""
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.variables import unknown_variables
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting

SPEC: dict[str, dict[str, Any]] = {
    "names": {"type": "list", "elements": "str", "required": True},
    "known": {"type": "list", "elements": "str", "required": True},
    "tags": {"type": "list", "elements": "str", "default": ["all"]},
    "skip_tags": {"type": "list", "elements": "str", "default": []},
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
    return {"changed": False}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
