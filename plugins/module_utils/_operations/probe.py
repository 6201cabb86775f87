# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe: asking many nodes at once whether they require a reboot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from .._clients.ssh import CommandResult
from .._decisions.sentinel import SentinelState, question, read_answer, unknown
from .._errors import SshError

PARALLEL = 64
"""Nodes asked at once; more threads do not make two cores faster."""


@dataclass(frozen=True)
class ProbeTarget:
    """A node by its name and its address."""

    name: str
    address: str


class Shell(Protocol):
    """Any way to run a script on a node: SSH is one."""

    def run(self, host: str, command: str, *, before: Callable[[], None] | None = None) -> CommandResult:
        """Run ``command`` on the node at ``host``; ``before`` is called right before it is sent. Raises SshError."""


def probe(shell: Shell, target: ProbeTarget, sentinel: str) -> SentinelState:
    """One node's sentinel. Never raises: a node that cannot be asked is *unknown*, with the reason."""
    if not target.address:
        return unknown(f"{target.name}: the node has no InternalIP address")
    try:
        return read_answer(shell.run(target.address, question(sentinel)).stdout)
    except SshError as error:
        return unknown(error.message)


def probe_all(shell: Shell, targets: Iterable[ProbeTarget], sentinel: str) -> Mapping[str, SentinelState]:
    """The sentinels of all ``targets``, by node name."""
    wanted = list(targets)
    if not wanted:
        return {}
    with ThreadPoolExecutor(min(PARALLEL, len(wanted)), "probe") as pool:
        states = pool.map(lambda target: probe(shell, target, sentinel), wanted)
        return {target.name: state for target, state in zip(wanted, states, strict=True)}
