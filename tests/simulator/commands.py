# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a simulated node: one small function each, in the table at the end."""

from __future__ import annotations

import asyncio
import posixpath
import re
import time
from collections.abc import Awaitable, Callable

from .machine import KERNEL
from .shell import Context, reason, run_script

Program = Callable[[Context, list[str]], Awaitable[int]]

_DIRECTORIES = ("/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/")
_USERS = {0: "root", 1000: "azureuser"}


async def run_command(context: Context, words: list[str]) -> int:
    """Run the program words[0] with its arguments; 127 when there is none of that name."""
    program = find(words[0])
    if program is None:
        problem = "No such file or directory" if "/" in words[0] else "not found"
        context.complain(f"sh: 1: {words[0]}: {problem}")
        return 127
    return await program(context, words[1:])


def find(name: str) -> Program | None:
    """The program of this name, or of this absolute path when it is in a directory of programs."""
    base = posixpath.basename(name)
    if name != base and not any(name == directory + base for directory in _DIRECTORIES):
        return None
    return _PROGRAMS.get(base)


async def _true(_context: Context, _arguments: list[str]) -> int:
    return 0


async def _false(_context: Context, _arguments: list[str]) -> int:
    return 1


async def _echo(context: Context, arguments: list[str]) -> int:
    end = "\n"
    if arguments[:1] == ["-n"]:
        arguments, end = arguments[1:], ""
    context.say(" ".join(arguments) + end)
    return 0


_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\0": "\0", "\\\\": "\\"}


async def _printf(context: Context, arguments: list[str]) -> int:
    if not arguments:
        context.complain("sh: 1: printf: usage: printf format [arg ...]")
        return 2
    template = re.sub(r"\\[ntr0\\]", lambda match: _ESCAPES[match.group()], arguments[0])
    values = arguments[1:]
    wanted = len(re.findall(r"%[sd]", template.replace("%%", "")))
    while True:
        context.say(_filled(template, values[:wanted]))
        values = values[wanted:]
        if not values or not wanted:
            return 0


def _filled(template: str, values: list[str]) -> str:
    left = iter(values)
    return re.sub(r"%[sd%]", lambda match: "%" if match.group() == "%%" else next(left, ""), template)


async def _test(context: Context, arguments: list[str]) -> int:
    try:
        return 0 if _holds(context, arguments) else 1
    except ValueError as error:
        context.complain(f"sh: 1: test: {error}")
        return 2


async def _bracket(context: Context, arguments: list[str]) -> int:
    if arguments[-1:] != ["]"]:
        context.complain("sh: 1: [: missing ]")
        return 2
    return await _test(context, arguments[:-1])


_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda left, right: left == right,
    "-ne": lambda left, right: left != right,
    "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right,
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
}


def _holds(context: Context, words: list[str]) -> bool:
    for index, joint in enumerate(words):
        if joint in ("-o", "-a") and 0 < index < len(words) - 1:
            left, right = _holds(context, words[:index]), _holds(context, words[index + 1 :])
            return (left or right) if joint == "-o" else (left and right)
    if words and words[0] == "!":
        return not _holds(context, words[1:])
    if len(words) < 2:
        return bool(words and words[0])
    if len(words) == 2:
        return _file_test(context, *words)
    if len(words) > 3:
        raise ValueError(f"{words[3]}: unexpected operator")
    left_text, operator, right_text = words
    if operator in ("=", "==", "!="):
        return (left_text == right_text) == (operator != "!=")
    if operator in _NUMBERS:
        for text in (left_text, right_text):
            if not re.fullmatch(r"\s*-?\d+\s*", text):
                raise ValueError(f"Illegal number: {text}")
        return _NUMBERS[operator](int(left_text), int(right_text))
    raise ValueError(f"{operator}: unexpected operator")


def _file_test(context: Context, flag: str, operand: str) -> bool:
    if flag in ("-z", "-n"):
        return (operand == "") == (flag == "-z")
    files = context.machine.files
    path = context.path(operand)
    if flag in ("-e", "-r"):
        return files.exists(path)
    if flag == "-f":
        return files.is_file(path)
    if flag == "-d":
        return files.is_directory(path)
    if flag == "-s":
        return files.exists(path) and (files.is_directory(path) or bool(files.read(path)))
    if flag == "-w":
        return files.exists(path) and context.user in (0, files.stat(path).owner)
    if flag in ("-x", "-L", "-h", "-S", "-p"):
        return files.is_directory(path) if flag == "-x" else False
    raise ValueError(f"{flag}: unexpected operator")


