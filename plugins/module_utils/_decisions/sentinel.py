# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentinel: asking a node whether it requires a reboot, and reading its answer.

The question is one shell script that says what it saw line by line and ends with a marker. Whatever is not a whole,
clear answer is *unknown*: kured takes any error for "not required", which hides nodes that can not be asked.
"""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

REQUIRED = "required"
NOT_REQUIRED = "not_required"
UNKNOWN = "unknown"

DEFAULT_SENTINEL = "/var/run/reboot-required"

_MARK = "aks-reboot"


@dataclass(frozen=True)
class SentinelState:
    """``state`` is ``required``, ``not_required`` or ``unknown`` (then ``error`` says why); ``since`` is when the
    sentinel was last touched, by the node's clock; ``packages`` are those that asked for the reboot."""

    state: str
    since: datetime | None = None
    packages: tuple[str, ...] = ()
    error: str = ""


def unknown(error: str) -> SentinelState:
    return SentinelState(UNKNOWN, error=error)


def question(sentinel: str) -> str:
    """The script that asks about the sentinel file ``sentinel``.

    A missing file counts only if its directory can be searched: a path that we may not see is not an absent file. The
    packages stand in a second file, as update-notifier-common writes it on Ubuntu.
    """
    file, parent, packages = (
        shlex.quote(path) for path in (sentinel, posixpath.dirname(sentinel) or "/", f"{sentinel}.pkgs")
    )
    return (
        f"test -e {file} && echo {_MARK}:present; "
        f"test -x {parent} && echo {_MARK}:searchable; "
        f"stat -c {_MARK}:since=%Y {file} 2>/dev/null; "
        f"echo {_MARK}:packages; cat {packages} 2>/dev/null; echo {_MARK}:end"
    )


def read_answer(stdout: str) -> SentinelState:
    """What the script's output says."""
    head, marker, tail = stdout.partition(f"{_MARK}:packages\n")
    packages, end, _rest = tail.partition(f"{_MARK}:end")
    if not marker or not end:
        return unknown("the node's answer is not complete")
    lines = head.split()
    if f"{_MARK}:present" not in lines:
        if f"{_MARK}:searchable" not in lines:
            return unknown("the sentinel's directory does not exist or may not be searched")
        return SentinelState(NOT_REQUIRED)
    since = next((line.partition("=")[2] for line in lines if line.startswith(f"{_MARK}:since=")), "")
    return SentinelState(
        REQUIRED,
        _moment(since),
        tuple(dict.fromkeys(packages.split())),
    )


def _moment(text: str) -> datetime | None:
    """Seconds since 1970 as a time; None for what is none: the node may say anything."""
    try:
        return datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else None
    except (ValueError, OverflowError, OSError):
        return None
