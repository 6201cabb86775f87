# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several runs at the same time share one slot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import SCENARIO, CrashCluster
from ansible_collections.kubeops.aks_reboot.tests.integration.crash.conftest import MakeCluster

TTL: dict[str, Any] = {"kured_reboot_lock_ttl": 12}
"""Nobody dies here; short, since a waiting run looks at the lock three times per ttl."""


def test_two_full_runs(crash: CrashCluster) -> None:
    runs = [crash.start(**TTL) for _run in range(2)]
    codes = [run.finish(120) for run in runs]
    assert codes == [0, 0], "\n".join(run.output for run in runs)
    assert crash.problems() == []


def test_five_nodes_at_once_with_one_slot(tmp_path: Path) -> None:
    pools = ("name=system,count=1,mode=System", "name=user,count=5")
    with CrashCluster(tmp_path / "cluster", pools=pools, nodes={}) as crash:
        crash.required = crash.names[1:]
        runs = [crash.start("reboot_node", node=name, reason="test", **TTL) for name in crash.required]
        codes = [run.finish(240) for run in runs]
        assert codes == [0] * 5, crash.log()
        assert crash.problems() == []


def test_a_recovery_beside_a_run(make_cluster: MakeCluster) -> None:
    """Two recoveries at once, of what one dead run left."""
    crash = make_cluster(nodes={1: SCENARIO["nodes"][1]})
    playbook = crash.start()
    crash.wait_for_evictions()
    playbook.kill()
    crash.wait_for_expiry()
    runs = [crash.start(name) for name in ("recover", "reboot")]
    codes = [run.finish(120) for run in runs]
    assert codes[1] == 0, crash.log()
    crash.must_succeed()
    assert crash.problems() == []
