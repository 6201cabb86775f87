# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs shell scripts on a simulated node: expansion, redirection, control flow. The commands are in commands.py."""

from __future__ import annotations

import asyncio
import dataclasses
import posixpath
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from . import shell_syntax as syntax

if TYPE_CHECKING:
    from .machine import Machine

Writer = Callable[[bytes], None]

_MAXIMUM_ROUNDS = 100_000


class ExitShellError(Exception):
    """The `exit` command: ends the script with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclasses.dataclass
class Context:
    """What a command runs in.

    user: user id; stdin: all of its input; out and err take bytes; variables: environment and shell variables;
    arguments: $0, $1, ...; background: the tasks started with "&".
    """

    machine: Machine
    user: int
    out: Writer
    err: Writer
    stdin: bytes = b""
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    arguments: list[str] = dataclasses.field(default_factory=lambda: ["sh"])
    directory: str = "/"
    status: int = 0
    stop_on_error: bool = False
    background: set[asyncio.Task[int]] = dataclasses.field(default_factory=set)

    def fork(self) -> Context:
        """A copy whose variables and directory change on their own."""
        return dataclasses.replace(self, variables=dict(self.variables), arguments=list(self.arguments))

    def say(self, text: str) -> None:
        self.out(text.encode())

    def complain(self, text: str) -> None:
        self.err(f"{text}\n".encode())

    def path(self, name: str) -> str:
        """`name` as an absolute path."""
        return posixpath.join(self.directory, name)


async def run_script(context: Context, script: str) -> int:
    """Run `script` as `sh -c` does and return its exit status (2 for a script that is no shell)."""
    try:
        tree = syntax.parse(script)
    except syntax.ShellSyntaxError as error:
        context.complain(f"sh: 1: Syntax error: {error}")
        return 2
    try:
        return await Interpreter(context).sequence(tree)
    except ExitShellError as error:
        return error.status


class Interpreter:
    """Walks the tree of a script within one context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def sequence(self, sequence: syntax.Sequence) -> int:
        for item in sequence.items:
            if item.background:
                self._start(item)
                continue
            await self.and_or(item)
            failed = self._context.status != 0 and not item.rest and not item.first.negated
            if failed and self._context.stop_on_error:
                raise ExitShellError(self._context.status)
        return self._context.status

    async def _condition(self, sequence: syntax.Sequence) -> bool:
        """Whether it holds; "set -e" does not count in here."""
        saved, self._context.stop_on_error = self._context.stop_on_error, False
        try:
            return await self.sequence(sequence) == 0
        finally:
            self._context.stop_on_error = saved

    def _start(self, item: syntax.AndOr) -> None:
        child = self._context.fork()
        task = asyncio.get_running_loop().create_task(_alone(child, Interpreter(child).and_or(item)))
        self._context.background.add(task)
        task.add_done_callback(self._context.background.discard)
        self._context.status = 0

    async def and_or(self, item: syntax.AndOr) -> int:
        await self._pipeline(item.first)
        for operator, pipeline in item.rest:
            if (self._context.status == 0) == (operator == "&&"):
                await self._pipeline(pipeline)
        return self._context.status

    async def _pipeline(self, pipeline: syntax.Pipeline) -> None:
        context = self._context
        if len(pipeline.commands) == 1:
            context.status = await self.command(pipeline.commands[0])
        else:
            piped = context.stdin
            for command in pipeline.commands[:-1]:
                child, output = self._captured(piped)
                await _alone(child, Interpreter(child).command(command))
                piped = bytes(output)
            last = context.fork()
            last.stdin = piped
            context.status = await _alone(last, Interpreter(last).command(pipeline.commands[-1]))
        if pipeline.negated:
            context.status = 0 if context.status else 1

    def _captured(self, stdin: bytes) -> tuple[Context, bytearray]:
        output = bytearray()
        child = self._context.fork()
        child.stdin, child.out = stdin, output.extend
        return child, output

    async def command(self, command: syntax.Command) -> int:
        saved = self._context.out, self._context.err, self._context.stdin
        try:
            await self._redirect(command.redirections)
            return await self._plain_command(command)
        except OSError as error:
            self._context.err = saved[1]
            self._context.complain(f"sh: 1: cannot open {error.args[0]}: {reason(error)}")
            return 2
        finally:
            self._context.out, self._context.err, self._context.stdin = saved

    async def _plain_command(self, command: syntax.Command) -> int:
        if isinstance(command, syntax.Simple):
            return await self._simple(command)
        if isinstance(command, syntax.If):
            return await self._if(command)
        if isinstance(command, syntax.While):
            return await self._while(command)
        if isinstance(command, syntax.For):
            return await self._for(command)
        if command.subshell:
            child = self._context.fork()
            return await _alone(child, Interpreter(child).sequence(command.body))
        return await self.sequence(command.body)

    async def _if(self, command: syntax.If) -> int:
        for condition, body in command.branches:
            if await self._condition(condition):
                return await self.sequence(body)
        return await self.sequence(command.otherwise) if command.otherwise else 0

    async def _while(self, command: syntax.While) -> int:
        status = 0
        for dummy in range(_MAXIMUM_ROUNDS):
            if await self._condition(command.condition) == command.until:
                return status
            status = await self.sequence(command.body)
            # A loop without a sleep in it must not stop the whole simulator.
            await asyncio.sleep(0)
        return status

    async def _for(self, command: syntax.For) -> int:
        status = 0
        for value in await self._expand_all(command.words):
            self._context.variables[command.name] = value
            status = await self.sequence(command.body)
        return status

    async def _simple(self, command: syntax.Simple) -> int:
        context = self._context
        words = await self._expand_all(command.words)
        values = {name: " ".join(await self._expand(word, split=False)) for name, word in command.assignments}
        if not words:
            context.variables.update(values)
            substituted = any(part.kind == "command" for _name, word in command.assignments for part in word.parts)
            return context.status if substituted else 0
        if words[0] in _BUILTINS:
            return _BUILTINS[words[0]](context, words[1:])
        child = context.fork()
        child.variables.update(values)
        # Imported late because `sudo` and `sh` are commands that run scripts.
        from .commands import run_command

        return await run_command(child, words)

    async def _redirect(self, redirections: tuple[syntax.Redirection, ...]) -> None:
        context = self._context
        for item in redirections:
            target = " ".join(await self._expand(item.target, split=False))
            if item.operator == "<":
                context.stdin = context.machine.files.read(context.path(target))
            elif item.operator == ">&":
                source = context.out if target == "1" else context.err
                if item.descriptor == 1:
                    context.out = source
                else:
                    context.err = source
            else:
                writer = self._file_writer(context.path(target), item.operator == ">>")
                if item.descriptor == 1:
                    context.out = writer
                else:
                    context.err = writer

    def _file_writer(self, path: str, append: bool) -> Writer:
        files, user = self._context.machine.files, self._context.user
        files.write(path, b"", user, append=append)
        return lambda data: files.write(path, data, user, append=True)

    async def _expand_all(self, words: tuple[syntax.Word, ...]) -> list[str]:
        return [field for word in words for field in await self._expand(word, split=True)]

    async def _expand(self, word: syntax.Word, split: bool) -> list[str]:
        """The fields of a word; without `split` always exactly one."""
        fields: list[str] = []
        current: str | None = None
        pattern = False
        for part in word.parts:
            value = await self._value(part)
            if part.kind == "text" or part.quoted or not split:
                pattern = pattern or (not part.quoted and any(mark in value for mark in "*?["))
                current = (current or "") + value
                continue
            pieces = value.split()
            if pieces and value[0].isspace() and current is not None:
                fields.append(current)
                current = None
            for index, piece in enumerate(pieces):
                if index:
                    fields.append(current or "")
                    current = None
                current = (current or "") + piece
            if pieces and value[-1].isspace():
                fields.append(current or "")
                current = None
        if current is not None or not split:
            fields.append(current or "")
        if split and pattern and len(fields) == 1:
            return self._context.machine.files.matching(self._context.path(fields[0])) or fields
        return fields

    async def _value(self, part: syntax.Part) -> str:
        if part.kind == "text":
            return part.text
        if part.kind == "variable":
            return self._variable(part.text) or part.default or ""
        child, output = self._captured(b"")
        self._context.status = await run_script(child, part.text)
        return output.decode(errors="replace").rstrip("\n")

    def _variable(self, name: str) -> str:
        context = self._context
        if name == "?":
            return str(context.status)
        if name == "$":
            return "4711"
        if name == "#":
            return str(len(context.arguments) - 1)
        if name in ("@", "*"):
            return " ".join(context.arguments[1:])
        if name.isdigit():
            return context.arguments[int(name)] if int(name) < len(context.arguments) else ""
        return context.variables.get(name, "")