async def _cat(context: Context, arguments: list[str]) -> int:
    names = [name for name in arguments if not name.startswith("-") or name == "-"]
    status = 0
    for name in names or ["-"]:
        try:
            context.out(context.stdin if name == "-" else context.machine.files.read(context.path(name)))
        except OSError as error:
            context.complain(f"cat: {name}: {reason(error)}")
            status = 1
    return status


async def _tee(context: Context, arguments: list[str]) -> int:
    append = bool({"-a", "--append"} & set(arguments))
    context.out(context.stdin)
    return _for_each(
        context,
        "tee: {}",
        [name for name in arguments if not name.startswith("-")],
        lambda path: context.machine.files.write(path, context.stdin, context.user, append=append),
    )


async def _grep(context: Context, arguments: list[str]) -> int:
    flags = "".join(word[1:] for word in arguments if word.startswith("-"))
    operands = [word for word in arguments if not word.startswith("-")]
    if not operands:
        context.complain("Usage: grep [OPTION]... PATTERNS [FILE]...")
        return 2
    pattern = re.escape(operands[0]) if "F" in flags else operands[0]
    matcher = re.compile(pattern, re.IGNORECASE if "i" in flags else 0)
    try:
        content = b"".join(context.machine.files.read(context.path(name)) for name in operands[1:])
    except OSError as error:
        context.complain(f"grep: {operands[1]}: {reason(error)}")
        return 2
    lines = (content if operands[1:] else context.stdin).decode(errors="replace").splitlines()
    found = [line for line in lines if bool(matcher.search(line)) != ("v" in flags)]
    if "c" in flags:
        context.say(f"{len(found)}\n")
    elif "q" not in flags:
        context.say("".join(f"{line}\n" for line in found))
    return 0 if found else 1


async def _stat(context: Context, arguments: list[str]) -> int:
    template = "  File: %n\n  Size: %s\nModify: %y"
    names: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in ("-c", "--format"):
            template = next(words, "")
        elif word.startswith(("-c", "--format=")):
            template = word.removeprefix("--format=").removeprefix("-c")
        elif word != "-L":
            names.append(word)
    if not names:
        context.complain("stat: missing operand")
        return 1
    status = 0
    for name in names:
        try:
            context.say(_stat_line(context, name, template) + "\n")
        except OSError as error:
            context.complain(f"stat: cannot statx '{name}': {reason(error)}")
            status = 1
    return status


def _stat_line(context: Context, name: str, template: str) -> str:
    entry = context.machine.files.stat(context.path(name))
    values = {
        "%": "%",
        "n": name,
        "s": str(len(entry.content)),
        "Y": str(int(entry.modified)),
        "Z": str(int(entry.modified)),
        "X": str(int(entry.modified)),
        "W": str(int(entry.modified)),
        "y": time.strftime("%Y-%m-%d %H:%M:%S.000000000 +0000", time.gmtime(entry.modified)),
        "U": _USERS.get(entry.owner, str(entry.owner)),
        "u": str(entry.owner),
        "a": "755" if entry.directory else "644",
        "F": "directory" if entry.directory else "regular file" if entry.content else "regular empty file",
    }
    return re.sub(r"%(.)", lambda match: values.get(match.group(1), "?"), template)


def _for_each(context: Context, complaint: str, names: list[str], act: Callable[[str], None]) -> int:
    status = 0
    for name in names:
        try:
            act(context.path(name))
        except OSError as error:
            context.complain(f"{complaint.format(name)}: {reason(error)}")
            status = 1
    return status


async def _touch(context: Context, arguments: list[str]) -> int:
    modified: float | None = None
    names: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in ("-d", "--date") or word.startswith("--date="):
            text = word.partition("=")[2] or next(words, "")
            modified = _moment(text)
            if modified is None:
                context.complain(f"touch: invalid date format '{text}'")
                return 1
        elif not word.startswith("-"):
            names.append(word)
    if not names:
        context.complain("touch: missing file operand")
        return 1
    files = context.machine.files
    return _for_each(context, "touch: cannot touch '{}'", names, lambda path: files.touch(path, context.user, modified))


def _moment(text: str) -> float | None:
    """Seconds since the epoch for "@123", "2026-01-31 10:00" (UTC) or "2 hours ago"; None for anything else."""
    if re.fullmatch(r"@\d+(\.\d+)?", text):
        return float(text[1:])
    units = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
    if relative := re.fullmatch(r"(?:-\s*)?(\d+) (second|minute|hour|day|week)s?(?: ago)?", text):
        return time.time() - int(relative.group(1)) * units[relative.group(2)]
    for layout in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return time.mktime(time.strptime(text, layout)) - time.timezone
        except ValueError:
            continue
    return None


