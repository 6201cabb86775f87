# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol holds in every interleaving, and each of its rules is needed for that."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kubeops.aks_reboot.tests.protocol.__main__ import main
from ansible_collections.kubeops.aks_reboot.tests.protocol.search import search
from ansible_collections.kubeops.aks_reboot.tests.protocol.state import (
    RULES,
    Node,
    Run,
    Setting,
    Slot,
    first,
    unfinished,
)

SETTINGS = {
    "dies, freezes, and a node reboots by itself": Setting(kills=1, freezes=1, boots=1),
    "an operator breaks a slot": Setting(kills=1, freezes=1, breaks=1),
    "a Node object is deleted": Setting(kills=2, freezes=1, deletions=1),
    "restarts are refused or come to nothing": Setting(kills=1, freezes=1, rejections=1, failures=1),
    "the ledger is deleted": Setting(kills=2, losses=1),
    "three runs": Setting(runs=3, kills=2, deletions=1),
    "two slots, three nodes": Setting(nodes=3, slots=2, kills=1, freezes=1),
}

# The smallest settings in which leaving the rule out shows.
NEEDED = {
    "guard": Setting(kills=1, freezes=1),
    "fence": Setting(kills=1, freezes=1),
    "horizon": Setting(kills=1),
    "operation": Setting(boots=1),
    "break": Setting(freezes=1, breaks=1),
    "orphans": Setting(kills=1, losses=1),
    "outlive": Setting(kills=1, deletions=1),
    "recordon": Setting(kills=1, deletions=1),
    "touch": Setting(freezes=1),
    "remember": Setting(kills=1, deletions=1),
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_every_invariant_holds(setting: Setting) -> None:
    found = search(setting)
    assert not found.why, "\n".join([found.why, *found.trace])
    assert found.ends
    assert found.states > 1000


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_is_needed(rule: str) -> None:
    setting = NEEDED[rule]
    assert not search(setting).why
    found = search(dataclasses.replace(setting, off=frozenset({rule})))
    assert found.why, f"everything holds without the rule {rule!r}: {RULES[rule]}"


def test_what_is_left_is_noticed() -> None:
    start = first(Setting())
    assert unfinished(start) == "node 0 was not rebooted"
    cordoned = Node(required=False, cordoned=True)
    assert unfinished(start._replace(nodes=(cordoned, cordoned))) == "node 0 is left cordoned"
    assert unfinished(start._replace(slots=(None, Slot(0)))) == "node 0 was not rebooted"
    rebooted = start._replace(nodes=(Node(required=False),) * 2)
    assert unfinished(rebooted._replace(slots=(None, Slot(0)))) == "the slot of node 1 is left"
    assert unfinished(rebooted) == ""
    assert unfinished(start._replace(runs=(Run(life="dead"),) * 2)) == "", "nobody is there who could"


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nodes", "1"]) == 0
    assert "every invariant holds" in capsys.readouterr().out
    assert main(["--without", "touch", "--freezes", "1"]) == 1
    told = capsys.readouterr().out
    assert "BROKEN: 2 nodes are out of service" in told
    assert "cordons (under way since it froze)" in told
