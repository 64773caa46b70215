"""Who is signed in on a server that several people share, and what is theirs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who is signed in. On a server without sign-in there is none, and everybody may do everything."""

    id: str
    """What rows and files name as their owner."""
    name: str
    """Shown to people."""
    email: str = ""
    """As far as the identity provider vouches for it; '' otherwise."""
    admin: bool = False
    """Whether they may look at and change everything."""

    def may_look(self, owner: str, shared: bool) -> bool:
        """Whether they may see something.

        Args:
            owner: Whose it is; '' for what was made without sign-in, which everybody may see.
            shared: Whether its owner lets others look.

        Returns:
            The answer.
        """
        return self.admin or shared or owner in ("", self.id)

    def may_change(self, owner: str) -> bool:
        """Whether they may change or delete something.

        Args:
            owner: Whose it is; '' for what was made without sign-in, which administrators alone may change.

        Returns:
            The answer.
        """
        return self.admin or owner == self.id
