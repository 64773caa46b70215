"""Sample pictures that come with the product, each with its credit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

FOLDER = Path(__file__).parents[2] / "assets" / "samples"
_LIST = "samples.json"
_LIST_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class SampleImage:
    """One picture."""

    name: str
    """Of the file, without its ending: what addresses hold."""
    title: str
    """For people."""
    class_name: str | None
    """A class of CIFAR-10, None where it shows something else."""
    credit: str
    """Whose picture it is, and under which licence."""
    path: Path


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(pattern=r"^[\w-]{1,80}\.(png|jpg|jpeg)$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    shows: Annotated[str | None, Field(alias="class")]
    credit: Annotated[str, Field(min_length=1, max_length=1000)]


_RECORDS = TypeAdapter(list[_Record])


def list_sample_images(folder: Path | None = None) -> list[SampleImage]:
    """The pictures that ``samples.json`` of a folder (default: the product's) lists and that are there, in its order.

    An absent folder, and a list that cannot be read, give none.
    """
    folder = folder or FOLDER
    try:
        with (folder / _LIST).open("rb") as file:
            found = _RECORDS.validate_json(file.read(_LIST_BYTES))
    except (OSError, ValidationError):
        return []
    return [
        SampleImage(name=Path(each.file).stem, title=each.title, class_name=each.shows, credit=each.credit, path=path)
        for each in found
        if (path := folder / each.file).is_file()
    ]
