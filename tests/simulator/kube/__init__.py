# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes API server in one asyncio process, faithful where clients of nodes and pods can tell the difference."""

from __future__ import annotations

from .server import KubeApi

__all__ = ["KubeApi"]
