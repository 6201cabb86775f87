# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that a user sets: a misspelt one would silently leave a default in force."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

MOST_SECONDS = 10 * 365 * 24 * 3600
"""Ten years: a longer time is a mistake, and more than a date can be moved by."""

_PREFIX = "kured_reboot_"
_LEAST = {"drain_grace_period": -1, "concurrency": 1, "ssh_port": 1, "ssh_timeout": 1}


def unknown_variables(names: Iterable[str], known: Collection[str]) -> list[tuple[str, str]]:
    """Those of ``names`` that are not ``known``, each with the nearest name that is (or an empty string)."""
    unknown = sorted(set(names) - set(known))
    return [(name, next(iter(difflib.get_close_matches(name, sorted(known), 1)), "")) for name in unknown]


def impossible_numbers(values: Mapping[str, int]) -> list[str]:
    """What is wrong with the role's whole numbers, one text each: most are seconds or counts, none of them negative."""
    wrong = [
        f"{name}: {value} is not possible: give {least} or more, {MOST_SECONDS} at most"
        for name, value in values.items()
        if not (least := _LEAST.get(name.removeprefix(_PREFIX), 0)) <= value <= MOST_SECONDS
    ]
    ttl, margin = values.get(f"{_PREFIX}lock_ttl", 0), values.get(f"{_PREFIX}lock_margin", 0)
    if 0 < ttl < 2 * margin:
        wrong.append(
            f"{_PREFIX}lock_ttl: {ttl} is too short: give at least {2 * margin} (twice {_PREFIX}lock_margin), or 0"
        )
    return wrong