async def _alone(context: Context, run: Awaitable[int]) -> int:
    """Exit status of a part of a script that an `exit` in it ends, but not the script around it."""
    try:
        context.status = await run
    except ExitShellError as error:
        context.status = error.status
    return context.status


def _exit(context: Context, arguments: list[str]) -> int:
    if arguments and not arguments[0].isdigit():
        context.complain(f"sh: 1: exit: Illegal number: {arguments[0]}")
        raise ExitShellError(2)
    raise ExitShellError(int(arguments[0]) & 255 if arguments else context.status)


def _set(context: Context, arguments: list[str]) -> int:
    for argument in arguments:
        if argument[:1] in "+-" and "e" in argument:
            context.stop_on_error = argument[0] == "-"
    return 0


def _export(context: Context, arguments: list[str]) -> int:
    for argument in arguments:
        name, mark, value = argument.partition("=")
        if mark:
            context.variables[name] = value
    return 0


def _change_directory(context: Context, arguments: list[str]) -> int:
    target = context.path(arguments[0] if arguments else "/")
    if not context.machine.files.is_directory(target):
        context.complain(f"sh: 1: cd: can't cd to {arguments[0]}")
        return 2
    context.directory = posixpath.normpath(target)
    return 0


_BUILTINS: dict[str, Callable[[Context, list[str]], int]] = {
    ":": lambda _context, _arguments: 0,
    "cd": _change_directory,
    "exit": _exit,
    "export": _export,
    "set": _set,
}


def reason(error: OSError) -> str:
    """What coreutils print for this error."""
    if isinstance(error, PermissionError):
        return "Permission denied"
    if isinstance(error, FileNotFoundError):
        return "No such file or directory"
    if isinstance(error, IsADirectoryError):
        return "Is a directory"
    if isinstance(error, FileExistsError):
        return "File exists"
    return "Not a directory"
