"""Models that come with the product: weights as safetensors, and a model card (JSON) beside them."""

from __future__ import annotations

import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..architecture import Architecture, from_data

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[2] / "assets" / "models"
_CARD_BYTES = 1_000_000


class ModelCard(BaseModel):
    """What a person must know to interpret a model, and what the product needs to run it: ``NAME.json``.

    The field names are the keys of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    title: Annotated[str, Field(min_length=1)]
    """Shown to people."""
    data: str
    """Training data, and how it differs from the original where it does."""
    recipe: str
    """How it was trained."""
    accuracy: Annotated[float, Field(ge=0, le=1)]
    """Share of the test images that are classified correctly, 0 to 1."""
    spread: str
    """Accuracy of the same recipe over several seeds."""
    command: str
    """The command that trains such a model."""
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
    seen: tuple[str, ...] = ()
    """Data sets whose test images were among the training images: accuracy on those flatters."""
    sha256: Annotated[str, Field(pattern="[0-9a-f]{64}")]
    """Of the file of weights."""

    def to_architecture(self) -> Architecture:
        """Read the architecture as a value. Raises ArchitectureError where the data describe none."""
        return from_data(self.architecture)


def load_model_cards(folder: Path | None = None) -> dict[str, ModelCard]:
    """Load the cards of all shipped models.

    Args:
        folder: Default: the product's own.

    Returns:
        Cards by name. Cards that cannot be read, or have no weights, are left out, with a warning in the log.
    """
    cards = {}
    for path in sorted((folder or FOLDER).glob("*.json"), key=lambda each: each.stem):
        try:
            about = path.stat()
        except OSError:
            continue
        card = _read(path, about.st_mtime_ns, about.st_size)
        if card is not None and weights_path(path.stem, folder).is_file():
            cards[path.stem] = card
    return cards


def weights_path(name: str, folder: Path | None = None) -> Path:
    """The file of a shipped model's weights."""
    return (folder or FOLDER) / f"{name}.safetensors"


def write_shipped_model(name: str, weights: bytes, card: dict[str, Any], folder: Path | None = None) -> None:
    """Store a model as one that comes with the product. For developers.

    Args:
        name: of the model and its files.
        weights: the content of a safetensors file.
        card: the fields of ``ModelCard`` except ``sha256``, which is computed.
        folder: default: the product's own.

    Raises:
        pydantic.ValidationError: the card is incomplete or wrong.
    """
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
    except (OSError, ValidationError, ValueError) as error:
        logger.warning("the shipped model %s is left out: its card cannot be read (%s)", path.stem, error)
        return None
    return card
