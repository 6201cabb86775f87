# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exhaustive check of the protocol of lock, journal and recovery.

    python -m ansible_collections.kubeops.aks_reboot.tests.protocol [--without RULE ...] [--runs 2] [--kills 1] ...

state.py holds the state and its invariants, world.py and runs.py what may happen, search.py the search.
"""
