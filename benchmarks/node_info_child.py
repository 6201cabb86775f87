# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs node_info once in a process of its own and prints what that cost, as JSON. Its argument is a kubeconfig file."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike getrusage it knows nothing of the process that started this one
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    python_mb, started = peak_mb(), time.monotonic()
    from ansible_collections.kubeops.aks_reboot.plugins.module_utils._edge.module import Call
    from ansible_collections.kubeops.aks_reboot.plugins.modules import node_info

    imported = time.monotonic()
    parameters = {name: option.get("default") for name, option in node_info.SPEC.items()}
    result = node_info.run({**parameters, "kubeconfig": sys.argv[1]}, Call(check_mode=False))
    answer = {
        "nodes": len(result["nodes"]),
        "import_seconds": imported - started,
        "seconds": time.monotonic() - imported,
        "python_mb": python_mb,
        "peak_mb": peak_mb() - python_mb,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
