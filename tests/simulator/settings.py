# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The knobs of a simulated cluster, in one place for the node agents, ARM and the controllers."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Settings:
    """All durations are seconds.

    boot_seconds: from power off to SSH and kubelet being up again.
    heartbeat_seconds: period of the kubelet's lease renewal and node status.
    node_monitor_grace_seconds: silence after which the node life cycle controller calls a node Unknown.
    node_ready_seconds: from the kubelet's first status after a boot, which is not ready, to Ready.
    pod_start_seconds / pod_stop_seconds: container start, and stop when the pod asks for no longer.
    lro_seconds: how long an ARM operation is in progress before it succeeds.
    arm_retry_after: the Retry-After of accepted operations and of their polls.
    run_command_seconds: how long a Run Command takes before its script runs.
    """

    boot_seconds: float = 2.0
    heartbeat_seconds: float = 10.0
    node_monitor_grace_seconds: float = 40.0
    node_ready_seconds: float = 0.2
    pod_start_seconds: float = 0.3
    pod_stop_seconds: float = 0.2
    lro_seconds: float = 0.2
    arm_retry_after: float = 0.2
    run_command_seconds: float = 0.1
