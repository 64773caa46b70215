"""What the store knows of a run as files for other programs: TensorBoard, a spreadsheet, a reader of JSON."""

from __future__ import annotations

import bisect
import csv
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from ..text import escape_csv
from . import _tensorboard as tensorboard
from ._class_metrics import list_recalls
from ._files import atomic_write
from ._records import Point, Run
from ._store import Store

Format = Literal["tensorboard", "csv", "json"]
"""The forms in which a run is exported."""
_BEGINNING = re.compile(r"attempt \d+ trains on .* from step (\d+)")
"""The event with which a worker begins."""
FORMATS: tuple[Format, ...] = get_args(Format)
"""All of them."""


def export_files(store: Store, run: Run, form: Format) -> dict[str, bytes]:
    """Make the files of a run for other programs.

    The recall of each class after every epoch is among the series of all three.

    - ``tensorboard``: a folder with one event file. Its wall times are those at which the points were recorded, as
      far as it is known when each attempt began; pauses show.
    - ``csv``: a row per series and step.
    - ``json``: everything, the documents and events too.

    Args:
        store: The store that has the run.
        run: The run.
        form: Which form.

    Returns:
        Contents by relative path, which the run's id makes unique.

    Raises:
        StoreError: The store cannot be read.
    """
    points = [point for series in store.series(run.id) for point in store.points(run.id, series)]
    points += list_recalls(store, run.id, points)
    if form == "tensorboard":
        data = _event_file(run, points, _attempts(store.events(run.id)))
        return {f"{run.id}/events.out.tfevents.{run.created:.0f}.{run.id}": data}
    if form == "csv":
        return {f"{run.id}.csv": _table(run, points)}
    return {f"{run.id}.json": json.dumps(_everything(store, run, points)).encode()}


def export_zip(store: Store, runs: Iterable[Run], form: Format) -> bytes:
    """Pack the files of some runs, as ``export_files`` makes them, into one zip file.

    Args:
        store: The store that has the runs.
        runs: The runs.
        form: Which form.

    Returns:
        The bytes of the zip file.

    Raises:
        StoreError: The store cannot be read.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for run in runs:
            for name, data in export_files(store, run, form).items():
                file.writestr(name, data)
    return buffer.getvalue()


def export_to(store: Store, run: Run, form: Format, target: Path) -> list[Path]:
    """Write the files of a run into a zip file or a folder. A file of the same name is replaced.

    Args:
        store: The store that has the run.
        run: The run.
        form: Which form.
        target: Path of the zip file (it ends in .zip) or of the folder, which is made where it is missing.

    Returns:
        The paths written.

    Raises:
        OSError: A file could not be written.
        StoreError: The store cannot be read.
    """
    if target.suffix.lower() == ".zip":
        files = {target: export_zip(store, [run], form)}
    else:
        files = {target / name: data for name, data in export_files(store, run, form).items()}
    for path, data in files.items():
        os.makedirs(path.parent, exist_ok=True)
        atomic_write(path, data)
    return list(files)


def _attempts(events: Iterable[tuple[float, str]]) -> list[tuple[int, float]]:
    """(updates done before, when it began in seconds since 1970) of each attempt whose numbers still stand."""
    begun: list[tuple[int, float]] = []
    for at, text in events:
        found = _BEGINNING.match(text)
        if found:
            step = int(found[1])
            # What came after its first step was trained again.
            begun = [*((before, when) for before, when in begun if before < step), (step, at)]
    return begun


def _wall_times(run: Run, points: list[Point], attempts: list[tuple[int, float]]) -> Callable[[Point], float]:
    """When a point was recorded: the beginning of its attempt and the seconds that were trained since."""
    reached = sorted({point.step: point.seconds for point in points}.items())
    steps = [step for step, _ in reached]
    origins = []  # of the seconds of training, one for each attempt
    for step, at in attempts:
        place = bisect.bisect_right(steps, step)
        origins.append((step, at - (reached[place - 1][1] if place else 0.0)))

    def wall_time(point: Point) -> float:
        place = bisect.bisect_left(origins, (point.step, -math.inf))  # the last that began before its step
        return (origins[place - 1][1] if place else run.created) + point.seconds

    return wall_time


def _event_file(run: Run, points: list[Point], attempts: list[tuple[int, float]]) -> bytes:
    records = [tensorboard.begin(run.created)]
    for tag, content in (("config", run.config), ("architecture", run.architecture)):
        pretty = json.dumps(json.loads(content), indent=2)
        # Indented by four: for Markdown it is code, whatever a person has written into it.
        records.append(tensorboard.text(tag, "    " + pretty.replace("\n", "\n    "), run.created))
    wall_time = _wall_times(run, points, attempts)
    records += [tensorboard.scalar(p.series, p.step, p.value, wall_time(p)) for p in points]
    return b"".join(records)


def _table(run: Run, points: list[Point]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["run", "name", "series", "step", "seconds", "value"])
    for point in points:
        names = map(escape_csv, (run.id, run.name, point.series))
        writer.writerow([*names, point.step, repr(point.seconds), repr(point.value)])
    return text.getvalue().encode()


def _everything(store: Store, run: Run, points: list[Point]) -> dict[str, Any]:
    series: dict[str, list[dict[str, float]]] = {}
    for point in points:
        series.setdefault(point.series, []).append({"step": point.step, "seconds": point.seconds, "value": point.value})
    documents = {
        name: [{"step": step, "data": data} for step, data in store.documents(run.id, name)]
        for name in store.document_names(run.id)
    }
    events = [{"at": at, "text": text} for at, text in store.events(run.id)]
    return {**run.to_data(), "series": series, "documents": documents, "events": events}
