# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label selectors as policy/v1 decides them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.selectors import selects

LABELS = {"app": "web", "tier": "front"}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "front"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchLabels": {"other": "web"}}, False),
        (expression("app", "In", "api", "web"), True),
        (expression("app", "In", "api"), False),
        (expression("other", "In", "web"), False),
        (expression("app", "NotIn", "api"), True),
        (expression("app", "NotIn", "api", "web"), False),
        (expression("other", "NotIn", "web"), True),  # a label that is missing is in no set
        (expression("app", "Exists"), True),
        (expression("other", "Exists"), False),
        (expression("app", "DoesNotExist"), False),
        (expression("other", "DoesNotExist"), True),
        ({"matchLabels": {"app": "web"}, **expression("tier", "In", "back")}, False),
        ({"matchLabels": {"app": "api"}, **expression("tier", "In", "front")}, False),
    ],
)
def test_selectors(selector: dict[str, Any] | None, selected: bool) -> None:
    assert selects(selector, LABELS) is selected


def test_an_operator_that_we_do_not_know_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="'Gt'"):
        selects(expression("app", "Gt", "1"), LABELS)
