# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors."""

from __future__ import annotations

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.selectors import (
    parse_field_selector,
    parse_label_selector,
    selector_from_object,
)
from ansible_collections.kubeops.aks_reboot.tests.simulator.kube.status_errors import StatusError

LABELS = {"app": "web", "tier": "front", "rank": "5", "empty": "", "example.com/zone": "1"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier = front", True),
        ("app=db", False),
        ("app!=db", True),
        ("missing!=x", True),
        ("missing=", False),
        ("empty=", True),
        ("app", True),
        ("missing", False),
        ("!missing", True),
        ("! app", False),
        ("app in (web, db)", True),
        ("app in (db)", False),
        ("app notin (db),tier in (front,back)", True),
        ("missing notin (a)", True),
        ("missing in (a)", False),
        ("rank>4", True),
        ("rank<5", False),
        ("app>4", False),
        ("example.com/zone=1", True),
        ("in in (x)", False),
    ],
)
def test_label_selector(text: str, matches: bool) -> None:
    assert parse_label_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text",
    [
        "app=web,",
        "a b",
        "=x",
        "app in web",
        "app in (web",
        "-app",
        "app=a=b",
        "a/b/c=d",
        "rank>x",
        "app=bad value",
        "(",
        "x=" + "v" * 64,
    ],
)
def test_bad_label_selector(text: str) -> None:
    with pytest.raises(StatusError, match="unable to parse requirement") as raised:
        parse_label_selector(text)
    assert raised.value.code == 400


def test_field_selector() -> None:
    selector = parse_field_selector(
        r"spec.nodeName=n1,status.phase!=Failed,spec.x==a\,b", "pods", ("spec.nodeName", "status.phase", "spec.x")
    )
    assert selector.matches(
        lambda name: {"spec.nodeName": "n1", "status.phase": "Running", "spec.x": "a,b"}.get(name, "")
    )
    assert not selector.matches(
        lambda name: {"spec.nodeName": "n1", "status.phase": "Failed", "spec.x": "a,b"}.get(name, "")
    )
    assert not selector.matches(lambda name: {"status.phase": "Running", "spec.x": "a,b"}.get(name, ""))
    assert selector.exact("spec.nodeName") == "n1"
    assert selector.exact("status.phase") is None


@pytest.mark.parametrize("text", ["spec.unknown=1", "nonsense"])
def test_bad_field_selector(text: str) -> None:
    with pytest.raises(StatusError) as raised:
        parse_field_selector(text, "pods", ("spec.nodeName",))
    assert raised.value.code == 400


def test_selector_of_a_spec() -> None:
    selector = selector_from_object(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "rank", "operator": "Exists"},
                {"key": "app", "operator": "NotIn", "values": ["db"]},
            ],
        }
    )
    assert selector is not None
    assert selector.matches(LABELS)
    assert not selector.matches({**LABELS, "old": "x"})
    everything = selector_from_object({})
    assert everything is not None
    assert everything.matches({})
    assert selector_from_object(None) is None
