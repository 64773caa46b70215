"""Undo and redo as a value: an architecture with those before it and those that were taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from explorer.architecture import Architecture

MAX_STEPS = 200
"""Architectures that can be undone."""


@dataclass(frozen=True)
class History:
    """An architecture, and the way to it.

    A history is never changed: each method returns another one.
    """

    current: Architecture
    """The architecture that is shown."""
    past: tuple[Architecture, ...] = ()
    """What Undo goes back to, the last one first to return."""
    future: tuple[Architecture, ...] = ()
    """What Redo goes forward to, the last one first to return."""
    gesture: object = None
    """Names the drag that made the current architecture; None for a change by itself."""

    def record(self, value: Architecture, gesture: object = None) -> History:
        """Add an architecture to the history.

        Args:
            value: The new current architecture; an equal one changes nothing.
            gesture: Names the drag that it belongs to. One drag is one step back, however many values it passed,
                and none where it ends as it began.

        Returns:
            The new history; what had been undone can no longer be redone.
        """
        if value == self.current:
            return self
        same = gesture is not None and gesture == self.gesture
        if same and self.past[-1:] == (value,):  # the drag is back where it began: no step, whatever it does next
            return History(value, self.past[:-1])
        past = self.past if same else (*self.past, self.current)[-MAX_STEPS:]
        return History(value, past, (), gesture)

    def undo(self) -> History:
        """Go one step back.

        Returns:
            The history afterwards; itself where there is nothing to undo.
        """
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (*self.future, self.current))

    def redo(self) -> History:
        """Go one step forward.

        Returns:
            The history afterwards; itself where there is nothing to redo.
        """
        if not self.future:
            return self
        return History(self.future[-1], (*self.past, self.current), self.future[:-1])

    def resume(self, later: History) -> History:
        """Go on where this history ended.

        Args:
            later: What was done since, from an architecture of its own on; that is a step where it is another one.

        Returns:
            The history with the steps of both. Where nothing was done since, what was undone can still be redone.
        """
        begun = later.past[0] if later.past else later.current
        if begun == self.current and not later.past:
            return replace(self, gesture=None)  # drags are numbered anew
        joined = self.record(begun)
        return replace(later, past=(*joined.past, *later.past)[-MAX_STEPS:])

    def forget_past(self) -> History:
        """Forget what could be undone.

        Returns:
            The history with nothing to undo.
        """
        return replace(self, past=())
