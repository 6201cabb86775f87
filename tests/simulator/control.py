# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line between the command line and a simulator that runs: one JSON object each way over loopback."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

_CONTROL_FILE = "control.json"
_TIMEOUT = 30.0
_STOP_SECONDS = 20.0


class ControlError(Exception):
    """The simulator cannot be asked, or refuses; the message says why."""


def write_control_file(directory: Path, port: int, token: str) -> None:
    """Leave in DIR what request() needs."""
    path = directory / _CONTROL_FILE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"port": port, "token": token, "pid": os.getpid()}), encoding="utf-8")
    (directory / "pid").write_text(f"{os.getpid()}\n", encoding="utf-8")


def remove_control_file(directory: Path) -> None:
    (directory / _CONTROL_FILE).unlink(missing_ok=True)
    (directory / "pid").unlink(missing_ok=True)


def running_pid(directory: Path) -> int | None:
    """Process id of the simulator that runs in DIR; None when none does."""
    try:
        known = json.loads((directory / _CONTROL_FILE).read_text(encoding="utf-8"))
        os.kill(known["pid"], 0)
        socket.create_connection(("127.0.0.1", known["port"]), timeout=2).close()
    except (OSError, ValueError, KeyError):
        return None
    pid: int = known["pid"]
    return pid


def request(directory: Path, operation: str, **options: Any) -> Any:
    """Ask the simulator in DIR to do something and return its answer; raises ControlError."""
    if running_pid(directory) is None:
        raise ControlError(f"no simulator runs in {directory}: start one with `up --dir {directory}`")
    known = json.loads((directory / _CONTROL_FILE).read_text(encoding="utf-8"))
    message = {"token": known["token"], "operation": operation, "options": options}
    with socket.create_connection(("127.0.0.1", known["port"]), timeout=_TIMEOUT) as connection:
        connection.sendall(json.dumps(message).encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            received = stream.read()
    answer = json.loads(received)
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer["result"]


def stop(directory: Path) -> bool:
    """Stop the simulator in DIR and wait until it is gone; False when none ran. Raises ControlError."""
    pid = running_pid(directory)
    if pid is None:
        return False
    request(directory, "stop")
    deadline = time.monotonic() + _STOP_SECONDS
    # The file goes away as the last thing a simulator does.
    while (directory / _CONTROL_FILE).exists():
        if time.monotonic() > deadline:
            raise ControlError(f"the simulator in {directory} (pid {pid}) does not stop: see {directory}/simulator.log")
        time.sleep(0.02)
    return True
