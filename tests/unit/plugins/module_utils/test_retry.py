# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repeating what may pass, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._errors import KubernetesError, Refused
from ansible_collections.kubeops.aks_reboot.plugins.module_utils._operations.retry import backoff, retried
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.still_clock import StillClock


def failing(*errors: Exception) -> tuple[list[int], Callable[[], int]]:
    """A call that fails with ``errors`` one after the other, and then returns its number."""
    calls: list[int] = []

    def call() -> int:
        calls.append(len(calls))
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return len(calls)

    return calls, call


def error(status: int, retry_after: float | None = None) -> KubernetesError:
    return KubernetesError(f"status {status}", reason="x", status=status, retry_after=retry_after)


def test_pauses_double_up_to_the_most() -> None:
    assert [backoff(attempt) for attempt in range(7)] == [0.25, 0.5, 1, 2, 4, 8, 10]
    assert backoff(10**9) == 10
    assert backoff(3, first=0.02, most=0.1) == 0.1


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    clock = StillClock()
    _calls, call = failing(error(status), error(status))
    assert retried(call, clock) == 3
    assert clock.slept == [0.25, 0.5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
def test_what_will_not_pass_is_not(status: int) -> None:
    clock = StillClock()
    calls, call = failing(error(status))
    with pytest.raises(KubernetesError, match=f"status {status}"):
        retried(call, clock)
    assert (len(calls), clock.slept) == (1, [])


def test_other_errors_are_none_of_its_business() -> None:
    calls, call = failing(Refused("no", reason="hold"))
    with pytest.raises(Refused):
        retried(call, StillClock())
    assert len(calls) == 1


def test_the_servers_wish_is_heard() -> None:
    clock = StillClock()
    _calls, call = failing(error(429, 7.0), error(429, 0.1))
    retried(call, clock)
    assert clock.slept == [7.0, 0.5]


def test_it_ends_with_the_last_error() -> None:
    clock = StillClock()
    calls, call = failing(*[error(503)] * 1000)
    with pytest.raises(KubernetesError, match="status 503"):
        retried(call, clock, seconds=60)
    assert 50 < sum(clock.slept) <= 60
    assert len(calls) == len(clock.slept) + 1


def test_a_wish_beyond_the_end_ends_it_at_once() -> None:
    clock = StillClock()
    calls, call = failing(error(429, 100.0))
    with pytest.raises(KubernetesError):
        retried(call, clock, seconds=60)
    assert (len(calls), clock.slept) == (1, [])
