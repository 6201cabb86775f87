# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated clusters as fixtures: each in a directory of its own, stopped whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from ansible_collections.kubeops.aks_reboot.tests.integration.simulated_cluster import SimulatedCluster


class Simulate(Protocol):
    """Starts a cluster, as :meth:`SimulatedCluster.start` does, that ends with the test or the module."""

    def __call__(self, *arguments: str, **options: Any) -> SimulatedCluster: ...


def _simulate(base: Path) -> Iterator[Simulate]:
    directories: list[Path] = []

    def start(*arguments: str, **options: Any) -> SimulatedCluster:
        directories.append(base / f"cluster-{len(directories)}")
        return SimulatedCluster.start(directories[-1], *arguments, **options)

    yield start
    for directory in directories:
        SimulatedCluster(directory).stop()


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Simulate]:
    """Clusters for one test."""
    yield from _simulate(tmp_path)


@pytest.fixture(scope="module")
def simulate_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulate]:
    """Clusters for tests that leave them as they found them."""
    yield from _simulate(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def cluster(simulate: Simulate) -> SimulatedCluster:
    """Three nodes: number 0 is the system pool's; 1 and 2 are user nodes that require a reboot."""
    return simulate(nodes=3, required=2)
