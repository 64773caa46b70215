"""Sample images that come with the product, each with its credit."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[2] / "assets" / "samples"
_LIST = "samples.json"
_LIST_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class SampleImage:
    """One sample image."""

    name: str
    """Of the file, without its ending; used in addresses."""
    title: str
    """Shown to people."""
    class_name: str | None
    """The true class, one of CIFAR-10's; None where it is none of them."""
    credit: str
    """Author and licence."""
    path: Path
    """The image file."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(pattern=r"^[\w-]{1,80}\.(png|jpg|jpeg)$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    shows: Annotated[str | None, Field(alias="class")]
    credit: Annotated[str, Field(min_length=1, max_length=1000)]


_RECORDS = TypeAdapter(list[_Record])


def list_sample_images(folder: Path | None = None) -> list[SampleImage]:
    """List the images that ``samples.json`` of a folder names and that exist, in its order.

    Args:
        folder: Default: the product's own.

    Returns:
        The images; none (with a warning in the log) where the list is damaged or absent.
    """
    folder = folder or FOLDER
    try:
        with (folder / _LIST).open("rb") as file:
            found = _RECORDS.validate_json(file.read(_LIST_BYTES))
    except (OSError, ValidationError) as error:
        logger.warning("no sample images: %s cannot be read (%s)", folder / _LIST, error)
        return []
    return [
        SampleImage(name=Path(each.file).stem, title=each.title, class_name=each.shows, credit=each.credit, path=path)
        for each in found
        if (path := folder / each.file).is_file()
    ]
