# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that a user sets: a misspelt one would silently leave a default in force."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


def unknown_variables(names: Iterable[str], known: Collection[str]) -> list[tuple[str, str]]:
    """Those of ``names`` that are not ``known``, each with the nearest name that is (or an empty string)."""
    unknown = sorted(set(names) - set(known))
    return [(name, next(iter(difflib.get_close_matches(name, sorted(known), 1)), "")) for name in unknown]
