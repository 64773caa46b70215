"""Recall and precision of each class, by plain loops over images; in runs, and in what is exported of them."""

from __future__ import annotations

import csv
import io
import json
import math

from hypothesis import given
from hypothesis import strategies as st

from explorer.runs import (
    Document,
    Manager,
    Point,
    Store,
    average_recall,
    export_files,
    find_class_metrics,
    measure_classes,
)
from tests.training.parts import config

CLASSES = ("cat", "dog/=1", "owl")


def as_matrix(pairs: list[tuple[int, int]]) -> list[list[int]]:
    return [[sum(each == (truth, said) for each in pairs) for said in range(3)] for truth in range(3)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=60))
def test_metrics_are_what_a_loop_over_the_images_counts(pairs: list[tuple[int, int]]) -> None:
    found = measure_classes(CLASSES, as_matrix(pairs))
    recalls = []
    for label, each in enumerate(found):
        of_it = [said for truth, said in pairs if truth == label]
        said_so = [truth for truth, said in pairs if said == label]
        assert each.images == len(of_it)
        assert each.name == CLASSES[label]
        for share, images in ((each.recall, of_it), (each.precision, said_so)):
            assert math.isnan(share) if not images else share == images.count(label) / len(images)
        recalls += [each.recall] if of_it else []
    mean = average_recall(found)
    assert math.isnan(mean) if not recalls else math.isclose(mean, sum(recalls) / len(recalls))
    assert "NaN" not in json.dumps([each.to_data() for each in found])


def test_a_runs_recalls_are_read_from_its_confusions_and_exported(manager: Manager) -> None:
    store: Store = manager.store
    run = manager.create("a run", "{}", config().model_dump_json())
    assert find_class_metrics(store, run.id) is None
    first, second = [[3, 1, 0], [0, 2, 2], [0, 0, 0]], [[4, 0, 0], [1, 3, 0], [0, 0, 0]]
    points = [Point(series="epoch/test/accuracy", step=step, value=0.5, seconds=step / 2) for step in (4, 8)]
    store.record(run.id, points, [Document(name="confusion/test", step=4, data=first),
                                  Document(name="confusion/test", step=8, data=second)])  # fmt: skip
    step, classes = find_class_metrics(store, run.id) or (0, ())
    assert (step, [each.name for each in classes]) == (8, ["0", "1", "2"])  # no samples, no names
    assert [each.recall for each in classes[:2]] == [1.0, 0.75]
    table = next(iter(export_files(store, store.get(run.id), "csv").values())).decode()
    rows = [row for row in csv.DictReader(io.StringIO(table)) if "recall" in row["series"]]
    told = [(row["series"], row["step"], row["seconds"], row["value"]) for row in rows]
    assert told == [
        ("epoch/test/recall/0", "4", "2.0", "0.75"), ("epoch/test/recall/1", "4", "2.0", "0.5"),
        ("epoch/test/recall/0", "8", "4.0", "1.0"), ("epoch/test/recall/1", "8", "4.0", "0.75"),
    ]  # fmt: skip
    everything = json.loads(next(iter(export_files(store, store.get(run.id), "json").values())))
    assert [each["value"] for each in everything["series"]["epoch/test/recall/1"]] == [0.5, 0.75]
