# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check one setting from the command line."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence

from .search import search
from .state import RULES, Setting


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; returns 0 when every invariant holds, 1 when one does not."""
    rules = "\n".join(f"  {name:10} {text}" for name, text in RULES.items())
    parser = argparse.ArgumentParser(
        description="Check the protocol of lock, journal and recovery exhaustively.",
        epilog=f"rules:\n{rules}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--without", nargs="*", default=[], choices=sorted(RULES), metavar="RULE")
    for field in dataclasses.fields(Setting):
        if field.name != "off":
            parser.add_argument(f"--{field.name}", type=int, default=field.default, metavar="N")
    options = vars(parser.parse_args(arguments))
    setting = Setting(off=frozenset(options.pop("without")), **options)
    found = search(setting)
    lines = [f"{found.states} states, {found.ends} ends, {found.seconds:.1f} s"]
    lines += (
        [f"BROKEN: {found.why}", *(f"  {name}" for name in found.trace)] if found.why else ["every invariant holds"]
    )
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if found.why else 0


if __name__ == "__main__":
    sys.exit(main())
