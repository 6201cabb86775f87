# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as Kubernetes writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.times import format_time, parse_time

MOMENT = datetime(2026, 5, 1, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T12:30:15Z", MOMENT),
        ("2026-05-01t12:30:15z", MOMENT),
        ("2026-05-01T18:00:15+05:30", MOMENT),
        ("2026-05-01T12:30:15.250000Z", MOMENT + timedelta(milliseconds=250)),  # as in a Lease
        ("2026-05-01T12:30:15.123456789Z", MOMENT + timedelta(microseconds=123456)),  # as of a container
    ],
)
def test_read(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize("text", ["", "now", "2026-05-01T12:30:15", "2026-05-01", "12:30:15Z", "2026-13-01T00:00:00Z"])
def test_a_time_without_a_zone_or_none_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason, nobody tells them apart
        parse_time(text)


def test_written_in_utc_and_whole_seconds() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=-7))) + timedelta(microseconds=999999)
    assert format_time(there) == "2026-05-01T12:30:15Z"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants bounds without zone
def test_what_is_written_is_read_back(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment.replace(microsecond=0)