async def _rm(context: Context, arguments: list[str]) -> int:
    flags = "".join(word[1:] for word in arguments if word.startswith("-"))
    names = [word for word in arguments if not word.startswith("-")]
    files = context.machine.files
    if "f" in flags:
        names = [name for name in names if files.exists(context.path(name))]
    recursive = "r" in flags or "R" in flags
    return _for_each(context, "rm: cannot remove '{}'", names, lambda path: files.remove(path, context.user, recursive))


async def _mkdir(context: Context, arguments: list[str]) -> int:
    parents = "-p" in arguments
    names = [word for word in arguments if not word.startswith("-")]
    files = context.machine.files
    return _for_each(
        context,
        "mkdir: cannot create directory '{}'",
        names,
        lambda path: files.make_directory(path, context.user, parents),
    )


async def _ls(context: Context, arguments: list[str]) -> int:
    flags = "".join(word[1:] for word in arguments if word.startswith("-"))
    names = [word for word in arguments if not word.startswith("-")] or [context.directory]
    files = context.machine.files
    status = 0
    for name in names:
        path = context.path(name)
        try:
            files.stat(path)
        except OSError as error:
            context.complain(f"ls: cannot access '{name}': {reason(error)}")
            status = 2
            continue
        inside = files.is_directory(path) and "d" not in flags
        for entry in files.children(path) if inside else [name]:
            full = posixpath.join(path, entry) if inside else path
            context.say((_long(context, full) if "l" in flags else "") + entry + "\n")
    return status


def _long(context: Context, path: str) -> str:
    entry = context.machine.files.stat(path)
    owner = _USERS.get(entry.owner, str(entry.owner))
    mode = "drwxr-xr-x" if entry.directory else "-rw-r--r--"
    when = time.strftime("%b %e %H:%M", time.gmtime(entry.modified))
    return f"{mode} 1 {owner} {owner} {len(entry.content):>6} {when} "


