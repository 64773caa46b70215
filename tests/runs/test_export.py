"""Exported runs, read back by the programs that they are meant for."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.cli import main
from explorer.runs import FORMATS, Document, Manager, Point, Run, export_files, export_to, export_zip
from explorer.runs import _tensorboard as ours

from .parts import create, execute

reader = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="needs tests/requirements.txt"
)
FORMULA = "=cmd|' /C calc'!A0"


def point(series: str, step: int, value: float) -> Point:
    return Point(series=series, step=step, value=value, seconds=step / 7)


@pytest.fixture
def run(manager: Manager) -> Run:
    made = create(manager)
    points = [point("train/loss", step, 2.3 / step) for step in range(1, 400)]
    points += [point("gradient_norm/inception_3a", step, 1e-12 * step) for step in range(100, 400, 100)]
    manager.store.record(made.id, points, [Document(name="confusion/test", step=399, data=[[1, 2], [3, 4]])])
    return manager.store.get(made.id)


def stored(manager: Manager, run: Run) -> dict[str, list[Point]]:
    """What is exported: the curves, and the recalls of the confusion matrix."""
    curves = {series: manager.store.points(run.id, series) for series in manager.store.series(run.id)}
    seconds = curves["train/loss"][-1].seconds
    for place, recall in enumerate((1 / 3, 4 / 7)):
        name = f"epoch/test/recall/{place}"
        curves[name] = [Point(series=name, step=399, value=recall, seconds=seconds)]
    return curves


def test_pandas_reads_the_numbers_of_a_table_as_numbers(manager: Manager, run: Run, tmp_path: Path) -> None:
    (path,) = export_to(manager.store, run, "csv", tmp_path)
    frame = pd.read_csv(path)
    assert [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])] == ["run", "name", "series"]
    curves = {series: list(rows["value"]) for series, rows in frame.groupby("series")}
    assert curves == {series: [each.value for each in points] for series, points in stored(manager, run).items()}


def test_tensorboard_reads_the_same_curves(manager: Manager, run: Run, tmp_path: Path) -> None:
    manager.annotate(run.id, name="<script>alert(1)</script>")
    (path,) = export_to(manager.store, run, "tensorboard", tmp_path / "board")
    assert path.parent == tmp_path / "board" / run.id
    read = reader.EventAccumulator(str(path.parent), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    assert set(read.Tags()["scalars"]) == set(stored(manager, run))
    for series, points in stored(manager, run).items():
        found = read.Scalars(series)
        assert [event.step for event in found] == [each.step for each in points]
        assert [event.value for event in found] == [float(np.float32(each.value)) for each in points]
        assert [event.wall_time for event in found] == [run.created + each.seconds for each in points]
    for tag, content in (("config", run.config), ("architecture", run.architecture)):
        (event,) = read.Tensors(tag)
        assert json.loads(event.tensor_proto.string_val[0]) == json.loads(content)
        assert read.SummaryMetadata(tag).plugin_data.plugin_name == "text"


@given(
    st.text(min_size=1, max_size=60),
    st.integers(0, 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1e10),
)
def test_every_record_is_what_tensorboard_would_write(tag: str, step: int, value: float, at: float) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    record = ours.scalar(tag, step, value, at)
    event = Event.FromString(record[12:-4])
    largest = float(np.finfo(np.float32).max)
    with np.errstate(under="ignore"):
        kept = float(np.float32(max(-largest, min(value, largest))))
    assert (event.step, event.wall_time) == (step, at)
    assert [(each.tag, each.simple_value) for each in event.summary.value] == [(tag, kept)]


def test_wall_times_are_those_of_the_recording(manager: Manager, tmp_path: Path) -> None:
    """Three attempts: the second goes on after a pause of an hour, the third repeats what the second did."""
    run = create(manager)
    points = [Point(series="train/loss", step=step, value=1.0, seconds=step / 2) for step in range(1, 31)]
    manager.store.record(run.id, points)
    begun = [(1, 0, 1000.0), (2, 10, 4600.0), (3, 10, 9000.0)]
    database = f"sqlite:///{manager.root / 'runs.sqlite'}"
    for attempt, step, at in begun:
        text = f"attempt {attempt} trains on cuda:0 in 2 processes from step {step}"
        execute(database, f"INSERT INTO events (run, at, text) VALUES ('{run.id}', {at}, '{text}')")
    (path,) = export_to(manager.store, manager.run(run.id), "tensorboard", tmp_path / "board")
    read = reader.EventAccumulator(str(path.parent), size_guidance={"scalars": 0}).Reload()
    times = {event.step: event.wall_time for event in read.Scalars("train/loss")}
    assert (times[1], times[10]) == (1000.5, 1005.0)
    assert (times[11], times[30]) == (9000.5, 9010.0)


def test_the_checksum_is_crc_32c() -> None:
    """The check value of the algorithm's catalogue entry (CRC-32/ISCSI), then masked as TFRecord does."""
    crc = 0xE3069283
    assert ours._masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_a_table_has_a_row_for_every_number_and_no_formula(manager: Manager, run: Run) -> None:
    for name in (FORMULA, "+1", "-1", "@a", "\ta", "plain, 'x' \"y\"\nz"):
        renamed = manager.annotate(run.id, name=name)
        ((file, data),) = export_files(manager.store, renamed, "csv").items()
        assert file == f"{run.id}.csv"
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        assert {row["name"] for row in rows} == {name if name[0] == "p" else f"'{name}"}
        found: dict[str, list[tuple[int, float, float]]] = {}
        for row in rows:
            found.setdefault(row["series"], []).append((int(row["step"]), float(row["value"]), float(row["seconds"])))
        known = stored(manager, run)
        assert found == {name: [(p.step, p.value, p.seconds) for p in known[name]] for name in known}


def test_json_has_everything(manager: Manager, run: Run) -> None:
    manager.store.log_event(run.id, "something")
    ((_, data),) = export_files(manager.store, run, "json").items()
    found = json.loads(data)
    assert found["id"] == run.id
    assert found["config"] == json.loads(run.config)
    assert found["series"]["train/loss"][0] == {"step": 1, "seconds": 1 / 7, "value": 2.3}
    assert found["documents"] == {"confusion/test": [{"step": 399, "data": [[1, 2], [3, 4]]}]}
    assert [event["text"] for event in found["events"]] == ["something"]


@pytest.mark.parametrize("form", FORMATS)
def test_several_runs_in_one_zip(manager: Manager, run: Run, form: str) -> None:
    other = create(manager)
    with zipfile.ZipFile(io.BytesIO(export_zip(manager.store, [run, other], form))) as file:  # type: ignore[arg-type]
        assert file.testzip() is None
        names = file.namelist()
    assert len(names) == len(set(names)) == 2
    assert all(name.startswith(each.id) for name, each in zip(names, (run, other), strict=True))


def test_from_the_command_line(manager: Manager, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = tmp_path / "a" / "b", tmp_path / "c.zip"
    assert main(["runs", "export", run.id, str(folder), "--format", "csv"]) == 0
    assert capsys.readouterr().out == f"{folder / run.id}.csv\n"
    assert main(["runs", "export", run.id, str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run": run.id, "files": [str(file)]}
    assert zipfile.is_zipfile(file)
    assert main(["runs", "export", run.id, str(file / "x")]) == 2
    assert "cannot write" in capsys.readouterr().err
