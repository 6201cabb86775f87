# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: written and read back, refused when it cannot be trusted, led through its phases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.journal import (
    CORDONED,
    DRAINED,
    PHASES,
    PROVEN,
    REBOOTING,
    DamagedJournal,
    Journal,
    parse_journal,
)

TIMES = st.datetimes().map(lambda moment: f"{moment.replace(microsecond=0).isoformat()}Z")
JOURNALS = st.builds(
    Journal,
    run=st.text(max_size=30),
    phase=st.sampled_from([CORDONED, DRAINED, PROVEN]),
    boot_id=st.text(max_size=30),
    unschedulable=st.booleans(),
    since=TIMES,
    reason=st.text(),
    method=st.text(max_size=10),
    operation=st.text(),
    marked=st.one_of(st.just(""), TIMES),
    annotations=st.lists(st.text(), max_size=3).map(tuple),
    daemonsets=st.lists(st.text(), max_size=3).map(tuple),
)
JOURNAL = Journal("run-1", CORDONED, "boot-1", unschedulable=False, since="2026-05-01T12:00:00Z")


def damaged(**changes: Any) -> str:
    """An annotation with some fields replaced; a field that is to be None is left out."""
    data = {**json.loads(JOURNAL.dump()), **changes}
    return json.dumps({name: value for name, value in data.items() if value is not None})


@given(JOURNALS)
def test_what_is_written_is_read_back(journal: Journal) -> None:
    assert parse_journal(journal.dump(), "n1") == journal


@given(JOURNALS, TIMES)
def test_a_sent_restart_is_read_back(journal: Journal, marked: str) -> None:
    journal = replace(journal, phase=REBOOTING, marked=marked)
    assert parse_journal(journal.dump(), "n1") == journal


def test_the_names_in_the_annotation() -> None:
    """Older and newer releases, and people with kubectl, read them."""
    assert json.loads(JOURNAL.dump()) == {
        "version": 1,
        "run": "run-1",
        "phase": "cordoned",
        "bootID": "boot-1",
        "unschedulable": False,
        "since": "2026-05-01T12:00:00Z",
        "reason": "",
        "method": "",
        "operation": "",
        "marked": "",
        "annotations": [],
        "daemonsets": [],
    }


def test_a_journal_with_the_least_that_it_needs() -> None:
    text = json.dumps(
        {
            "version": 1,
            "run": "run-1",
            "phase": "cordoned",
            "bootID": "boot-1",
            "unschedulable": False,
            "since": "2026-05-01T12:00:00Z",
        }
    )
    assert parse_journal(text, "n1") == JOURNAL


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        (damaged(run=None), "lacks run"),
        (damaged(bootID=None, since=None), "lacks bootID, since"),
        (damaged(extra="x"), "unknown fields: extra"),
        (damaged(boot_id="x"), "unknown fields: boot_id"),
        (damaged(unschedulable="false"), "unschedulable: 'false'"),
        (damaged(unschedulable=0), "unschedulable: 0"),
        (damaged(run=7), "run: 7"),
        (damaged(annotations="a"), "annotations: 'a'"),
        (damaged(annotations=[["a"]]), "annotations: [['a']]"),
        (damaged(daemonsets=[1]), "daemonsets: [1]"),
        (damaged(phase="rebooted"), "unknown phase 'rebooted'"),
        (damaged(since="yesterday"), "since: 'yesterday'"),
        (damaged(phase="rebooting", marked="x"), "marked: 'x'"),
        (damaged(phase="rebooting", marked=""), "marked: ''"),
    ],
)
def test_a_damaged_journal_is_refused(text: str, told: str) -> None:
    with pytest.raises(DamagedJournal, match="nothing was touched") as caught:
        parse_journal(text, "n1")
    assert told in caught.value.message
    assert caught.value.message.startswith("n1: ")
    assert (caught.value.reason, caught.value.node) == ("journal_damaged", "n1")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_journal_of_another_release_is_refused(version: object) -> None:
    with pytest.raises(DamagedJournal, match="has version") as caught:
        parse_journal(damaged(version=version), "n1")
    assert caught.value.reason == "journal_version"


ALLOWED = {
    (CORDONED, DRAINED),
    (CORDONED, REBOOTING),  # forced, after a drain that failed
    (CORDONED, PROVEN),  # it rebooted by itself
    (DRAINED, REBOOTING),
    (DRAINED, PROVEN),
    (REBOOTING, DRAINED),  # definitely not carried out
    (REBOOTING, PROVEN),
}


@pytest.mark.parametrize("before", PHASES)
@pytest.mark.parametrize("after", PHASES)
def test_the_steps_of_the_protocol_and_no_others(before: str, after: str) -> None:
    journal = replace(JOURNAL, phase=before)
    if (before, after) in ALLOWED:
        assert journal.to(after, operation="https://o") == replace(journal, phase=after, operation="https://o")
    else:
        with pytest.raises(ValueError, match=f"from {before} to {after}"):
            journal.to(after)


def test_only_a_sent_and_unproven_restart_is_outstanding() -> None:
    outstanding = [phase for phase in PHASES if replace(JOURNAL, phase=phase).restart_outstanding]
    assert outstanding == [REBOOTING]
