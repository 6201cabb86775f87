# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs of other API servers that the simulator's own client can and cannot use."""

from __future__ import annotations

import base64
import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.kubeops.aks_reboot.tests.simulator.kube_client import KubeClient, KubeconfigError
from ansible_collections.kubeops.aks_reboot.tests.simulator.tls import write_authority


def kubeconfig(directory: Path, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path = directory / "config"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def write_client_certificate(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(minutes=9))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (directory / "client.crt").write_bytes(certificate.public_bytes(pem))
    (directory / "client.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


async def whoami(directory: Path, user: dict[str, Any], relative: bool, write: bool = True) -> dict[str, Any]:
    """What a server that asks for certificates sees of this user."""

    async def show(request: web.Request) -> web.Response:
        assert request.transport is not None
        certificate = request.transport.get_extra_info("peercert")
        return web.json_response({"token": request.headers.get("Authorization"), "certificate": bool(certificate)})

    application = web.Application()
    application.router.add_get("/", show)
    runner = web.AppRunner(application)
    await runner.setup()
    context = write_authority(directory)
    if write:
        write_client_certificate(directory)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(directory / "client.crt")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    server = f"https://127.0.0.1:{runner.addresses[0][1]}"
    authority = (
        {"certificate-authority": "ca.crt"}
        if relative
        else {"certificate-authority-data": base64.b64encode((directory / "ca.crt").read_bytes()).decode()}
    )
    client = KubeClient.from_kubeconfig(kubeconfig(directory, {"server": server, **authority}, user))
    try:
        return await client.get("/")
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize("relative", [True, False])
async def test_token(tmp_path: Path, relative: bool) -> None:
    assert await whoami(tmp_path, {"token": "t"}, relative) == {"token": "Bearer t", "certificate": False}


async def test_token_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    assert (await whoami(tmp_path, {"tokenFile": "token"}, True))["token"] == "Bearer from-file"


async def test_client_certificate_in_files(tmp_path: Path) -> None:
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    assert await whoami(tmp_path, user, True) == {"token": None, "certificate": True}


async def test_client_certificate_inside(tmp_path: Path) -> None:
    write_client_certificate(tmp_path)
    user = {
        f"client-{name}-data": base64.b64encode((tmp_path / f"client.{end}").read_bytes()).decode()
        for name, end in (("certificate", "crt"), ("key", "key"))
    }
    seen = await whoami(tmp_path, user, False, write=False)
    assert seen == {"token": None, "certificate": True}


@pytest.mark.parametrize(
    ("user", "complaint"),
    [
        ({}, "user u has neither a token nor a certificate"),
        ({"exec": {"command": "kubelogin"}}, "user u has neither a token nor a certificate"),
    ],
)
async def test_unusable_user(tmp_path: Path, user: dict[str, Any], complaint: str) -> None:
    path = kubeconfig(tmp_path, {"server": "https://127.0.0.1:1"}, user)
    with pytest.raises(KubeconfigError, match=complaint):
        KubeClient.from_kubeconfig(path)


async def test_missing_parts(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("current-context: none\ncontexts: []\n", encoding="utf-8")
    with pytest.raises(KubeconfigError, match="none in contexts"):
        KubeClient.from_kubeconfig(path)
