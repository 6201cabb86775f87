# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine: power, boots, boot ID and files. It knows nothing of Kubernetes, SSH or ARM."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any, Literal

from .files import SENTINEL, SENTINEL_PACKAGES, FileTree

Power = Literal["running", "stopped", "starting"]
KERNEL = "5.15.0-1092-azure"

FaultCheck = Callable[[str, str], bool]


class Machine:
    """One VM.

    boot_seconds: power off to running, in seconds. fault: (kind, machine name) -> whether that fault strikes now; the
    kinds are node-never-returns, same-boot-id and sentinel-stays. Subscribers are called after each change of power.
    """

    def __init__(self, name: str, boot_seconds: float, fault: FaultCheck = lambda _kind, _name: False) -> None:
        self.name = name
        self.boot_seconds = boot_seconds
        self.power: Power = "running"
        self.boot_id = str(uuid.uuid4())
        self.booted_at = time.time()
        self.boots = 0
        self.restart_requests = 0
        self.restarts_accepted = 0
        self.guest_reboots = 0
        self.files = FileTree(
            {
                "/etc/hostname": lambda: f"{name}\n",
                "/etc/os-release": lambda: _OS_RELEASE,
                "/proc/sys/kernel/random/boot_id": lambda: f"{self.boot_id}\n",
                "/proc/sys/kernel/osrelease": lambda: f"{KERNEL}\n",
                "/proc/uptime": lambda: f"{self.uptime:.2f} {self.uptime:.2f}\n",
            }
        )
        self._fault = fault
        self._subscribers: list[Callable[[Machine], None]] = []
        self._observers: list[Callable[[Machine], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def uptime(self) -> float:
        """Seconds since the last boot."""
        return max(0.0, time.time() - self.booted_at)

    def subscribe(self, callback: Callable[[Machine], None]) -> None:
        self._subscribers.append(callback)

    def observe(self, callback: Callable[[Machine], None]) -> None:
        """Call `callback` after each change of power and each restart accepted, before anybody can act on it."""
        self._observers.append(callback)

    def accept_restart(self) -> None:
        """Note that somebody was promised a restart, now or later."""
        self.restarts_accepted += 1
        self._tell(self._observers)

    def restart(self) -> None:
        """Cut the power now and come back after boot_seconds with a new boot ID. Needs a running event loop."""
        self.boots += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._turn("stopped")
        if self._fault("node-never-returns", self.name):
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.boot_seconds / 2, self._start)

    def guest_reboot(self) -> None:
        """A reboot that the operating system itself was asked for."""
        self.guest_reboots += 1
        self.restart()

    def require_reboot(self, since: float, packages: tuple[str, ...] = ()) -> None:
        """Put the sentinel there as the package manager does. since: seconds since the epoch."""
        self.files.write(SENTINEL, b"*** System restart required ***\n", modified=since)
        if packages:
            listed = "".join(f"{package}\n" for package in packages)
            self.files.write(SENTINEL_PACKAGES, listed.encode(), modified=since)

    @property
    def sentinel(self) -> bool:
        return self.files.exists(SENTINEL)

    def state(self) -> dict[str, Any]:
        return {
            "boots": self.boots,
            "restart_requests": self.restart_requests,
            "restarts_accepted": self.restarts_accepted,
            "guest_reboots": self.guest_reboots,
            "sentinel": self.sentinel,
            "power": self.power,
            "boot_id": self.boot_id,
        }

    def stop(self) -> None:
        """Forget a boot that is under way: the simulator ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _start(self) -> None:
        self._turn("starting")
        self._timer = asyncio.get_running_loop().call_later(self.boot_seconds / 2, self._up)

    def _up(self) -> None:
        self._timer = None
        if not self._fault("same-boot-id", self.name):
            self.boot_id = str(uuid.uuid4())
        stays = self._fault("sentinel-stays", self.name)
        self.files.boot(keep=(SENTINEL, SENTINEL_PACKAGES) if stays else ())
        self.booted_at = time.time()
        self._turn("running")

    def _turn(self, power: Power) -> None:
        self.power = power
        self._tell(self._observers)
        self._tell(self._subscribers)

    def _tell(self, callbacks: list[Callable[[Machine], None]]) -> None:
        for callback in list(callbacks):
            callback(self)


_OS_RELEASE = """PRETTY_NAME="Ubuntu 22.04.5 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.5 LTS (Jammy Jellyfish)"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
"""
