# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of what logs in to nodes; their argument spec is SSH in _edge/specs.py
    DOCUMENTATION = r"""
options:
  ssh_user:
    description: The user on the nodes.
    type: str
    default: azureuser
  ssh_port:
    description: The nodes' SSH port.
    type: int
    default: 22
  ssh_private_key_file:
    description:
      - The private key.
      - When neither it nor O(ssh_password) is set, the SSH agent's keys and those in C(~/.ssh) are tried.
    type: path
  ssh_password:
    description: The password, where there is no key.
    type: str
  ssh_known_hosts_file:
    description:
      - The file with the nodes' host keys, by their InternalIP address.
      - When it is not set, it is C(~/.ssh/known_hosts).
    type: path
  ssh_host_key_checking:
    description:
      - Whether a node whose host key is not known, or is another one, is refused.
      - Without this check whoever is between the controller and the node can read and change all that is said.
    type: bool
    default: true
  ssh_timeout:
    description: Seconds for the connection to a node, and again for the command on it.
    type: int
    default: 15
  ssh_sudo:
    description: Whether commands that need root are run by C(sudo -n), which never asks for a password.
    type: bool
    default: true
requirements:
  - paramiko >= 3.4.0
"""
