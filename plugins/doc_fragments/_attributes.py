# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What every module states about itself
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change without changing it.
  diff_mode:
    description: Returns what changed, or would change in check mode, when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second call changes nothing.
      - This assumes that nobody else changes the cluster in between.
  action_group:
    description: The groups by which C(module_defaults) sets options of this module together with those of others.
    support: full
requirements:
  - Python >= 3.11
"""

    # For what has an action plugin beside the module, as all have
    ACTION = r"""
attributes:
  action:
    description: Has an action plugin of the same name, which does the work in the controller's own process.
    support: full
notes:
  - Runs as an action, in the process of ansible-playbook on the controller, whatever the connection of the host is.
    It tells its progress as it happens, and stops when the playbook is killed or the task's C(timeout) is over.
  - Libraries are those of the Python that runs ansible-playbook; environment variables are those with which
    ansible-playbook was started, as the keyword C(environment) does not reach actions. The keywords C(async) and
    C(become) have no effect on it.
"""

    # For what reads only
    INFO = r"""
attributes:
  check_mode:
    support: full
    details:
      - Changes nothing, in check mode or not.
  diff_mode:
    support: N/A
    details:
      - Changes nothing.
  idempotent:
    support: full
    details:
      - Changes nothing.
"""
