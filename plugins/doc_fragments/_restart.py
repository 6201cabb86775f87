# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of what restarts nodes and waits for the proof; their argument spec is REBOOT in _edge/specs.py
    DOCUMENTATION = r"""
options:
  reboot_command:
    description: The command of the method V(ssh). It is run by C(sudo -n) unless O(ssh_sudo=false).
    type: str
    default: /bin/systemctl reboot
  reboot_timeout:
    description: Seconds from the restart to the proof. Azure may announce a restart 15 minutes ahead.
    type: int
    default: 2400
  poll_interval:
    description: Seconds between two looks at Azure's restart operation. Azure may ask for more.
    type: int
    default: 10
  restart_horizon:
    description:
      - Seconds after which a restart whose fate is unknown can not happen any more.
      - Where more of it is left than O(reboot_timeout), such a restart is not waited for, and the node stays cordoned.
    type: int
    default: 3900
  guest_timeout:
    description:
      - Seconds for a reboot by the method V(ssh) to begin. A node that still answers after that did not reboot.
    type: int
    default: 600
  sentinel_method:
    description: How to look at the sentinel. V(none) does not look.
    type: str
    choices: [ssh, none]
    default: ssh
  sentinel:
    description: The file whose presence says that a node requires a reboot.
    type: path
    default: /var/run/reboot-required
"""
