"""Whether a source that comes in again is still what was written."""

from __future__ import annotations

import re
from contextlib import suppress

from ..architecture import Architecture
from ._pytorch import write_source
from ._sequential import write_sequential


def tell_changes(source: bytes, architecture: Architecture) -> str | None:
    """Tell whether a source that was opened by its link is still what was written.

    Args:
        source: The content of the file.
        architecture: The design that it links.

    Returns:
        A sentence to say beside the design; None where the code of its network is that of the design.
    """
    there = " ".join(source.decode("utf-8", "replace").split())
    with suppress(ValueError):
        for written in (write_source(architecture), write_sequential(architecture)[0]):
            blocks = re.split(r"\n\n\n(?=class |def |@)", written.partition('if __name__ == "__main__":')[0])[1:]
            network = [each for each in blocks if not each.startswith("def print_shapes")]  # not in a training script
            if all(" ".join(block.split()) in there for block in network):
                return None
    return (
        "The design is the one that the file links. The code differs from what is written of it today: if "
        "it was changed by hand, the changes are not in the design (importing.from_module reads what it computes)."
    )
