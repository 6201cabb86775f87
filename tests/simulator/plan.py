# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of `up` to what is put up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from .cluster import Plan
from .layout import LayoutError, default_pools, parse_pool
from .scenario import Scenario, load
from .settings import Settings

_DEFAULT_NODES = 5
_HEARTBEATS_PER_SECOND = 20
_GRACE_HEARTBEATS = 4


def make_plan(
    directory: Path,
    nodes: int | None,
    pools: list[str] | None,
    required: int,
    boot_seconds: float | None,
    heartbeat_seconds: float | None,
    scenario: Path | None,
    external: Path | None,
) -> Plan:
    """Check the options against each other; durations in seconds. Raises ValueError with a message for the user."""
    if nodes is not None and pools:
        raise LayoutError("--nodes and --pools exclude each other: the pools' count= says how many nodes there are")
    layout = (
        [parse_pool(text) for text in pools] if pools else default_pools(_DEFAULT_NODES if nodes is None else nodes)
    )
    total = sum(pool.count for pool in layout)
    if required > total:
        raise LayoutError(f"--required {required}: there are only {total} nodes")
    if external is not None and not external.is_file():
        raise LayoutError(f"--kubeconfig {external}: no such file")
    script = load(scenario) if scenario is not None else Scenario()
    settings = dataclasses.replace(Settings(), **script.settings)
    if boot_seconds is not None:
        settings.boot_seconds = boot_seconds
    if heartbeat_seconds is not None:
        settings.heartbeat_seconds = max(heartbeat_seconds, 0.05)
    elif "heartbeat_seconds" not in script.settings:
        # Large clusters beat more slowly, or their kubelets would keep the one core busy.
        settings.heartbeat_seconds = max(settings.heartbeat_seconds, total / _HEARTBEATS_PER_SECOND)
    if "node_monitor_grace_seconds" not in script.settings:
        settings.node_monitor_grace_seconds = _GRACE_HEARTBEATS * settings.heartbeat_seconds
    return Plan(directory, layout, required, settings, script, external)
