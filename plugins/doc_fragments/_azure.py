# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of what talks to Azure Resource Manager; their argument spec is AZURE in _edge/specs.py
    DOCUMENTATION = r"""
options:
  arm_endpoint:
    description:
      - Azure Resource Manager's URL, V(https://) included. Only sovereign clouds and test beds need it.
      - When it is not set, E(AKS_REBOOT_ARM_ENDPOINT) names it. When that is not set either, it is the public cloud's.
    type: str
  azure_authority:
    description:
      - The Entra sign-in host, for example V(login.microsoftonline.us).
      - When it is not set, E(AZURE_AUTHORITY_HOST) names it. When that is not set either, it is the public cloud's.
    type: str
  azure_ca_file:
    description:
      - A file of CA certificates by which the sign-in host and Azure Resource Manager are to be verified.
      - When it is not set, the certificates of the Python installation are used.
    type: path
  azure_tenant:
    description:
      - The tenant of the service principal.
      - When it is not set, E(AZURE_TENANT_ID) names it, then E(AZURE_TENANT).
      - Only together with O(azure_client_id) and O(azure_client_secret). Where one of the three is missing,
        azure-identity's default chain signs in (workload identity, managed identity, Azure CLI and others).
    type: str
  azure_client_id:
    description:
      - The client id of the service principal.
      - When it is not set, E(AZURE_CLIENT_ID) names it.
    type: str
  azure_client_secret:
    description:
      - The secret of the service principal.
      - When it is not set, E(AZURE_CLIENT_SECRET) holds it, then E(AZURE_SECRET).
    type: str
requirements:
  - azure-identity >= 1.19.0
  - azure-mgmt-compute >= 33.0.0
"""
