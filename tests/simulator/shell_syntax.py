# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the part of POSIX shell that probes and people use on a node, and turns it into a small tree."""

from __future__ import annotations

import dataclasses
from typing import Literal

OPERATORS = ("&&", "||", ">>", ";;", ";", "&", "|", "(", ")", "\n", ">", "<")
_ENDS = frozenset({"then", "elif", "else", "fi", "do", "done", "}", ")"})
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class ShellSyntaxError(Exception):
    """The script is no shell that this interpreter reads; the message says at what."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of a word. kind: "text", "variable" (text is its name), "command" (text is the script to run)."""

    kind: Literal["text", "variable", "command"]
    text: str
    quoted: bool
    default: str | None = None


@dataclasses.dataclass(frozen=True)
class Word:
    parts: tuple[Part, ...]

    @property
    def plain(self) -> str | None:
        """The text when the word is one unquoted text, as keywords must be; otherwise None."""
        if len(self.parts) == 1 and self.parts[0].kind == "text" and not self.parts[0].quoted:
            return self.parts[0].text
        return None


@dataclasses.dataclass(frozen=True)
class Redirection:
    """descriptor: 0 to 2; operator: "<", ">", ">>", or ">&" to copy another descriptor."""

    descriptor: int
    operator: str
    target: Word


@dataclasses.dataclass(frozen=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]


@dataclasses.dataclass(frozen=True)
class If:
    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None
    redirections: tuple[Redirection, ...] = ()


@dataclasses.dataclass(frozen=True)
class While:
    condition: Sequence
    body: Sequence
    until: bool
    redirections: tuple[Redirection, ...] = ()


@dataclasses.dataclass(frozen=True)
class For:
    name: str
    words: tuple[Word, ...]
    body: Sequence
    redirections: tuple[Redirection, ...] = ()


@dataclasses.dataclass(frozen=True)
class Group:
    """{ ... } or ( ... ); the latter in a subshell."""

    body: Sequence
    subshell: bool
    redirections: tuple[Redirection, ...] = ()


Command = Simple | If | While | For | Group


