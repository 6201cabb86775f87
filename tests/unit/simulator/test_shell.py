# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell of a simulated node answers as a real one does, as far as probes and people use it."""

from __future__ import annotations

import asyncio
import time

import pytest

from ansible_collections.kubeops.aks_reboot.tests.simulator.machine import Machine
from ansible_collections.kubeops.aks_reboot.tests.simulator.shell import Context, run_script

USER = 1000


async def run(script: str, machine: Machine | None = None, user: int = USER) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a script."""
    out, err = bytearray(), bytearray()
    context = Context(machine or Machine("node-a", 0.1), user, out.extend, err.extend)
    status = await run_script(context, script)
    return status, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("echo a b", "a b\n"),
        ("echo a; echo b", "a\nb\n"),
        ("echo a\necho b # not this\n", "a\nb\n"),
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("! false && echo yes", "yes\n"),
        ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
        ("if [ -e /nowhere ]\nthen echo a\nelse echo c\nfi", "c\n"),
        ("if ! false; then echo a; fi >/dev/null; echo b", "b\n"),
        ("false; echo $?", "1\n"),
        ("x='a  b'; echo \"$x\"; echo $x", "a  b\na b\n"),
        ('echo ${nothing:-default} "$HOME"x', "default x\n"),
        ("echo \"$(echo 'a  b')\" `echo c`", "a  b c\n"),
        ("echo $(echo $(echo deep))", "deep\n"),
        ('echo a\\ b \'c"d\' "e\'f" "g\\"h"', 'a b c"d e\'f g"h\n'),
        ("printf '%s=%s\\n' a 1 b 2", "a=1\nb=2\n"),
        ("printf 'x\\ty'", "x\ty"),
        ("echo one; (echo two; exit 3; echo no); echo $?", "one\ntwo\n3\n"),
        ("{ echo a; echo b; } | grep b", "b\n"),
        ("echo to-err 2>/dev/null 1>&2; echo done", "done\n"),
        ("for x in a b c; do echo $x; done", "a\nb\nc\n"),
        ('x=; while [ "$x" != aaa ]; do x=${x}a; done; echo $x', "aaa\n"),
        ("sh -c 'echo $1-$2' name a b", "a-b\n"),
        ('/bin/sh -c "echo inner"', "inner\n"),
        ("bash -c 'exit 4'; echo $?", "4\n"),
        ("echo x > /tmp/f; echo y >> /tmp/f; cat /tmp/f", "x\ny\n"),
        ("cat < /etc/hostname", "node-a\n"),
        ("hostname", "node-a\n"),
        ("whoami; sudo whoami; sudo -n -u azureuser whoami", "azureuser\nroot\nazureuser\n"),
        ("command -v systemctl >/dev/null && echo there; command -v dnf || echo absent", "there\nabsent\n"),
        ("test 2 -gt 1 && [ a != b ] && [ -n x ] && [ -z '' ] && echo ok", "ok\n"),
        ("ls -d /nowhere/sys*; echo /var/run/sys*", "/var/run/systemd\n"),
        ("cd /tmp && touch here && ls /tmp/h*", "/tmp/here\n"),
        ("set -e; false || true; echo on; false; echo never", "on\n"),
        ("mkdir -p /tmp/a/b && ls /tmp/a; rm -r /tmp/a; [ -d /tmp/a ] || echo gone", "b\ngone\n"),
    ],
)
async def test_output(script: str, output: str) -> None:
    assert (await run(script))[1] == output


@pytest.mark.parametrize(
    ("script", "status", "complaint"),
    [
        ("exit 7", 7, ""),
        ("dnf", 127, "sh: 1: dnf: not found\n"),
        ("/opt/x", 127, "sh: 1: /opt/x: No such file or directory\n"),
        ("sudo dnf", 1, "sudo: dnf: command not found\n"),
        ("cat /nowhere", 1, "cat: /nowhere: No such file or directory\n"),
        ("touch /var/run/reboot-required", 1, "touch: cannot touch '/var/run/reboot-required': Permission denied\n"),
        ("echo x > /etc/x", 2, "sh: 1: cannot open /etc/x: Permission denied\n"),
        ("stat -c %Y /nowhere", 1, "stat: cannot statx '/nowhere': No such file or directory\n"),
        ("if true; then echo", 2, 'sh: 1: Syntax error: end of file unexpected (expecting "fi")\n'),
        ("echo 'x", 2, "sh: 1: Syntax error: Unterminated quoted string\n"),
        ("systemctl reboot", 1, "Call to Reboot failed: Interactive authentication required.\n"),
        ("[ a", 2, "sh: 1: [: missing ]\n"),
    ],
)
async def test_failures(script: str, status: int, complaint: str) -> None:
    assert await run(script) == (status, "", complaint)


async def test_sentinel_by_hand() -> None:
    machine = Machine("node-a", 0.1)
    before = time.time()
    status, _out, err = await run("sudo touch /var/run/reboot-required", machine)
    assert (status, err) == (0, "")
    assert machine.sentinel
    status, out, _err = await run("test -e /run/reboot-required && stat -c %Y /var/run/reboot-required", machine)
    assert status == 0
    assert int(before) <= int(out) <= time.time() + 1


async def test_sentinel_of_packages() -> None:
    machine = Machine("node-a", 0.1)
    machine.require_reboot(1_700_000_000, ("linux-image-azure", "libc6"))
    assert (await run("cat /var/run/reboot-required.pkgs", machine))[1] == "linux-image-azure\nlibc6\n"
    assert (await run("stat --format=%Y:%n /run/reboot-required", machine))[1] == ("1700000000:/run/reboot-required\n")


async def test_tee_as_root_where_a_redirection_is_refused() -> None:
    machine = Machine("node-a", 0.1)
    assert (await run("sudo echo x > /var/run/reboot-required", machine))[0] == 2
    assert (await run("echo x | sudo tee /var/run/reboot-required >/dev/null", machine))[0] == 0
    assert machine.files.read("/run/reboot-required") == b"x\n"


async def test_background_command_goes_on() -> None:
    machine = Machine("node-a", 0.02)
    assert (await run("(sleep 0.05; systemctl reboot) & echo started", machine, user=0))[:2] == (0, "started\n")
    assert machine.guest_reboots == 0
    await asyncio.sleep(0.15)
    assert machine.guest_reboots == 1
