# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods a drain evicts: kubectl's rules as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.plugins.module_utils._decisions.drain_filters import (
    Action,
    DrainOptions,
    judge,
)
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.cluster_objects import make_pod

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EXISTING = frozenset({"kube-system/proxy"})

PROXY: dict[str, Any] = {"namespace": "kube-system", "owner": ("DaemonSet", "proxy")}
ORPHAN: dict[str, Any] = {"namespace": "kube-system", "owner": ("DaemonSet", "deleted")}
MIRROR: dict[str, Any] = {"annotations": {"kubernetes.io/config.mirror": "x"}, "owner": ("Node", "n1")}
BARE: dict[str, Any] = {"owner": None}
SCRATCH: dict[str, Any] = {"volumes": ({"name": "s", "emptyDir": {}},)}
DISK: dict[str, Any] = {"volumes": ({"name": "d", "persistentVolumeClaim": {"claimName": "c"}},)}

CAUTIOUS = DrainOptions(force=False, delete_emptydir_data=False, ignore_daemonsets=False)
EVICT, LEAVE, REFUSE = Action.EVICT, Action.LEAVE, Action.REFUSE


@pytest.mark.parametrize(
    ("pod", "options", "action", "told"),
    [
        # of a ReplicaSet, StatefulSet, Job or anything else with a controller
        ({}, CAUTIOUS, EVICT, ""),
        ({"owner": ("StatefulSet", "db")}, CAUTIOUS, EVICT, ""),
        ({"owner": ("Job", "j")}, CAUTIOUS, EVICT, ""),
        (DISK, CAUTIOUS, EVICT, ""),
        # without a controller
        (BARE, CAUTIOUS, REFUSE, "force"),
        (BARE, DrainOptions(), EVICT, "no controller replaces it"),
        # of a DaemonSet
        (PROXY, CAUTIOUS, REFUSE, "ignore_daemonsets"),
        (PROXY, DrainOptions(force=True, ignore_daemonsets=False), REFUSE, "ignore_daemonsets"),
        (PROXY, DrainOptions(force=False), LEAVE, "DaemonSet"),
        ({**PROXY, "namespace": "other"}, DrainOptions(), EVICT, "does not exist any more"),
        (ORPHAN, DrainOptions(), EVICT, "does not exist any more"),
        (ORPHAN, DrainOptions(force=False), REFUSE, "does not exist (set force"),
        ({**ORPHAN, **SCRATCH}, DrainOptions(delete_emptydir_data=False), REFUSE, "emptyDir"),
        # mirror of a static pod: nobody can evict it, whatever it looks like
        (MIRROR, CAUTIOUS, LEAVE, "static pod"),
        ({**MIRROR, **SCRATCH, "owner": None}, CAUTIOUS, LEAVE, "static pod"),
        # with local data
        (SCRATCH, CAUTIOUS, REFUSE, "delete_emptydir_data"),
        (SCRATCH, DrainOptions(force=False), EVICT, "emptyDir data is deleted"),
        ({**SCRATCH, **BARE}, DrainOptions(force=False), REFUSE, "force"),
        # finished: nothing is lost with it
        ({**BARE, "phase": "Succeeded"}, CAUTIOUS, EVICT, ""),
        ({**BARE, "phase": "Failed"}, CAUTIOUS, EVICT, ""),
        ({**SCRATCH, "phase": "Succeeded"}, CAUTIOUS, EVICT, ""),
        ({**PROXY, "phase": "Failed"}, CAUTIOUS, EVICT, ""),
        ({**ORPHAN, "phase": "Succeeded"}, CAUTIOUS, EVICT, ""),
        # not running yet is not finished
        ({**BARE, "phase": "Pending"}, CAUTIOUS, REFUSE, "force"),
        ({**BARE, "phase": "Unknown"}, CAUTIOUS, REFUSE, "force"),
    ],
)
def test_kubectls_rules(pod: dict[str, Any], options: DrainOptions, action: Action, told: str) -> None:
    verdict = judge(make_pod(**pod), options, EXISTING, NOW)
    assert verdict.action is action
    assert told in verdict.reason
    assert bool(told) == bool(verdict.reason)


@pytest.mark.parametrize(
    ("limit", "age", "action"),
    [
        (0, 10**6, EVICT),  # wait for all
        (60, 60, EVICT),
        (60, 60.9, EVICT),  # kubectl counts whole seconds
        (60, 61, LEAVE),
        (60, -30, EVICT),  # its deletion is not due yet
    ],
)
def test_pods_that_have_been_terminating_for_long(limit: int, age: float, action: Action) -> None:
    deleted = (NOW - timedelta(seconds=age)).isoformat()
    options = DrainOptions(skip_wait_for_delete_timeout=limit)
    assert judge(make_pod(deleted=deleted), options, EXISTING, NOW).action is action


def test_a_pod_that_terminates_for_long_forbids_nothing() -> None:
    """kubectl asks about that first."""
    options = DrainOptions(force=False, skip_wait_for_delete_timeout=10)
    pod = make_pod(owner=None, deleted="2026-05-01T11:00:00Z")
    assert judge(pod, options, EXISTING, NOW).action is LEAVE


def test_the_defaults_are_kureds() -> None:
    options = DrainOptions()
    assert (options.force, options.delete_emptydir_data, options.ignore_daemonsets) == (True, True, True)
    assert (options.grace_period, options.skip_wait_for_delete_timeout) == (-1, 0)
    assert options.timeout == 1800
