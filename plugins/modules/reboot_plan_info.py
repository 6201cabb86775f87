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

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.approval import VERSION, restrict
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.plan import Policy, make_plan
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.rows import (
    candidates,
    left_row,
    planned_row,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.text import plan_lines
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.times import format_time
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import require_not_negative
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.files import read_json, write_json

SPEC: dict[str, dict[str, Any]] = {
    "nodes": {"type": "list", "elements": "dict", "required": True},
    "sentinels": {"type": "list", "elements": "dict", "default": []},
    "cluster_id": {"type": "str", "default": ""},
    "only": {"type": "list", "elements": "str"},
    "ignore_sentinel": {"type": "bool", "default": False},
    "min_reboot_interval": {"type": "int", "default": 21600},
    "node_seconds": {"type": "int", "default": 600},
    "approved_plan_file": {"type": "path"},
    "max_plan_age": {"type": "int", "default": 86400},
    "plan_file": {"type": "path"},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "min_reboot_interval", "node_seconds", "max_plan_age")
    if params["ignore_sentinel"] and not params["only"]:
        raise InvalidSetting("ignore_sentinel: name the nodes in only; it is never applied to a whole cluster")
    policy = Policy(params["only"], params["ignore_sentinel"], params["min_reboot_interval"], params["node_seconds"])
    now = datetime.now(UTC)
    try:
        known = candidates(params["nodes"], params["sentinels"])
    except (KeyError, ValueError) as error:
        raise InvalidSetting(f"nodes, sentinels: not rows of node_info and sentinel_info: {error}") from error
    plan = make_plan(known, policy, now)
    if params["approved_plan_file"]:
        approved = read_json(params["approved_plan_file"], "approved_plan_file")
        plan = restrict(plan, approved, params["cluster_id"], now, params["max_plan_age"])
    document = {
        "version": VERSION,
        "created": format_time(now),
        "cluster_id": params["cluster_id"],
        "planned": [planned_row(candidate) for candidate in plan.planned],
        "left": [left_row(left) for left in plan.left],
        "seconds": plan.seconds,
    }
    lines = plan_lines(document)
    for line in lines:
        call.sink(line)
    changed = False
    if params["plan_file"]:
        changed = write_json(params["plan_file"], document, check_mode=call.check_mode)
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    return {"changed": changed, "plan": document, "run_id": run_id, "lines": lines}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
