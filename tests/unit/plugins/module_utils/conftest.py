# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests of the lock start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.simulated_api import SimulatedApi
from ansible_collections.kubeops.aks_reboot.tests.unit.plugins.module_utils.slot_rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with SimulatedApi(tmp_path) as api:
        yield Rig(api)
