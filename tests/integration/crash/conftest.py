# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters on which something happens in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.crash.cluster import CrashCluster, web

MakeCluster = Callable[..., CrashCluster]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """Starts a small cluster that ends with the test; its arguments are changes to the scenario."""
    with ExitStack() as stack:

        def make(**changes: Any) -> CrashCluster:
            return stack.enter_context(CrashCluster(tmp_path / "cluster", **changes))

        yield make


@pytest.fixture
def crash(make_cluster: MakeCluster) -> CrashCluster:
    """The small cluster as it is."""
    return make_cluster()


@pytest.fixture
def slow(make_cluster: MakeCluster) -> CrashCluster:
    """Its pods take four seconds to stop, so that a drain lasts."""
    return make_cluster(objects=[web(stop_seconds=4)])
