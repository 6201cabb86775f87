# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSH to the nodes: one command, one connection, strict host keys."""

from __future__ import annotations

import os
import socket
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from .._errors import InvalidSetting, MissingLibrary, SshError, one_line

try:
    import paramiko
    from paramiko.hostkeys import HostKeyEntry

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()


@dataclass(frozen=True)
class SshAccess:
    """How to log in to a node. Without ``private_key_file`` and ``password`` the SSH agent's keys and the user's own
    are tried. ``timeout`` is in seconds, for the connection and for the command each."""

    user: str = "azureuser"
    port: int = 22
    private_key_file: str | None = None
    password: str | None = None
    known_hosts_file: str | None = None
    host_key_checking: bool = True
    timeout: float = 15.0


@dataclass(frozen=True)
class CommandResult:
    """What a command on a node left behind; ``status`` is -1 when the connection ended before it did."""

    status: int
    stdout: str
    stderr: str


class SshClient:
    """Runs commands on nodes; safe to use from several threads. Files are read once, when it is made."""

    def __init__(self, access: SshAccess) -> None:
        """Raises InvalidSetting, MissingLibrary."""
        if IMPORT_ERROR:
            raise MissingLibrary("paramiko>=3.4", IMPORT_ERROR)
        self._access = access
        self._key = self._load_key()
        self._known: dict[str, list[paramiko.PKey]] = defaultdict(list)
        self._hashed: list[HostKeyEntry] = []
        if access.host_key_checking:
            self._load_known_hosts()

    def run(self, host: str, command: str, *, before: Callable[[], None] | None = None) -> CommandResult:
        """Run ``command`` in the login shell of ``host`` (its address); ``before`` is called right before it is sent.

        Raises SshError when that is not possible, and what ``before`` raises.
        """
        limit = self._access.timeout
        client = paramiko.SSHClient()
        try:
            self._connect(client, host)
            if before is not None:
                before()
            try:
                _stdin, stdout, stderr = client.exec_command(command, timeout=limit)
                out, err = stdout.read(), stderr.read()
                status = stdout.channel.recv_exit_status() if stdout.channel.status_event.wait(limit) else -1
            except TimeoutError as error:
                raise SshError(f"{host}: the command took longer than {limit:.0f} s", reason="ssh_timeout") from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise SshError(f"{host}: the connection broke: {one_line(error)}", reason="ssh_broken") from error
        finally:
            client.close()
        return CommandResult(status, out.decode(errors="replace"), err.decode(errors="replace"))

    def _connect(self, client: paramiko.SSHClient, host: str) -> None:
        access = self._access
        name = host if access.port == 22 else f"[{host}]:{access.port}"
        if access.host_key_checking:
            for key in self._keys_of(name):
                client.get_host_keys().add(name, key.get_name(), key)
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
        else:
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # the user asked for it
        try:
            connection = socket.create_connection((host, access.port), timeout=access.timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.connect(
                host,
                port=access.port,
                username=access.user,
                pkey=self._key,
                password=access.password,
                sock=connection,
                timeout=access.timeout,
                banner_timeout=access.timeout,
                auth_timeout=access.timeout,
                allow_agent=self._key is None and access.password is None,
                look_for_keys=self._key is None and access.password is None,
            )
        except paramiko.BadHostKeyException as error:
            raise SshError(
                f"{host}: its host key is not the one in {self._known_hosts_file}: either the node was reimaged or "
                "somebody is in between",
                reason="ssh_host_key",
            ) from error
        except paramiko.AuthenticationException as error:
            raise SshError(
                f"{host}: user {access.user} was not let in: {one_line(error)}", reason="ssh_unauthorized"
            ) from error
        except TimeoutError as error:
            raise SshError(
                f"{host}: no connection to port {access.port} within {access.timeout:.0f} s", reason="ssh_unreachable"
            ) from error
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise SshError(
                    f"{host}: its host key is not in {self._known_hosts_file}", reason="ssh_host_key"
                ) from error
            raise SshError(f"{host}: no SSH session: {one_line(error)}", reason="ssh_handshake") from error
        except (OSError, EOFError) as error:
            raise SshError(
                f"{host}: port {access.port} cannot be reached: {one_line(error)}", reason="ssh_unreachable"
            ) from error

    def _load_key(self) -> paramiko.PKey | None:
        if not self._access.private_key_file:
            return None
        path = os.path.expanduser(self._access.private_key_file)
        try:
            return paramiko.PKey.from_path(path)
        except FileNotFoundError as error:
            raise InvalidSetting(f"ssh_private_key_file: the file {path} does not exist") from error
        except Exception as error:  # the library and its cryptography raise a dozen unrelated types here
            raise InvalidSetting(
                f"ssh_private_key_file: {path} is not a private key that can be read: {one_line(error)}"
            ) from error

    @property
    def _known_hosts_file(self) -> str:
        return os.path.expanduser(self._access.known_hosts_file or "~/.ssh/known_hosts")

    def _load_known_hosts(self) -> None:
        """Index the file once: searching a thousand lines anew for each of a thousand nodes takes minutes."""
        try:
            with open(self._known_hosts_file, encoding="utf-8") as lines:
                entries = [HostKeyEntry.from_line(line) for line in lines if line.strip() and not line.startswith("#")]
        except FileNotFoundError as error:
            raise InvalidSetting(
                f"ssh_known_hosts_file: the file {self._known_hosts_file} does not exist; it has to hold the nodes' "
                "host keys (ssh-keyscan over a path that you trust writes them)"
            ) from error
        except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
            raise InvalidSetting(
                f"ssh_known_hosts_file: {self._known_hosts_file} cannot be read: {one_line(error)}"
            ) from error
        for entry in filter(None, entries):
            for name in entry.hostnames or []:
                if name.startswith("|1|"):
                    self._hashed.append(entry)
                elif entry.key is not None:
                    self._known[name].append(entry.key)

    def _keys_of(self, name: str) -> list[paramiko.PKey]:
        hashed = [
            entry.key
            for entry in self._hashed
            for known in entry.hostnames or []
            if paramiko.HostKeys.hash_host(name, known) == known
        ]
        return [*self._known.get(name, []), *filter(None, hashed)]