async def _date(context: Context, arguments: list[str]) -> int:
    layout = next((word[1:] for word in arguments if word.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    now = time.time()
    context.say(time.strftime(layout.replace("%s", str(int(now))), time.gmtime(now)) + "\n")
    return 0


async def _hostname(context: Context, _arguments: list[str]) -> int:
    context.say(f"{context.machine.name}\n")
    return 0


async def _uname(context: Context, arguments: list[str]) -> int:
    words = {"-r": KERNEL, "-n": context.machine.name, "-m": "x86_64", "-a": f"Linux {context.machine.name} {KERNEL}"}
    context.say(" ".join(words.get(word, "Linux") for word in arguments or ["-s"]) + "\n")
    return 0


async def _uptime(context: Context, arguments: list[str]) -> int:
    machine = context.machine
    if arguments == ["-s"]:
        context.say(time.strftime("%Y-%m-%d %H:%M:%S\n", time.gmtime(machine.booted_at)))
        return 0
    minutes = int(machine.uptime // 60)
    clock = time.strftime("%H:%M:%S", time.gmtime())
    context.say(f" {clock} up {minutes} min,  1 user,  load average: 0.00, 0.00, 0.00\n")
    return 0


async def _whoami(context: Context, _arguments: list[str]) -> int:
    context.say(f"{_USERS[context.user]}\n")
    return 0


async def _id(context: Context, arguments: list[str]) -> int:
    name = _USERS[context.user]
    context.say(
        f"{context.user}\n"
        if arguments == ["-u"]
        else f"{name}\n"
        if arguments == ["-un"]
        else f"uid={context.user}({name}) gid={context.user}({name}) groups={context.user}({name})\n"
    )
    return 0


async def _sleep(context: Context, arguments: list[str]) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", arguments[0] if arguments else "")
    if match is None:
        context.complain(f"sleep: invalid time interval '{' '.join(arguments)}'")
        return 1
    await asyncio.sleep(float(match.group(1)) * {"": 1, "s": 1, "m": 60, "h": 3600}[match.group(2)])
    return 0


async def _sudo(context: Context, arguments: list[str]) -> int:
    user, words = 0, list(arguments)
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag in ("-u", "--user"):
            name = words.pop(0) if words else ""
            ids = {text: number for number, text in _USERS.items()}
            if name not in ids:
                context.complain(f"sudo: unknown user {name}")
                return 1
            user = ids[name]
        elif flag == "--":
            break
        elif flag not in ("-n", "-E", "-H", "-S", "--non-interactive"):
            context.complain(f"sudo: invalid option -- '{flag.lstrip('-')}'")
            return 1
    if not words:
        context.complain("usage: sudo [-n] [-u user] command [arg ...]")
        return 1
    child = context.fork()
    child.user = user
    if find(words[0]) is None:
        context.complain(f"sudo: {words[0]}: command not found")
        return 1
    return await run_command(child, words)


async def _sh(context: Context, arguments: list[str]) -> int:
    words = list(arguments)
    command = False
    while words and words[0].startswith("-"):
        command = command or "c" in words[0]
        context.stop_on_error = context.stop_on_error or "e" in words[0]
        words.pop(0)
    if not command:
        script = context.stdin.decode(errors="replace")
        if words:
            try:
                script = context.machine.files.read(context.path(words[0])).decode(errors="replace")
            except OSError:
                context.complain(f"sh: 0: cannot open {words[0]}: No such file")
                return 2
    elif words:
        script = words.pop(0)
    else:
        context.complain("sh: 0: -c requires an argument")
        return 2
    child = context.fork()
    child.arguments = words or ["sh"]
    return await run_script(child, script)


async def _command(context: Context, arguments: list[str]) -> int:
    if arguments[:1] in (["-v"], ["-V"]):
        if len(arguments) < 2 or find(arguments[1]) is None:
            return 127
        context.say(f"/usr/bin/{posixpath.basename(arguments[1])}\n")
        return 0
    return await run_command(context, arguments) if arguments else 0


async def _env(context: Context, arguments: list[str]) -> int:
    words = list(arguments)
    while words and re.match(r"\w+=", words[0]):
        name, _mark, value = words.pop(0).partition("=")
        context.variables[name] = value
    return await run_command(context, words) if words else 0


async def _prefix(context: Context, arguments: list[str]) -> int:
    return await run_command(context, arguments) if arguments else 0


async def _timeout(context: Context, arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s?", words[0] if words else "")
    if match is None or len(words) < 2:
        context.complain("timeout: missing operand")
        return 125
    start = arguments.index(words[0]) + 1
    try:
        return await asyncio.wait_for(run_command(context, arguments[start:]), float(match.group(1)))
    except TimeoutError:
        return 124


async def _reboot(context: Context, _arguments: list[str]) -> int:
    if context.user != 0:
        context.complain("Call to Reboot failed: Interactive authentication required.")
        return 1
    context.machine.guest_reboot()
    return 0


async def _systemctl(context: Context, arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("-")]
    if words[:1] == ["reboot"]:
        return await _reboot(context, [])
    if words[:1] == ["is-system-running"]:
        context.say("running\n")
        return 0
    if words[:1] in (["is-active"], ["is-enabled"]):
        context.say("active\n" if words[0] == "is-active" else "enabled\n")
        return 0
    context.complain(f"Unknown command verb {words[0]}." if words else "systemctl: nothing to do")
    return 1


async def _shutdown(context: Context, arguments: list[str]) -> int:
    if not any(word in ("-r", "--reboot") for word in arguments):
        context.complain("shutdown: only -r is possible on simulated nodes")
        return 1
    if context.user != 0:
        return await _reboot(context, [])
    when = next((word for word in arguments if not word.startswith("-")), "+1")
    match = re.fullmatch(r"now|\+(\d+)", when)
    if match is None:
        context.complain(f"Failed to parse time specification: {when}")
        return 1
    minutes = int(match.group(1) or 0)
    if minutes:
        context.complain(f"Shutdown scheduled in {minutes} min.")
        asyncio.get_running_loop().call_later(60 * minutes, context.machine.guest_reboot)
        return 0
    return await _reboot(context, [])


_PROGRAMS: dict[str, Program] = {
    "[": _bracket,
    "bash": _sh,
    "cat": _cat,
    "command": _command,
    "date": _date,
    "echo": _echo,
    "env": _env,
    "false": _false,
    "grep": _grep,
    "hostname": _hostname,
    "id": _id,
    "logger": _true,
    "ls": _ls,
    "mkdir": _mkdir,
    "nohup": _prefix,
    "printf": _printf,
    "reboot": _reboot,
    "rm": _rm,
    "sh": _sh,
    "shutdown": _shutdown,
    "sleep": _sleep,
    "stat": _stat,
    "sudo": _sudo,
    "sync": _true,
    "systemctl": _systemctl,
    "tee": _tee,
    "test": _test,
    "timeout": _timeout,
    "touch": _touch,
    "true": _true,
    "uname": _uname,
    "uptime": _uptime,
    "whoami": _whoami,
}
