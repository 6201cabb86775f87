# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file tree of a node, as far as a reboot cares: a few read-only files, and what people and packages write."""

from __future__ import annotations

import dataclasses
import fnmatch
import posixpath
import time
from collections.abc import Callable

SENTINEL = "/run/reboot-required"
SENTINEL_PACKAGES = "/run/reboot-required.pkgs"

# Without the leading slash, which is put there below.
_TREE = (
    *("", "bin", "dev", "etc", "home", "home/azureuser", "proc", "proc/sys", "proc/sys/kernel", "root", "sbin", "tmp"),
    *("proc/sys/kernel/random", "run", "run/systemd", "usr", "usr/bin", "usr/sbin", "var", "var/lib", "var/log"),
)
_DIRECTORIES = frozenset(f"/{name}" for name in _TREE)
_LOST_AT_BOOT = frozenset({"run", "tmp"})
_FOR_EVERYBODY = frozenset({"tmp", "home"})
_PSEUDO = frozenset({"proc", "dev"})


@dataclasses.dataclass
class File:
    """content: bytes; modified: seconds since the epoch; owner: user id; directory: True for one made by mkdir."""

    content: bytes
    modified: float
    owner: int = 0
    directory: bool = False


class FileTree:
    """Files by absolute path. /var/run is /run, as on every distribution that AKS uses.

    generated: path -> function that returns the content of a read-only file (boot ID, uptime, ...).
    Errors are OSErrors with the usual meaning, so that commands can print them as the real ones do.
    """

    def __init__(self, generated: dict[str, Callable[[], str]]) -> None:
        self._generated = generated
        self._files: dict[str, File] = {}
        self._born = time.time()

    def exists(self, path: str) -> bool:
        return self.is_directory(path) or self.is_file(path)

    def is_directory(self, path: str) -> bool:
        name = resolve(path)
        entry = self._files.get(name)
        return name in _DIRECTORIES or (entry is not None and entry.directory)

    def is_file(self, path: str) -> bool:
        name = resolve(path)
        entry = self._files.get(name)
        return name in self._generated or name == "/dev/null" or (entry is not None and not entry.directory)

    def stat(self, path: str) -> File:
        """The entry at `path`; raises FileNotFoundError."""
        name = resolve(path)
        if name in self._files:
            return self._files[name]
        if name in self._generated:
            return File(self._generated[name]().encode(), self._born)
        if name == "/dev/null":
            return File(b"", self._born)
        if name in _DIRECTORIES:
            return File(b"", self._born, directory=True)
        raise FileNotFoundError(path)

    def read(self, path: str) -> bytes:
        """Content of a file; raises FileNotFoundError or IsADirectoryError."""
        entry = self.stat(path)
        if entry.directory:
            raise IsADirectoryError(path)
        return entry.content

    def write(
        self, path: str, content: bytes, user: int = 0, append: bool = False, modified: float | None = None
    ) -> None:
        """Create or change a file as user id `user`; raises PermissionError, FileNotFoundError, IsADirectoryError."""
        name = resolve(path)
        if name == "/dev/null":
            return
        self._check(name, user)
        if self.is_directory(name):
            raise IsADirectoryError(path)
        old = self._files.get(name)
        if old is not None and append:
            content = old.content + content
        when = time.time() if modified is None else modified
        self._files[name] = File(content, when, user if old is None else old.owner)

    def touch(self, path: str, user: int = 0, modified: float | None = None) -> None:
        """Make an empty file, or only set the time (seconds since the epoch, default now) of one that is there."""
        if self.is_directory(path):
            self._check(resolve(path), user)
            return
        self.write(path, b"", user, append=True, modified=modified)

    def make_directory(self, path: str, user: int = 0, parents: bool = False) -> None:
        """Make a directory; raises FileExistsError (not with `parents`), FileNotFoundError, PermissionError."""
        name = resolve(path)
        if self.exists(name):
            if parents and self.is_directory(name):
                return
            raise FileExistsError(path)
        if parents and not self.is_directory(posixpath.dirname(name)):
            self.make_directory(posixpath.dirname(name), user, parents=True)
        self._check(name, user)
        self._files[name] = File(b"", time.time(), user, directory=True)

    def remove(self, path: str, user: int = 0, recursive: bool = False) -> None:
        """Remove a file, or with `recursive` a tree; raises FileNotFoundError, IsADirectoryError, PermissionError."""
        name = resolve(path)
        if not self.exists(name):
            raise FileNotFoundError(path)
        if self.is_directory(name) and not recursive:
            raise IsADirectoryError(path)
        if name not in self._files:
            raise PermissionError(path)
        self._check(name, user)
        for below in [key for key in self._files if key == name or key.startswith(name + "/")]:
            del self._files[below]

    def children(self, path: str) -> list[str]:
        """Names in a directory, sorted; raises FileNotFoundError or NotADirectoryError."""
        name = resolve(path)
        if not self.exists(name):
            raise FileNotFoundError(path)
        if not self.is_directory(name):
            raise NotADirectoryError(path)
        everything = {*_DIRECTORIES, *self._generated, *self._files, "/dev/null"} - {"/"}
        return sorted(posixpath.basename(entry) for entry in everything if posixpath.dirname(entry) == name)

    def matching(self, pattern: str) -> list[str]:
        """Paths that a shell pattern in the last component of an absolute path matches, in its own spelling."""
        parent, last = posixpath.split(pattern)
        if not self.is_directory(parent or "/"):
            return []
        names = fnmatch.filter(self.children(parent or "/"), last)
        return [posixpath.join(parent, name) for name in names if last.startswith(".") or not name.startswith(".")]

    def boot(self, keep: tuple[str, ...] = ()) -> None:
        """Forget what does not outlive a boot, /run and /tmp, except the paths in `keep`."""
        kept = {resolve(path) for path in keep}
        self._files = {
            path: entry for path, entry in self._files.items() if path in kept or _top(path) not in _LOST_AT_BOOT
        }

    def _check(self, name: str, user: int) -> None:
        if name in self._generated or _top(name) in _PSEUDO:
            raise PermissionError(name)
        entry = self._files.get(name)
        if not self.is_directory(posixpath.dirname(name)):
            raise FileNotFoundError(name)
        if user == 0 or (entry.owner == user if entry is not None else self._may_create(name, user)):
            return
        raise PermissionError(name)

    def _may_create(self, name: str, user: int) -> bool:
        parent = self._files.get(posixpath.dirname(name))
        return parent.owner == user if parent is not None else _top(name) in _FOR_EVERYBODY


def _top(name: str) -> str:
    return name.split("/")[1]


def resolve(path: str) -> str:
    """The one spelling of an absolute path under which its entry is kept."""
    name = posixpath.normpath(path)
    name = "/" + name.lstrip("/")
    return "/run" + name[len("/var/run") :] if name == "/var/run" or name.startswith("/var/run/") else name
