# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on a copy of the checkout; further arguments go to ansible-test.

ansible-test wants to stand in a real directory ``ansible_collections/kubeops/aks_reboot``, which a checkout is not.
"""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

CHECKOUT = Path(__file__).resolve().parent.parent
COLLECTION = Path("ansible_collections", "kubeops", "aks_reboot")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# ansible-test keeps one virtual environment per test and fills it with a pip that it downloads from a site of its own.
# Whoever reaches only a package index can use this instead: the pip that is here installs the wanted one.
BOOTSTRAP = """\
import subprocess
import sys

arguments = [item for item in sys.argv[1:] if item not in ("--no-setuptools", "--no-wheel")]
command = [{python!r}, "-m", "pip", "--python", sys.executable, "install", *arguments]
sys.exit(subprocess.run(command).returncode)
"""


def checkout_files() -> list[Path]:
    """Return the files that belong to the checkout, tracked or about to be, relative to its root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listing.returncode != 0:
        sys.exit(
            f"run_sanity: {CHECKOUT} must be a git checkout, or leftovers would be tested: {listing.stderr.strip()}"
        )
    files = (Path(name) for name in sorted(set(listing.stdout.split("\0"))) if name)
    return [path for path in files if (CHECKOUT / path).is_file()]


def copy_checkout(target: Path) -> None:
    """Copy the checkout's files to ``target`` with their modes."""
    for path in checkout_files():
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, destination, follow_symlinks=False)


def place_pip_bootstrap(home: Path) -> None:
    """Put the script that ansible-test would download where it looks for it under ``home``."""
    requirements = importlib.import_module("ansible_test._internal.python_requirements")
    version = requirements.get_venv_packages(SimpleNamespace(version=PYTHON))["pip"]
    script = home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(BOOTSTRAP.format(python=sys.executable), encoding="utf-8")


def carry_pip_settings(home: Path) -> None:
    """Write the settings of pip that hold here to ``home``: ansible-test hands no ``PIP_*`` variable on."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    sections: dict[str, dict[str, str]] = {}
    # What the environment says is listed first, and wins
    for line in reversed(listing.splitlines()):
        name, value = line.split("=", 1)
        section, option = name.rsplit(".", 1)
        # Lines of a value with several of them have to be indented
        text = str(ast.literal_eval(value)).replace("\n", "\n  ")
        sections.setdefault("global" if section == ":env:" else section, {})[option] = text
    blocks = (
        f"[{section}]\n" + "".join(f"{option} = {text}\n" for option, text in options.items())
        for section, options in sections.items()
    )
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(blocks), encoding="utf-8")


def main() -> int:
    """Return the exit code of ansible-test."""
    # A home of its own keeps the virtual environments for the next run without touching the user's ~/.ansible
    home = Path(sys.prefix) / "sanity-home"
    place_pip_bootstrap(home)
    carry_pip_settings(home)
    real_python = Path(os.path.realpath(sys.executable)).parent
    environment = dict(os.environ, HOME=str(home), PATH=os.pathsep.join([str(real_python), os.environ["PATH"]]))
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    ansible_test = Path(sys.prefix) / "bin" / "ansible-test"
    with tempfile.TemporaryDirectory(prefix="sanity-") as directory:
        collection = Path(directory) / COLLECTION
        copy_checkout(collection)
        command = [str(ansible_test), "sanity", "--color", "no", "--python", PYTHON, *sys.argv[1:]]
        return subprocess.run(command, cwd=collection, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
