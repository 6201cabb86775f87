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
from dataclasses import asdict
from typing import Any

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.ledger import Holder, Limits, Request, find
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import (
    Call,
    Result,
    Session,
    held,
    run_module,
    session,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.specs import (
    KUBERNETES,
    LOCK,
    require_not_negative,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.ways import who
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import InvalidSetting, Refused
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.context import Interrupted
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.node_writes import read_node
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.slot import (
    break_slot,
    new_writer,
    release,
    stop_all,
)
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.take_slot import SlotTaker

SPEC: dict[str, dict[str, Any]] = {
    **KUBERNETES,
    **LOCK,
    "state": {
        "type": "str",
        "choices": ["acquired", "renewed", "released", "broken", "info"],
        "default": "acquired",
    },
    "node": {"type": "str", "default": ""},
    "run_id": {"type": "str", "default": ""},
    "by": {"type": "str", "default": ""},
    "rank": {"type": "int", "default": 0},
    "method": {"type": "str", "default": ""},
    "concurrency": {"type": "int", "default": 1},
    "max_per_zone": {"type": "int", "default": 1},
    "max_unavailable": {"type": "int", "default": 0},
    "lock_timeout": {"type": "int", "default": 3600},
    "release_delay": {"type": "int", "default": 0},
    "stop_reason": {"type": "str", "default": ""},
}

REQUIRED_IF = [
    ("state", "acquired", ["node", "run_id"]),
    ("state", "renewed", ["node", "run_id"]),
    ("state", "released", ["node", "run_id"]),
    ("state", "broken", ["node"]),
]


def run(params: Mapping[str, Any], call: Call) -> Result:
    require_not_negative(params, "lock_timeout", "release_delay", "max_per_zone", "max_unavailable")
    if params["concurrency"] < 1:
        raise InvalidSetting(f"concurrency: {params['concurrency']} is not possible: give 1 or more")
    with session(params, call) as opened:
        if params["state"] == "acquired":
            return _acquired(opened, params, call)
        if params["state"] == "released":
            return _released(opened, params, call)
        if params["state"] == "broken":
            return _broken(opened, params, call)
        if params["state"] == "renewed" and not call.check_mode:
            with held(opened, params, call):
                pass
        return {"changed": params["state"] == "renewed", **_ledger(opened, params)}


def _acquired(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    node = read_node(opened.client, params["node"], opened.context)
    request = Request(
        run=params["run_id"],
        writer=new_writer(),
        node=node.name,
        node_uid=node.uid,
        ttl=params["lock_ttl"],
        pool=node.pool,
        zone=node.zone,
        rank=params["rank"],
        method=params["method"],
        by=params["by"] or who(),
    )
    limits = Limits(params["concurrency"], params["max_per_zone"], params["max_unavailable"], params["lock_margin"])
    try:
        taken = SlotTaker(
            client=opened.client,
            store=opened.store,
            kured=opened.kured,
            request=request,
            limits=limits,
            context=opened.context,
            timeout=params["lock_timeout"],
            parent=call.parent,
        ).take(check_mode=call.check_mode)
    except Interrupted:
        if not call.check_mode:
            release(opened.client, opened.store, opened.kured, request.run, node.name, opened.context)
        raise
    return {
        "changed": True,
        "node": node.name,
        "took_over": _row(taken.took_over) if taken.took_over else None,
        "waited": round(taken.waited, 1),
    }


def _released(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    name, run_id = params["node"], params["run_id"]
    if params["release_delay"] and not call.check_mode and _holds(opened, params):
        with held(opened, params, call) as context:
            context.progress.say(f"waits {params['release_delay']} s before the slot is released")
            context.clock.sleep(params["release_delay"])
    if params["stop_reason"] and not call.check_mode:
        opened.store.stop_run(run_id)
    try:
        changed = release(
            opened.client, opened.store, opened.kured, run_id, name, opened.context, check_mode=call.check_mode
        )
    except Refused as error:
        if not params["stop_reason"] or call.check_mode:
            raise
        stopped = stop_all(opened.store, run_id, name, params["stop_reason"], opened.context)
        return {"changed": stopped, "node": name, "released": False, "kept_message": error.message}
    return {"changed": changed, "node": name, "released": changed, "kept_message": ""}


def _holds(opened: Session, params: Mapping[str, Any]) -> bool:
    entry = find(opened.store.read_patiently().holders, params["node"])
    return entry is not None and entry.run == params["run_id"]


def _broken(opened: Session, params: Mapping[str, Any], call: Call) -> Result:
    broken = break_slot(opened.store, params["node"], check_mode=call.check_mode)
    if broken is None:
        return {"changed": False, "broken": None, **_ledger(opened, params)}
    opened.context.progress.say(f"broke the slot of {broken}; run the recover playbook to look after the node")
    return {"changed": not broken.revoked, "broken": _row(broken), **_ledger(opened, params)}


def _ledger(opened: Session, params: Mapping[str, Any]) -> Result:
    ledger = opened.store.read_patiently()
    margin = params["lock_margin"]
    return {"holders": [{**_row(holder), "expired": holder.expired(ledger.now, margin)} for holder in ledger.holders]}


def _row(holder: Holder) -> dict[str, Any]:
    """An entry without its writer token, which is nobody else's business."""
    return {name: value for name, value in asdict(holder).items() if name != "writer"}


def main() -> None:
    run_module(SPEC, run, required_if=REQUIRED_IF)


if __name__ == "__main__":
    main()
