# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the simulator: up, down, state, fault."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import control, faults

_PACKAGE = __package__ or "simulator"
_UP_SECONDS = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0 done, 1 not possible, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except control.ControlError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {_PACKAGE}", description="An AKS cluster on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_up(commands)
    _add(commands, "down", "take a simulator down", _down)
    state = _add(commands, "state", "print machines and request counts as JSON", _state)
    state.add_argument("--requests", action="store_true", help="add the list of requests, in order")
    state.add_argument("--history", action="store_true", help="add what became of nodes, machines and locks, in order")
    _add_fault(commands)
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument("--dir", type=Path, required=True, metavar="DIR", help="directory of the simulator's files")
    command.set_defaults(run=run)
    return command


def _add_up(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    up = _add(commands, "up", "start a simulator; returns when all is ready", _up)
    up.add_argument("--nodes", type=_whole, metavar="N", help="number of nodes (default 5): one system, the rest user")
    up.add_argument(
        "--pools",
        action="append",
        metavar="SPEC",
        help="name=user,count=3[,mode=User|System][,zones=1/2/3][,os=Linux|Windows][,kind=vmss|vm][,priority=Spot]; "
        "may be given several times, in place of --nodes",
    )
    up.add_argument("--required", type=_whole, default=0, metavar="N", help="nodes that need a reboot (default 0)")
    up.add_argument("--boot-seconds", type=_seconds, metavar="S", help="time of a reboot (default 2)")
    up.add_argument("--heartbeat-seconds", type=_seconds, metavar="S", help="period of the kubelets (default 10)")
    up.add_argument("--scenario", type=Path, metavar="FILE", help="YAML: objects, nodes, faults, settings")
    up.add_argument("--kubeconfig", type=Path, metavar="FILE", help="use this Kubernetes API, not a simulated one")
    up.add_argument("--foreground", action="store_true", help="stay in the foreground")
    up.add_argument("--ready-descriptor", type=int, help=argparse.SUPPRESS)


def _add_fault(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    fault = commands.add_parser("fault", help="switch faults on and off", description="switch faults on and off")
    verbs = fault.add_subparsers(dest="verb", required=True)
    kinds = "\n".join(f"  {name:20} {kind.text}" for name, kind in faults.KINDS.items())
    on = _add(verbs, "on", "switch a fault on and print it, with its ID, as JSON", _fault_on)
    on.formatter_class = argparse.RawDescriptionHelpFormatter
    on.epilog = f"kinds:\n{kinds}"
    on.add_argument("kind", choices=tuple(faults.KINDS), metavar="KIND")
    on.add_argument("--node", metavar="NAME", help="only what concerns this node")
    on.add_argument("--pod", metavar="NAMESPACE/NAME", help="only requests for this pod")
    on.add_argument("--count", type=_positive, metavar="N", help="strike so often only")
    on.add_argument("--seconds", type=_seconds, metavar="S", help="duration, by kind")
    on.add_argument("--path", metavar="REGEX", help="only requests whose path?query it is found in")
    on.add_argument("--method", type=str.upper, metavar="METHOD", help="only requests of this HTTP method")
    on.add_argument("--server", choices=("api", "arm", "entra"), help="only requests to this server")
    on.add_argument("--code", type=_status, metavar="STATUS", help="HTTP status")
    on.add_argument("--retry-after", type=_whole, metavar="S", help="Retry-After header, whole seconds")
    on.add_argument("--when", choices=("before", "after"), help="before or after the request was carried out")
    on.add_argument("--message", metavar="TEXT", help="message of the error")
    on.add_argument("--error-code", metavar="CODE", help="ARM code or Kubernetes reason of the error")
    on.add_argument("--all-clients", action="store_true", help="strike the simulator's own requests too")
    off = _add(verbs, "off", "switch one fault or all off", _fault_off)
    off.add_argument("id", nargs="?", type=_identity, metavar="ID|all", help="default: all")
    release = _add(verbs, "release", "let the requests of a hold go on", _fault_release)
    release.add_argument("id", type=_positive, metavar="ID")
    _add(verbs, "list", "print the faults that are on as JSON", _fault_list)


def _whole(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1")
    return int(text)


def _status(text: str) -> int:
    if not text.isdigit() or not 200 <= int(text) <= 599:
        raise argparse.ArgumentTypeError(f"{text!r} must be an HTTP status from 200 to 599")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds from 0")
    return value


def _identity(text: str) -> int | None:
    return None if text == "all" else _positive(text)


def _up(options: argparse.Namespace) -> int:
    directory: Path = options.dir.resolve()
    pid = control.running_pid(directory)
    if pid is not None:
        return _refuse(f"a simulator (pid {pid}) runs in {directory} already: `down --dir {directory}` ends it")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        return _refuse(f"--dir {directory}: {error.strerror}")
    return _up_here(options, directory) if options.foreground else _up_in_background(options, directory)


def _refuse(text: str) -> int:
    print(f"up: {text}", file=sys.stderr)
    return 1


def _up_here(options: argparse.Namespace, directory: Path) -> int:
    # Everything else of the command line does without these, and starts in a tenth of the time.
    from . import daemon
    from .plan import make_plan

    def ready(problem: str) -> None:
        if options.ready_descriptor is not None:
            with os.fdopen(options.ready_descriptor, "w", encoding="utf-8") as parent:
                parent.write(problem or "ready")
        elif problem:
            _refuse(problem)
        else:
            _tell(directory)

    try:
        plan = make_plan(
            directory,
            nodes=options.nodes,
            pools=options.pools,
            required=options.required,
            boot_seconds=options.boot_seconds,
            heartbeat_seconds=options.heartbeat_seconds,
            scenario=options.scenario,
            external=options.kubeconfig,
        )
    except ValueError as error:
        ready(str(error))
        return 1
    return daemon.run(plan, ready)


def _up_in_background(options: argparse.Namespace, directory: Path) -> int:
    reader, writer = os.pipe()
    command = [sys.executable, "-m", _PACKAGE, *_again(options, directory, writer)]
    # The child must find this package wherever this process found it.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    with (directory / "simulator.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writer],
            env=environment,
            start_new_session=True,
        )
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as answer:
        problem = answer.read()
    if problem == "ready":
        _tell(directory)
        return 0
    child.wait(_UP_SECONDS)
    return _refuse(problem or f"the simulator ended at once: see {directory}/simulator.log")


def _again(options: argparse.Namespace, directory: Path, descriptor: int) -> list[str]:
    """The arguments of the process that stays."""
    arguments = ["up", "--foreground", "--dir", str(directory), "--ready-descriptor", str(descriptor)]
    for name in ("nodes", "required", "boot_seconds", "heartbeat_seconds"):
        if getattr(options, name) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    for name in ("scenario", "kubeconfig"):
        if getattr(options, name) is not None:
            arguments += [f"--{name}", str(getattr(options, name).resolve())]
    for specification in options.pools or []:
        arguments += ["--pools", specification]
    return arguments


def _tell(directory: Path) -> None:
    print(f"ready: `. {directory}/env` for kubectl and the Azure SDK; `ssh -F {directory}/ssh_config NODE`")
    print(f"playbooks: `ansible-playbook kubeops.aks_reboot.reboot -e @{directory}/vars.yml`", flush=True)


def _down(options: argparse.Namespace) -> int:
    directory = options.dir.resolve()
    if not control.stop(directory):
        print(f"down: no simulator runs in {directory}", file=sys.stderr)
    return 0


def _state(options: argparse.Namespace) -> int:
    return _print(control.request(options.dir.resolve(), "state", requests=options.requests, history=options.history))


_FAULT_OPTIONS = (
    *("node", "pod", "count", "seconds", "path", "method", "server", "code", "retry_after", "when", "message"),
    *("error_code", "all_clients"),
)


def _fault_on(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in _FAULT_OPTIONS}
    return _print(control.request(options.dir.resolve(), "fault-on", kind=options.kind, **given))


def _fault_off(options: argparse.Namespace) -> int:
    return _print(control.request(options.dir.resolve(), "fault-off", id=options.id))


def _fault_release(options: argparse.Namespace) -> int:
    return _print(control.request(options.dir.resolve(), "fault-release", id=options.id))


def _fault_list(options: argparse.Namespace) -> int:
    return _print(control.request(options.dir.resolve(), "fault-list"))


def _print(value: Any) -> int:
    try:
        print(json.dumps(value, indent=2), flush=True)
    except BrokenPipeError:
        # A reader such as `head` has seen enough; Python must not complain again when it closes its output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
