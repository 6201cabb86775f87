# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and field selectors: the whole grammar of the query parameters, and the selector objects inside specs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .status_errors import StatusError, bad_request

_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TOKEN = re.compile(r"\s*(?:(?P<op>==|!=|=|!|,|\(|\)|<|>)|(?P<word>[^\s=!,()<>]+))")


def label_key_problem(key: str) -> str:
    """Why ``key`` cannot be a label key; empty when it can."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or len(prefix) > 253 or not _DNS_SUBDOMAIN.fullmatch(prefix)):
        return (
            "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            "'-' or '.', and must start and end with an alphanumeric character"
        )
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 bytes"
    if not _QUALIFIED_NAME.fullmatch(name):
        return (
            "name part must consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
    return ""


def label_value_problem(value: str) -> str:
    """Why ``value`` cannot be a label value; empty when it can."""
    if len(value) > 63:
        return "must be no more than 63 bytes"
    if value and not _QUALIFIED_NAME.fullmatch(value):
        return (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
    return ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label; ``operator`` is in, notin, exists, !, gt or lt."""

    key: str
    operator: str
    values: frozenset[str]

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.operator == "in":
            return labels.get(self.key) in self.values and self.key in labels
        if self.operator == "notin":
            return self.key not in labels or labels[self.key] not in self.values
        if self.operator == "exists":
            return self.key in labels
        if self.operator == "!":
            return self.key not in labels
        return self._compare(labels)

    def _compare(self, labels: Mapping[str, str]) -> bool:
        try:
            value = int(labels[self.key])
        except (KeyError, ValueError):
            return False
        bound = int(next(iter(self.values)))
        return value > bound if self.operator == "gt" else value < bound


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements together; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)


EVERY_LABEL = LabelSelector()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise self._error(f"found '{text[position:].strip()}', expected: identifier")
            self._tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            position = found.end()
        self._next = 0

    def _error(self, why: str) -> StatusError:
        return bad_request(f"unable to parse requirement: {why}")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._next += 1
        return token

    def parse(self) -> LabelSelector:
        requirements: list[Requirement] = []
        if self._peek()[0] == "end":
            return LabelSelector()
        while True:
            requirements.append(self._requirement())
            kind, text = self._take()
            if kind == "end":
                return LabelSelector(tuple(requirements))
            if text != ",":
                raise self._error(f"found '{text}', expected: ',' or 'end of string'")
            if self._peek()[0] == "end":
                raise self._error("found '', expected: identifier after ','")

    def _key(self) -> str:
        kind, text = self._take()
        if kind != "word":
            raise self._error(f"found '{text}', expected: !, identifier, or 'end of string'")
        problem = label_key_problem(text)
        if problem:
            raise self._error(f'<nil>: Invalid value: "{text}": {problem}')
        return text

    def _requirement(self) -> Requirement:
        if self._peek() == ("op", "!"):
            self._take()
            return Requirement(self._key(), "!", frozenset())
        key = self._key()
        kind, text = self._peek()
        if kind == "end" or text == ",":
            return Requirement(key, "exists", frozenset())
        self._take()
        if text in ("in", "notin") and kind == "word":
            return Requirement(key, text, self._value_set())
        if text in ("=", "==", "!="):
            return Requirement(key, "notin" if text == "!=" else "in", frozenset((self._value(key),)))
        if text in ("<", ">"):
            value = self._value(key)
            if not re.fullmatch(r"[+-]?\d+", value):
                raise self._error(
                    f"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, "
                    "the value must be an integer"
                )
            return Requirement(key, "lt" if text == "<" else "gt", frozenset((value,)))
        raise self._error(f"found '{text}', expected: in, notin, =, ==, !=, gt, lt")

    def _value(self, key: str) -> str:
        kind, text = self._peek()
        if kind != "word":
            if kind == "end" or text == ",":
                return ""
            raise self._error(f"found '{text}', expected: identifier")
        self._take()
        return self._checked(key, text)

    def _checked(self, key: str, value: str) -> str:
        problem = label_value_problem(value)
        if problem:
            raise self._error(f'values[0][{key}]: Invalid value: "{value}": {problem}')
        return value

    def _value_set(self) -> frozenset[str]:
        opening = self._take()
        if opening != ("op", "("):
            raise self._error(f"found '{opening[1]}', expected: '('")
        values: set[str] = set()
        while True:
            kind, text = self._take()
            if kind == "word":
                values.add(self._checked("", text))
                kind, text = self._take()
            else:
                values.add("")
            if text == ")":
                return frozenset(values)
            if text != ",":
                raise self._error(f"found '{text}', expected: ',', or ')'")


def parse_label_selector(text: str) -> LabelSelector:
    """A ``labelSelector`` parameter, such as ``app=web,tier in (a,b),!old,rank>3``.

    Raises StatusError 400 when it does not parse.
    """
    return _Parser(text).parse()


_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def selector_from_object(selector: Mapping[str, Any] | None) -> LabelSelector | None:
    """The selector of a spec (``matchLabels``, ``matchExpressions``).

    None, which stands for a selector that matches nothing, when it is absent.
    """
    if selector is None:
        return None
    requirements = [
        Requirement(key, "in", frozenset((value,))) for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for expression in selector.get("matchExpressions") or []:
        operator = _OBJECT_OPERATORS[expression["operator"]]
        requirements.append(Requirement(expression["key"], operator, frozenset(expression.get("values") or ())))
    return LabelSelector(tuple(requirements))


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Terms ``(field, equal, value)``, all of which must hold."""

    terms: tuple[tuple[str, bool, str], ...] = ()

    def matches(self, value_of: Callable[[str], str]) -> bool:
        """``value_of`` gives the value of a field, empty for a missing one."""
        return all((value_of(field) == value) is equal for field, equal, value in self.terms)

    def exact(self, field: str) -> str | None:
        """The one value that ``field`` must have, or None when the selector leaves it open."""
        for name, equal, value in self.terms:
            if name == field and equal:
                return value
        return None


EVERY_FIELD = FieldSelector()


def _split_escaped(text: str) -> list[str]:
    parts = [""]
    escaped = False
    for character in text:
        if escaped or character == "\\":
            parts[-1] += character
            escaped = not escaped
        elif character == ",":
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _unescape(value: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", value)


def parse_field_selector(text: str, kind: str, known: Sequence[str]) -> FieldSelector:
    """A ``fieldSelector`` parameter, such as ``spec.nodeName=n1,status.phase!=Failed``.

    ``known`` are the fields that ``kind`` offers beside its name and namespace. Raises StatusError 400 for others.
    """
    terms: list[tuple[str, bool, str]] = []
    for part in _split_escaped(text):
        if not part.strip():
            continue
        found = re.match(r"([^=!]+)(!=|==|=)(.*)", part, re.DOTALL)
        if found is None:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        field, operator, value = found.group(1).strip(), found.group(2), _unescape(found.group(3).strip())
        if field not in ("metadata.name", "metadata.namespace") and field not in known:
            raise bad_request(
                f'Unable to find "{kind}" that match label selector "", field selector "{text}": '
                f"field label not supported: {field}"
            )
        terms.append((field, operator != "!=", value))
    return FieldSelector(tuple(terms))
