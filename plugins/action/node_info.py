# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubeops.aks_reboot.plugins.modules.node_info import SPEC, run
from ansible_collections.kubeops.aks_reboot.plugins.plugin_utils._action import RebootAction


class ActionModule(RebootAction):
    SPEC = SPEC
    MODULE_RUN = staticmethod(run)
