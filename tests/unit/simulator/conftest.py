# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Kubernetes API server on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube import KubeApi
from ansible_collections.kubeops.aks_reboot.tests.unit.simulator.kube_requests import TOKEN, Client


@pytest.fixture
def api() -> KubeApi:
    return KubeApi({TOKEN: "tester"})


@pytest.fixture
async def client(api: KubeApi) -> AsyncIterator[Client]:
    server = TestServer(api.application())
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        yield Client(session, str(server.make_url("")).rstrip("/"))
    await server.close()
