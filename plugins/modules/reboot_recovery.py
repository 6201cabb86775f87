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
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call, Result, run_module, session
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    AZURE,
    KUBERNETES,
    LOCK,
    REBOOT,
    SSH,
    require_not_negative,
    wait_limits,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.ways import (
    new_run_id,
    restarter,
    sentinel_check,
    who,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import (
    Progress,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.recover import (
    Recovery,
    RecoverySettings,
    needing_attention,
)

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **AZURE,
    **SSH,
    **LOCK,
    **REBOOT,
    "lock_timeout": {"type": "int", "default": 600},
    "by": {"type": "str", "default": ""},
}


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "lock_timeout")
    with ExitStack() as stack:
        opened = stack.enter_context(session(params, call))
        recovery = Recovery(
            client=opened.client,
            store=opened.store,
            kured=opened.kured,
            restarters=lambda method: restarter({**params, "method": method}, stack),
            sentinel=sentinel_check(params),
            settings=RecoverySettings(
                run=new_run_id(),
                by=params["by"] or who(),
                limits=wait_limits(params),
                margin=params["lock_margin"],
                lock_timeout=params["lock_timeout"],
            ),
            context=opened.context,
            progress=lambda node: Progress(node, call.sink),
            parent=call.parent,
        )
        recovered = recovery.run(check_mode=call.check_mode)
    for item in recovered:
        call.sink(f"{item.node}: recovery: {item.outcome}: {item.message}")
    return {
        "changed": any(item.changed for item in recovered),
        "recovered": [asdict(item) for item in recovered],
        "attention": [item.node for item in needing_attention(recovered)],
    }


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
