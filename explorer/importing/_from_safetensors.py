"""A safetensors file that holds its design → Import: what ``export --format safetensors`` wrote comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import architecture as arch
from ..analysis import analyze
from ..text import quote, quote_path, shorten
from ._import import Import
from ._problem import ImportingError

_FACTS = ("classes", "preprocessing", "provenance")


def from_safetensors_path(path: str | Path) -> Import:
    """Import a network from a file of weights that holds its design.

    Args:
        path: Of a safetensors file, as this program writes them.

    Returns:
        The import: the design, and weights that fit it name by name.

    Raises:
        ImportingError: The file holds no design, or weights of another one; in one sentence.
        WeightsError: It cannot be read.
    """
    from ..modules import StoredTensor, build, open_weights_file, read_weights

    path = Path(path)
    stored = read_weights([open_weights_file(path)])
    design = stored.facts.get(arch.DESIGN_KEY)
    name = quote_path(path.name)
    if design is None:
        raise ImportingError(f"{name} holds weights without a design; name their network, too: NETWORK:{path.name}")
    try:
        architecture = arch.from_data(design) if isinstance(design, dict) else arch.from_json(str(design))
    except arch.ArchitectureError as error:
        told = shorten(" ".join(str(error).split()), 200)
        raise ImportingError(f"the design that {name} holds is none: {told}") from None
    own = build(architecture, device="meta").state_dict()
    given = {key: tensor for key, tensor in stored.content.items() if isinstance(tensor, StoredTensor)}
    if {key: tuple(each.shape) for key, each in own.items()} != {key: each.shape for key, each in given.items()}:
        raise ImportingError(f"the weights in {name} are not those of the design in it, {quote(architecture.name)}")
    weights = {key: each.load().to(own[key].dtype) for key, each in given.items()}
    found = analyze(architecture)
    return Import(
        status="complete", architecture=architecture, weights=weights, names={each: each for each in weights},
        notes=("The design is the one that the file carries.",), params=found.params, macs=found.macs,
        facts={key: _as_text(stored.facts[key]) for key in _FACTS if key in stored.facts},
    )  # fmt: skip


def _as_text(fact: Any) -> str:
    return fact if isinstance(fact, str) else json.dumps(fact)
