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
from datetime import UTC, datetime
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.outcome import run_outcome
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.report import make_report
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.text import report_lines
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.times import format_time
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.files import write_json

SPEC: dict[str, dict[str, Any]] = {
    "plan": {"type": "dict", "required": True},
    "steps": {"type": "dict", "required": True},
    "run_id": {"type": "str", "required": True},
    "started": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "wanted": {"type": "list", "elements": "str", "default": []},
    "unknown_ok": {"type": "bool", "default": False},
    "json_file": {"type": "path"},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    plan, steps = params["plan"], params["steps"]
    outcome = run_outcome(
        [row["name"] for row in plan["planned"]],
        plan["left"],
        steps,
        unknown_ok=params["unknown_ok"],
        wanted=params["wanted"],
    )
    report = make_report(
        outcome,
        plan,
        steps,
        run_id=params["run_id"],
        started=params["started"],
        finished=format_time(datetime.now(UTC)),
        reason=params["reason"],
    )
    lines = report_lines(report)
    for line in lines:
        call.sink(line)
    changed = False
    if params["json_file"]:
        changed = write_json(params["json_file"], report, check_mode=call.check_mode)
    return {"changed": changed, "report": report, "lines": lines}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
