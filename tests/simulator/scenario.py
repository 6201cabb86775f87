# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenario files: what a simulated cluster contains and does, beyond nodes that are healthy and empty."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from .faults import KINDS, Fault
from .settings import Settings

Object = dict[str, Any]


class ScenarioError(ValueError):
    """A scenario file that cannot be used; the message names the place and what was expected."""


@dataclasses.dataclass(frozen=True)
class NodeChange:
    """How one node differs from a plain one.

    since: seconds ago that the sentinel appeared; packages: what it names; files: path -> content.
    """

    required: bool = False
    since: float = 0.0
    packages: tuple[str, ...] = ()
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    annotations: dict[str, str] = dataclasses.field(default_factory=dict)
    taints: tuple[Object, ...] = ()
    cordoned: bool = False
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    def adapt(self, node: Object) -> Object:
        """The Node object with this change made."""
        node["metadata"]["labels"].update(self.labels)
        node["metadata"]["annotations"].update(self.annotations)
        if self.taints:
            node["spec"]["taints"] = [*node["spec"].get("taints", []), *self.taints]
        if self.cordoned:
            node["spec"]["unschedulable"] = True
        return node


@dataclasses.dataclass(frozen=True)
class Scenario:
    """objects: manifests; nodes: by name or number; faults: options of `fault on`; settings: changes to Settings."""

    objects: tuple[Object, ...] = ()
    nodes: dict[str | int, NodeChange] = dataclasses.field(default_factory=dict)
    faults: tuple[Object, ...] = ()
    settings: dict[str, float] = dataclasses.field(default_factory=dict)
    mirror_pods: bool = False

    def change_of(self, name: str, number: int) -> NodeChange:
        """The change of one node, given under its name or its number."""
        return self.nodes.get(name) or self.nodes.get(number) or NodeChange()

    def check_nodes(self, names: list[str]) -> None:
        """Raise ScenarioError for a node that the cluster does not have."""
        for key in self.nodes:
            if (key not in names) if isinstance(key, str) else not 0 <= key < len(names):
                raise ScenarioError(f"scenario: nodes: there is no node {key!r}; numbers go from 0 to {len(names) - 1}")


def load(path: Path) -> Scenario:
    """Read and check a scenario file (YAML); raises ScenarioError."""
    try:
        return parse(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioError(f"scenario {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ScenarioError(f"scenario {path}: not YAML: {' '.join(str(error).split())}") from error


def parse(data: Any) -> Scenario:
    """A scenario from what YAML made of it; raises ScenarioError."""
    if data is None:
        return Scenario()
    top = _mapping(data, "the file")
    _known(top, (field.name for field in dataclasses.fields(Scenario)), "the file")
    return Scenario(
        objects=tuple(_manifest(item, index) for index, item in enumerate(_list(top.get("objects"), "objects"))),
        nodes={_node_key(key): _node_change(value, f"nodes: {key}") for key, value in _nodes(top).items()},
        faults=tuple(_fault(item, index) for index, item in enumerate(_list(top.get("faults"), "faults"))),
        settings=_settings(_mapping(top.get("settings") or {}, "settings")),
        mirror_pods=bool(_typed(top.get("mirror_pods", False), bool, "mirror_pods")),
    )


def _nodes(top: Object) -> Object:
    return _mapping(top.get("nodes") or {}, "nodes")


def _node_key(key: Any) -> str | int:
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise ScenarioError(f"scenario: nodes: {key!r} must be a node's name or number")
    return key


def _manifest(item: Any, index: int) -> Object:
    where = f"objects[{index}]"
    manifest = _mapping(item, where)
    for name in ("apiVersion", "kind", "metadata"):
        if name not in manifest:
            raise ScenarioError(f"scenario: {where}: {name} is missing")
    return manifest


def _node_change(value: Any, where: str) -> NodeChange:
    given = dict(_mapping(value or {}, where))
    _known(given, (field.name for field in dataclasses.fields(NodeChange)), where)
    expected: dict[str, type | tuple[type, ...]] = {
        "required": bool,
        "since": (int, float),
        "packages": list,
        "labels": dict,
        "annotations": dict,
        "taints": list,
        "cordoned": bool,
        "files": dict,
    }
    for name, item in given.items():
        _typed(item, expected[name], f"{where}: {name}")
    for name in ("packages", "taints"):
        if name in given:
            given[name] = tuple(given[name])
    return NodeChange(**given)


def _fault(item: Any, index: int) -> Object:
    where = f"faults[{index}]"
    given = {name.replace("-", "_"): value for name, value in _mapping(item, where).items()}
    if given.get("kind") not in KINDS:
        raise ScenarioError(f"scenario: {where}: kind {given.get('kind')!r} is none of {', '.join(KINDS)}")
    hints = typing.get_type_hints(Fault)
    _known(given, ("kind", *sorted(KINDS[given["kind"]].options)), where)
    for name, value in given.items():
        allowed = _plain_types(hints[name])
        if allowed:
            _typed(value, allowed, f"{where}: {name}")
    return given


def _plain_types(hint: Any) -> tuple[type, ...]:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = tuple(option for option in options if option in (str, int, float, bool))
    return (*plain, int) if float in plain else plain


def _settings(given: Object) -> dict[str, float]:
    _known(given, (field.name for field in dataclasses.fields(Settings)), "settings")
    for name, value in given.items():
        _typed(value, (int, float), f"settings: {name}")
        if value < 0:
            raise ScenarioError(f"scenario: settings: {name}: {value} must not be negative")
    return {name: float(value) for name, value in given.items()}


def _mapping(value: Any, where: str) -> Object:
    checked: Object = _typed(value, dict, where)
    return checked


def _list(value: Any, where: str) -> list[Any]:
    checked: list[Any] = _typed(value or [], list, where)
    return checked


_NAMES = {dict: "a mapping", list: "a list", bool: "true or false", str: "text", int: "a number", float: "a number"}


def _typed(value: Any, expected: type | tuple[type, ...], where: str) -> Any:
    wanted = expected if isinstance(expected, tuple) else (expected,)
    # YAML's true is an int to Python, and never what was meant where a number is expected.
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        names = " or ".join(dict.fromkeys(_NAMES[kind] for kind in wanted))
        raise ScenarioError(f"scenario: {where}: {value!r} must be {names}")
    return value


def _known(given: Object, allowed: Iterable[str], where: str) -> None:
    names = list(allowed)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            raise ScenarioError(f"scenario: {where}: {name!r} is unknown; {hint}")
