# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every test: the collection is importable, and the environment of whoever runs it stays outside."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

FOREIGN_PREFIXES = ("ANSIBLE_", "ARM_", "AZURE_", "KUBE")
FOREIGN_NAMES = {
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
}


def pytest_configure() -> None:
    """Clean the environment before anything is imported; workers of xdist and programs under test inherit it."""
    for name in list(os.environ):
        if name.upper() in FOREIGN_NAMES or name.startswith(FOREIGN_PREFIXES):
            del os.environ[name]
    # A copy under ~/.ansible/collections must not shadow the checkout
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = sysconfig.get_path("purelib")
    os.environ["ANSIBLE_CONFIG"] = str(CHECKOUT / "tests" / "ansible.cfg")


def pytest_sessionstart() -> None:
    """Stop at once when tests would import no collection, or that of another checkout."""
    try:
        found = importlib.util.find_spec("ansible_collections.kubeops.aks_reboot")
    except ModuleNotFoundError:
        found = None
    locations = [Path(item).resolve() for item in (found.submodule_search_locations or [])] if found else []
    if CHECKOUT not in locations:
        elsewhere = f"is that of {locations[0]}" if locations else "is not installed"
        pytest.exit(
            f"The collection in this Python {elsewhere}, not {CHECKOUT}: run `make setup`, then .venv/bin/pytest",
            returncode=4,
        )
