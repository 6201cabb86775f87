# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server cannot be reached for a while, in each phase."""

from __future__ import annotations

import time

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.writes import Gate

OUTAGE_SECONDS = 1.5


def test_a_short_outage_at_every_kind_of_write(crash: CrashCluster) -> None:
    met: set[str] = set()
    with Gate(crash.cluster) as gate:
        playbook = crash.start(kured_reboot_lock_ttl=300)
        for write in gate.writes(playbook, 180):
            new = write.kind not in met and not write.kind.startswith(("event", "azure"))
            met.add(write.kind)
            if not new:
                gate.decide(write, "through")
                continue
            fault = crash.cluster.fault("drop", server="api")
            gate.decide(write, "lost")
            time.sleep(OUTAGE_SECONDS)
            crash.cluster.fault_off(fault)
        assert playbook.finish() == 0, playbook.output
    assert crash.problems() == []


def test_an_outage_that_outlives_the_slot(crash: CrashCluster) -> None:
    """The guard closes; what is left is for the next run."""
    with Gate(crash.cluster) as gate:
        playbook = crash.start()
        write = gate.until(playbook, f"node rebooting of {crash.required[0]}")
        assert write is not None, playbook.output
        fault = crash.cluster.fault("drop", server="api")
        gate.open("lost")
        time.sleep(12)
        crash.cluster.fault_off(fault)
        playbook.finish(200)
    crash.wait_for_expiry()
    crash.must_succeed()
    assert crash.problems() == []
