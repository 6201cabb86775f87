# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that a run reads and leaves: JSON documents, readable for their owner only."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from typing import Any

from .._errors import InvalidSetting, RebootError, one_line


def read_json(path: str, option: str) -> dict[str, Any]:
    """The JSON object in the file that ``option`` names. Raises InvalidSetting."""
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{option}: {path} cannot be read as JSON: {one_line(error)}") from error
    if not isinstance(document, dict):
        raise InvalidSetting(f"{option}: {path} holds no JSON object")
    return document


def write_json(path: str, document: Any, *, check_mode: bool = False) -> bool:
    """Write ``document`` to ``path`` whole or not at all, readable for its owner only.

    Returns whether the file changed. Raises RebootError with the reason ``not_written``.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        with open(path, encoding="utf-8") as present:
            private = not os.fstat(present.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            if private and present.read() == text:
                return False
    except (OSError, UnicodeDecodeError):
        pass  # not there, or not ours to read: writing tells
    if check_mode:
        return True
    folder = os.path.dirname(os.path.abspath(path))
    partial = ""
    try:
        handle, partial = tempfile.mkstemp(prefix=".aks-reboot-", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        if partial:
            with contextlib.suppress(OSError):
                os.unlink(partial)
        raise RebootError(f"{path} cannot be written: {one_line(error)}", reason="not_written") from error
    return True