@dataclasses.dataclass(frozen=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool


@dataclasses.dataclass(frozen=True)
class AndOr:
    """first, then (operator, pipeline) pairs with "&&" or "||"; background for a trailing "&"."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...]
    background: bool


@dataclasses.dataclass(frozen=True)
class Sequence:
    items: tuple[AndOr, ...]


def parse(script: str) -> Sequence:
    """The tree of a script; raises ShellSyntaxError."""
    return _Parser(_tokens(script)).program()


@dataclasses.dataclass(frozen=True)
class _Operator:
    text: str
    descriptor: int | None = None


_Token = Word | _Operator


def _tokens(script: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(script):
        character = script[at]
        if character in " \t\r" or script.startswith("\\\n", at):
            at += 2 if character == "\\" else 1
        elif character == "#":
            at = _find(script, "\n", at)
        else:
            descriptor = None
            if character in "012" and script[at + 1 : at + 2] in ("<", ">"):
                descriptor, at = int(character), at + 1
            operator = _operator(script, at)
            if operator:
                tokens.append(_Operator(operator, descriptor))
                at += len(operator)
            else:
                word, at = _word(script, at)
                tokens.append(word)
    return tokens


def _operator(script: str, at: int) -> str:
    if script.startswith(">&", at):
        return ">&"
    return next((operator for operator in OPERATORS if script.startswith(operator, at)), "")


def _find(script: str, wanted: str, at: int) -> int:
    found = script.find(wanted, at)
    return len(script) if found < 0 else found


def _word(script: str, at: int) -> tuple[Word, int]:
    parts: list[Part] = []
    text = ""

    def close() -> None:
        nonlocal text
        if text:
            parts.append(Part("text", text, False))
            text = ""

    while at < len(script) and script[at] not in " \t\r" and not _operator(script, at):
        character = script[at]
        if character == "\\":
            close()
            parts.append(Part("text", script[at + 1 : at + 2], True))
            at += 2
        elif character == "'":
            close()
            end = script.find("'", at + 1)
            if end < 0:
                raise ShellSyntaxError("Unterminated quoted string")
            parts.append(Part("text", script[at + 1 : end], True))
            at = end + 1
        elif character == '"':
            close()
            inner, at = _double_quoted(script, at + 1)
            parts.extend(inner)
        elif character in "$`":
            part, at = _expansion(script, at, False)
            close()
            parts.append(part)
        else:
            text += character
            at += 1
    close()
    return Word(tuple(parts)), at


def _double_quoted(script: str, at: int) -> tuple[list[Part], int]:
    parts: list[Part] = []
    text = ""
    while at < len(script) and script[at] != '"':
        if script[at] == "\\" and script[at + 1 : at + 2] in ('"', "\\", "$", "`", "\n"):
            text += "" if script[at + 1] == "\n" else script[at + 1]
            at += 2
        elif script[at] in "$`":
            parts.append(Part("text", text, True))
            text = ""
            part, at = _expansion(script, at, True)
            parts.append(part)
        else:
            text += script[at]
            at += 1
    if at >= len(script):
        raise ShellSyntaxError("Unterminated quoted string")
    parts.append(Part("text", text, True))
    return parts, at + 1


def _expansion(script: str, at: int, quoted: bool) -> tuple[Part, int]:
    if script[at] == "`":
        end = script.find("`", at + 1)
        if end < 0:
            raise ShellSyntaxError("EOF in backquote substitution")
        return Part("command", script[at + 1 : end], quoted), end + 1
    if script.startswith("$((", at):
        raise ShellSyntaxError('"$((" is not understood on simulated nodes')
    if script.startswith("$(", at):
        end = _closing(script, at + 2)
        return Part("command", script[at + 2 : end], quoted), end + 1
    if script.startswith("${", at):
        end = script.find("}", at)
        if end < 0:
            raise ShellSyntaxError("Missing '}'")
        name, mark, default = script[at + 2 : end].partition(":-")
        if not name or not (set(name) <= _NAME or name in ("?", "@", "*", "#", "$")):
            raise ShellSyntaxError("Bad substitution")
        return Part("variable", name, quoted, default if mark else None), end + 1
    following = script[at + 1 : at + 2]
    if following and (following in "?@*#$!" or following.isdigit()):
        return Part("variable", following, quoted), at + 2
    end = at + 1
    while end < len(script) and script[end] in _NAME:
        end += 1
    if end == at + 1:
        return Part("text", "$", quoted), end
    return Part("variable", script[at + 1 : end], quoted), end


def _closing(script: str, at: int) -> int:
    """Index of the parenthesis that closes the one before `at`."""
    depth = 1
    quote = ""
    while at < len(script):
        character = script[at]
        if character == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return at
        at += 1
    raise ShellSyntaxError('end of file unexpected (expecting ")")')


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def program(self) -> Sequence:
        sequence = self._sequence()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return sequence

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _text(self) -> str | None:
        token = self._peek()
        if token is None:
            return None
        return token.text if isinstance(token, _Operator) else token.plain

    def _accept(self, *texts: str) -> str | None:
        text = self._text()
        if text in texts:
            self._at += 1
            return text
        return None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            raise self._unexpected(text)

    def _unexpected(self, wanted: str = "") -> ShellSyntaxError:
        token = self._peek()
        if token is None:
            shown = "end of file"
        else:
            text = self._text()
            shown = "newline" if text == "\n" else f'"{text}"' if text else "word"
        return ShellSyntaxError(f"{shown} unexpected" + (f' (expecting "{wanted}")' if wanted else ""))

    def _newlines(self) -> None:
        while self._accept("\n"):
            pass

    def _sequence(self) -> Sequence:
        items: list[AndOr] = []
        self._newlines()
        while self._peek() is not None and self._text() not in _ENDS:
            first = self._pipeline()
            rest: list[tuple[str, Pipeline]] = []
            while operator := self._accept("&&", "||"):
                self._newlines()
                rest.append((operator, self._pipeline()))
            separator = self._accept(";", "&", "\n")
            items.append(AndOr(first, tuple(rest), separator == "&"))
            self._newlines()
            if separator is None:
                break
        return Sequence(tuple(items))

    def _body(self) -> Sequence:
        sequence = self._sequence()
        if not sequence.items:
            raise self._unexpected()
        return sequence

    def _pipeline(self) -> Pipeline:
        negated = False
        while self._accept("!"):
            negated = not negated
        commands = [self._command()]
        while self._accept("|"):
            self._newlines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        if self._accept("if"):
            return self._if()
        if keyword := self._accept("while", "until"):
            condition = self._body()
            self._expect("do")
            body = self._body()
            self._expect("done")
            return While(condition, body, keyword == "until", self._redirections())
        if self._accept("for"):
            return self._for()
        if self._accept("{"):
            body = self._body()
            self._expect("}")
            return Group(body, False, self._redirections())
        if self._accept("("):
            body = self._body()
            self._expect(")")
            return Group(body, True, self._redirections())
        return self._simple()

    def _if(self) -> If:
        branches: list[tuple[Sequence, Sequence]] = []
        otherwise: Sequence | None = None
        keyword: str | None = "elif"
        while keyword == "elif":
            condition = self._body()
            self._expect("then")
            branches.append((condition, self._body()))
            keyword = self._accept("elif", "else")
        if keyword == "else":
            otherwise = self._body()
        self._expect("fi")
        return If(tuple(branches), otherwise, self._redirections())

    def _for(self) -> For:
        name = self._text()
        if name is None or not set(name) <= _NAME:
            raise ShellSyntaxError("Bad for loop variable")
        self._at += 1
        self._expect("in")
        words: list[Word] = []
        while isinstance(token := self._peek(), Word):
            words.append(token)
            self._at += 1
        if self._accept(";", "\n") is None:
            raise self._unexpected()
        self._newlines()
        self._expect("do")
        body = self._body()
        self._expect("done")
        return For(name, tuple(words), body, self._redirections())

    def _redirections(self) -> tuple[Redirection, ...]:
        found: list[Redirection] = []
        while (redirection := self._redirection()) is not None:
            found.append(redirection)
        return tuple(found)

    def _redirection(self) -> Redirection | None:
        token = self._peek()
        if not isinstance(token, _Operator) or token.text not in ("<", ">", ">>", ">&"):
            return None
        self._at += 1
        target = self._peek()
        if not isinstance(target, Word):
            raise self._unexpected()
        self._at += 1
        descriptor = token.descriptor if token.descriptor is not None else 0 if token.text == "<" else 1
        return Redirection(descriptor, token.text, target)

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while True:
            redirection = self._redirection()
            if redirection is not None:
                redirections.append(redirection)
                continue
            token = self._peek()
            if not isinstance(token, Word):
                break
            self._at += 1
            assignment = None if words else _assignment(token)
            if assignment is not None:
                assignments.append(assignment)
            else:
                words.append(token)
        if not (assignments or words or redirections):
            raise self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirections))


def _assignment(word: Word) -> tuple[str, Word] | None:
    if not word.parts or word.parts[0].kind != "text" or word.parts[0].quoted:
        return None
    name, mark, rest = word.parts[0].text.partition("=")
    if not mark or not name or name[0].isdigit() or not set(name) <= _NAME:
        return None
    first = (Part("text", rest, False),) if rest else ()
    return name, Word(first + word.parts[1:])
