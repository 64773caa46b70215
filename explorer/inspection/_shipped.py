"""Models that come with the product, trained by it: weights as safetensors, and beside them a card that says how."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..architecture import Architecture, from_data

FOLDER = Path(__file__).parents[2] / "assets" / "models"
_CARD_BYTES = 1_000_000


class ModelCard(BaseModel):
    """What a person must know to judge a model, and what the product needs to run it: ``NAME.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    title: Annotated[str, Field(min_length=1)]
    """For people."""
    data: str
    """What it was trained on; also if the images were not the original ones."""
    recipe: str
    """How."""
    accuracy: Annotated[float, Field(ge=0, le=1)]
    """Share of the test images that it names rightly."""
    spread: str
    """Accuracy of the same recipe over several seeds."""
    command: str
    """What reproduces it."""
    licence: str
    """Of the weights."""
    architecture: dict[str, Any]
    """As ``architecture.to_data`` gives it."""
    classes: tuple[str, ...]
    """Names, in the order of the scores."""
    mean: tuple[float, ...]
    """See ``Preprocessing``."""
    std: tuple[float, ...]
    """See ``Preprocessing``."""
    sha256: Annotated[str, Field(pattern="[0-9a-f]{64}")]
    """Of the weights' file."""

    def to_architecture(self) -> Architecture:
        """The architecture as a value. Raises ArchitectureError."""
        return from_data(self.architecture)


def load_model_cards(folder: Path | None = None) -> dict[str, ModelCard]:
    """The cards of all models in a folder (default: the product's), by name. One that cannot be read is left out."""
    cards = {}
    for path in sorted((folder or FOLDER).glob("*.json")):
        try:
            about = path.stat()
        except OSError:
            continue
        card = _read(path, about.st_mtime_ns, about.st_size)
        if card is not None and weights_path(path.stem, folder).is_file():
            cards[path.stem] = card
    return cards


def weights_path(name: str, folder: Path | None = None) -> Path:
    """Where a shipped model's weights lie."""
    return (folder or FOLDER) / f"{name}.safetensors"


def write_shipped_model(name: str, weights: bytes, card: dict[str, Any], folder: Path | None = None) -> None:
    """Make a model one that comes with the product: for those who train it. ``card`` without ``sha256``."""
    checked = ModelCard.model_validate({**card, "sha256": hashlib.sha256(weights).hexdigest()})
    path = weights_path(name, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(weights)
    path.with_suffix(".json").write_text(f"{checked.model_dump_json(indent=2)}\n", encoding="utf-8")


@lru_cache(maxsize=32)
def _read(path: Path, *_version: int) -> ModelCard | None:
    try:
        with path.open("rb") as file:
            card = ModelCard.model_validate_json(file.read(_CARD_BYTES))
        _ = card.to_architecture()
    except (OSError, ValidationError, ValueError):
        return None
    return card
