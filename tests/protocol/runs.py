# Copyright (c) 2026, kubeops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: what it does next, and which rule makes it do so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .state import Journal, Node, Run, Setting, Slot, State

Step = tuple[str, State]


class Actor(NamedTuple):
    """A run at a moment. Its steps are one request each; what it waits for is no step."""

    state: State
    number: int
    run: Run
    setting: Setting

    def act(self) -> Iterator[Step]:
        if self.run.step == "idle":
            yield from self._choose()
            return
        if not self.run.young and "guard" not in self.setting.off:
            yield self._stop("its last renewal is old")
            return
        if not self._holds:
            # Its thread renews from time to time and finds the slot in other hands; until then it writes on.
            yield self._stop("the slot is not its own any more")
        yield from getattr(self, "_" + self.run.step.replace(" ", "_"))()

    def _on(self, rule: str) -> bool:
        return rule not in self.setting.off

    @property
    def _node(self) -> Node:
        return self.state.nodes[self.run.node]

    @property
    def _slot(self) -> Slot | None:
        return self.state.slots[self.run.node]

    @property
    def _holds(self) -> bool:
        slot = self._slot
        return slot is not None and slot.run == self.number and not slot.revoked

    def _to(
        self,
        what: str,
        step: str,
        *,
        node: Node | None = None,
        slot: Slot | str | None = "",
        handle: bool | None = None,
    ) -> Step:
        state, number = self.state, self.run.node
        run = self.run._replace(step=step, handle=self.run.handle if handle is None else handle)
        if step == "idle":
            run = Run(life=run.life)
        runs = [*state.runs]
        runs[self.number] = run
        if node is not None:
            for other, frozen in enumerate(runs):
                if other != self.number and frozen.life == "frozen" and frozen.node == number:
                    runs[other] = frozen._replace(stale=True)
        nodes = state.nodes if node is None else (*state.nodes[:number], node, *state.nodes[number + 1 :])
        slots = state.slots if isinstance(slot, str) else (*state.slots[:number], slot, *state.slots[number + 1 :])
        after = State(slots, nodes, tuple(runs), state.left)
        return f"run {self.number}, node {number}: {what}", after

    def _stop(self, why: str) -> Step:
        return self._to(f"stops, because {why}", "idle")

    def _choose(self) -> Iterator[Step]:
        """The next node; a run without one is at its end, or starts again when there is one."""
        used = sum(
            slot is not None or (node.journal is not None and self._on("orphans"))
            for slot, node in zip(self.state.slots, self.state.nodes, strict=True)
        )
        for number, (slot, node) in enumerate(zip(self.state.slots, self.state.nodes, strict=True)):
            run = Run(node=number, young=True)
            if slot is not None:
                if not slot.fresh:
                    kept = slot if self._on("remember") else slot._replace(sent=False)
                    incarnation = slot.incarnation if kept.sent else node.incarnation
                    taken = kept._replace(run=self.number, fresh=True, revoked=False, incarnation=incarnation)
                    yield self._take(number, taken, run._replace(step="settle"), "takes over the slot of")
            elif node.journal is not None:
                mine = Slot(self.number, incarnation=node.incarnation)
                yield self._take(number, mine, run._replace(step="settle"), "looks after")
            elif node.present and node.required and used < self.setting.slots:
                mine = Slot(self.number, incarnation=node.incarnation)
                yield self._take(number, mine, run._replace(step="cordon"), "takes a slot for")

    def _take(self, number: int, slot: Slot, run: Run, verb: str) -> Step:
        slots = (*self.state.slots[:number], slot, *self.state.slots[number + 1 :])
        runs = (*self.state.runs[: self.number], run, *self.state.runs[self.number + 1 :])
        return f"run {self.number} {verb} node {number}", self.state._replace(slots=slots, runs=runs)

    def _fenced(self) -> Journal | None:
        """The node's journal, if the fence lets this run write it."""
        journal = self._node.journal
        if self._on("fence"):
            return journal if journal is not None and journal.run == self.number else None
        return Journal(self.number, "cordoned") if journal is None else journal._replace(run=self.number)

    def _journal(self, what: str, step: str, journal: Journal) -> Step:
        return self._to(what, step, node=self._node._replace(journal=journal, cordoned=True))

    def _elsewhere(self) -> Iterator[Step]:
        """The journal is not this run's: whoever holds the slot looks again, anybody else stops."""
        if self._holds:
            yield self._to("finds the node changed and looks again", "settle")
        else:
            yield self._stop("the node is not its own")

    def _cordon(self) -> Iterator[Step]:
        node = self._node
        if node.journal is not None:
            yield from self._elsewhere()
        elif not node.present or not node.required:
            yield self._to("finds nothing to do", "release")
        else:
            yield self._journal("cordons", "drained", Journal(self.number, "cordoned"))

    def _drained(self) -> Iterator[Step]:
        journal = self._fenced()
        if journal is None:
            yield from self._elsewhere()
        elif journal.booted:
            yield self._journal("finds that it has rebooted by itself", "uncordon", journal._replace(phase="proven"))
        else:
            yield self._journal("has drained it", "mark", journal._replace(phase="drained"))

    def _mark(self) -> Iterator[Step]:
        journal = self._fenced()
        if journal is None:
            yield from self._elsewhere()
        elif journal.booted:
            yield self._journal("finds that it has rebooted by itself", "uncordon", journal._replace(phase="proven"))
        else:
            yield self._journal("marks it rebooting", "note", journal._replace(phase="rebooting"))

    def _note(self) -> Iterator[Step]:
        slot = self._slot
        if slot is None or not self._holds:
            if "guard" in self.setting.off:
                yield self._to("does not look at the ledger", "send")
            return
        yield self._to("notes in the ledger that it sends a restart", "send", slot=slot._replace(sent=True))

    def _send(self) -> Iterator[Step]:
        node, left = self._node, self.state.left
        yield self._to("sends the restart", "note operation", node=node._replace(pending=node.pending + 1), handle=True)
        if left.rejections:
            name, after = self._to("sends the restart, which is refused", "unmark")
            yield name, after._replace(left=left._replace(rejections=left.rejections - 1))

    def _note_operation(self) -> Iterator[Step]:
        journal = self._fenced()
        if journal is None:
            yield from self._elsewhere()
        else:
            yield self._journal("notes the operation", "prove", journal._replace(operation=True))

    def _prove(self) -> Iterator[Step]:
        """Wait for the end of the operation, or for the horizon where there is none."""
        journal, node = self._fenced(), self._node
        if journal is None:
            yield from self._elsewhere()
            return
        known = self.run.handle or journal.operation
        over = node.pending == 0 or (not self._on("operation") if known else not self._on("horizon"))
        if not over:
            return
        if journal.booted:
            yield self._journal("has the proof", "uncordon", journal._replace(phase="proven"))
        elif node.pending == 0 or not known:
            yield self._to("finds that no restart happened", "unmark")

    def _unmark(self) -> Iterator[Step]:
        journal = self._fenced()
        if journal is None:
            yield from self._elsewhere()
        else:
            yield self._journal("goes back to drained", "unsend", Journal(self.number, "drained", journal.booted))

    def _unsend(self) -> Iterator[Step]:
        slot = self._slot
        if slot is not None and self._holds:
            yield self._to("takes its note in the ledger back", "uncordon", slot=slot._replace(sent=False))

    def _uncordon(self) -> Iterator[Step]:
        journal = self._fenced()
        if journal is None:
            yield from self._elsewhere()
            return
        node = self._node._replace(cordoned=False, journal=None)
        yield self._to("uncordons", "settled" if journal.phase == "proven" else "release", node=node)

    def _settled(self) -> Iterator[Step]:
        slot = self._slot
        if slot is not None and self._holds:
            yield self._to("notes that no restart is outstanding", "release", slot=slot._replace(sent=False))

    def _release(self) -> Iterator[Step]:
        slot, node = self._slot, self._node
        if slot is None or not self._holds:
            return
        if slot.sent and self._on("outlive"):
            yield self._to("keeps the slot, since a restart may be outstanding", "settle")
        elif node.journal is not None and node.journal.run == self.number:
            yield self._to("finds its journal there", "settle")
        else:
            yield self._to("releases", "idle", slot=None)

    def _settle(self) -> Iterator[Step]:
        """What recovery does, and every run that finds a node other than it left it."""
        slot, node = self._slot, self._node
        if slot is None or not self._holds:
            return
        if not node.present:
            if not slot.sent or not self._on("outlive") or node.pending == 0:
                yield self._to("lets the machine go", "idle", slot=None)
        elif node.journal is None:
            if slot.sent and slot.incarnation != node.incarnation and self._on("recordon"):
                yield self._to("looks at a node that came back", "cordon again")
            else:
                touched = node if self._on("touch") else None
                yield self._to("touches a node that nobody works on", "drop", node=touched)
        elif node.journal.run != self.number:
            yield self._to("takes the journal", "take journal")
        else:
            yield self._to("goes on", _after(node.journal.phase))

    def _drop(self) -> Iterator[Step]:
        slot, node = self._slot, self._node
        if slot is None or not self._holds:
            return
        if node.journal is not None:
            yield self._to("finds a journal after all", "settle")
        else:
            yield self._to("drops the slot", "idle", slot=None)

    def _cordon_again(self) -> Iterator[Step]:
        if self._node.journal is not None or not self._node.present:
            yield from self._elsewhere()
        else:
            yield self._journal("cordons it again", "wait out", Journal(self.number, "rebooting"))

    def _wait_out(self) -> Iterator[Step]:
        """Nobody knows the boot ID before the restart any more: only the horizon tells."""
        journal = self._fenced()
        if journal is None:
            yield from self._elsewhere()
        elif self._node.pending == 0 or not self._on("horizon"):
            yield self._journal("has waited long enough", "uncordon", journal._replace(phase="proven"))

    def _take_journal(self) -> Iterator[Step]:
        journal = self._node.journal
        if journal is None:
            yield from self._elsewhere()
        else:
            yield self._journal("takes it over", _after(journal.phase), journal._replace(run=self.number))


def _after(phase: str) -> str:
    """A recovering run never restarts: it proves, or rolls back."""
    return {"rebooting": "prove", "proven": "uncordon"}.get(phase, "uncordon")
