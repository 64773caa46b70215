"""README's recipes add a metric, a node kind, a catalogue entry and a data set from outside, as good as built in.

They change tables of the process for good, so they run in one of their own: this file, as a script.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from tests.runs.forking import fork_and_read

ROOT = Path(__file__).resolve().parents[1]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Extending\n")[1].split("\n## ")[0]
RECIPES = ["metric", "node kind", "catalogue entry", "data set"]


@pytest.fixture(scope="module")
def passed(forked_worker: tuple[str, ...]) -> str:
    """What the script below says; one process for all recipes, forked from one that has imported torch."""
    _, output = fork_and_read(forked_worker[-1], "tests.test_extending")
    with output:
        return output.read()


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipe_works_from_outside(passed: str, recipe: str) -> None:
    assert f"{recipe}: works" in passed.splitlines(), passed


def test_every_thing_that_can_be_added_has_a_recipe() -> None:
    assert re.findall(r"^\*\*A(?:n)? (.+?)\*\*", SECTION, re.M) == [*RECIPES, "page"]
    assert len(re.findall(r"```python", SECTION)) == len(RECIPES)
    for path in re.findall(r"`((?:explorer|pages|tests)/[^`]*\.py)`", SECTION):
        assert path == "pages/NAME.py" or (ROOT / path).exists(), path


def check_metric() -> None:
    from explorer import catalog, editor
    from explorer.analysis import METRICS, Sweep, analyze
    from explorer.comparison import compare, find_differences, make_report, render_csv, sample_cloud

    pair = [catalog.get("googlenet"), catalog.get("inception-net")]
    sizes = [4 * analyze(each).params for each in pair]
    comparison = compare(pair)
    cells = next(row.cells for row in comparison.rows if row.metric.key == "weight_bytes")
    assert [cell.value for cell in cells] == sizes
    assert [cell.best for cell in cells] == [size == min(sizes) for size in sizes]
    assert find_differences(*pair).total.weight_bytes == sizes[1] - sizes[0]
    stages = [stage for row in comparison.stages if (stage := row.stages[0]) is not None]
    assert sum(stage.weight_bytes for stage in stages) == sizes[0]
    assert any(row[2] == "weight_bytes" for row in csv.reader(io.StringIO(render_csv(make_report(comparison)))))
    assert sample_cloud(pair[1], 20).front(weight_bytes="least")
    panel = editor.describe_controls(pair[1], analyze(pair[1]), "conv1", metric="weight_bytes", sweep=Sweep())
    assert {"value": "weight_bytes", "label": "weights on disk"} in panel["metrics"]
    assert editor.format_metric(4_000_000, "weight_bytes").endswith("MB")
    assert METRICS["weight_bytes"].read(pair[0], analyze(pair[0])) == sizes[0]


def check_node_kind() -> None:
    import torch

    from explorer import catalog, editor, figures
    from explorer.analysis import analyze, problems
    from explorer.architecture import NODE_KINDS, Architecture, ArchitectureError, Sequence, edit, from_json, to_json
    from explorer.modules import build
    from tests.analysis import measuring
    from tests.test_node_kinds import READINGS

    network = catalog.get("smallest-block")
    alone = Sequence(name="trunk", children=(NODE_KINDS["pixel_unshuffle"](name="sample"),))
    for reading in READINGS:
        reading(Architecture(name="pixel unshuffle", input_shape=(4, 12, 10), trunk=alone))
    found, built = analyze(network), build(network)
    assert isinstance(built.get_submodule("unshuffle"), torch.nn.PixelUnshuffle)
    assert found.coverage["unshuffle"] == 1
    assert found.by_path["unshuffle"].output_shape == (64, 4, 4)
    image = torch.rand(1, *network.input_shape)
    assert found.training_bytes == measuring.saved_bytes(built, image)
    assert found.inference_bytes == measuring.peak_bytes(built, image)
    wider = editor.apply(network, {"do": "set", "path": "unshuffle", "field": "step", "value": 4})
    assert edit.find(wider, "unshuffle").step == 4
    uneven = edit.replace(network, "unshuffle", step=3)
    assert "8×8 pixels are not made of squares of 3×3" in problems(uneven)[0].message
    with pytest.raises(ArchitectureError, match="did you mean 'pixel_unshuffle'"):
        from_json(to_json(network).replace("pixel_unshuffle", "pixel_unshufle"))
    column = next(each for each in figures.lay_out_overview(network, found) if each["path"] == "unshuffle")
    assert column["facts"][0] == ["layer", "squares of 2×2 laid into channels"]


def check_catalogue_entry() -> None:
    from explorer import catalog
    from explorer.architecture import from_link, to_link

    network = catalog.get("smallest-block")
    assert catalog.names()[-1] == "smallest-block"
    assert catalog.name_of(network) == "smallest-block"
    assert from_link(to_link(network)) == network
    with pytest.raises(ValueError, match="already has 'smallest-block'"):
        catalog.register("smallest-block", title="", summary="", source="")(lambda: network)


def check_data_set() -> None:
    from explorer import datasets

    assert "brightness" in datasets.names()
    found = datasets.load("brightness")
    assert (found.train_images.shape, found.test_images.shape) == ((160, 1, 8, 8), (40, 1, 8, 8))


if __name__ == "__main__":
    from explorer import catalog

    before = catalog.name_of(catalog.get("googlenet"))  # what is known now must not hide what comes
    assert before == "googlenet"
    code = "\n".join(re.findall(r"```python\n(.*?)```", SECTION, re.S))
    exec(compile(code, "README.md", "exec", dont_inherit=True), {"__name__": "recipes"})
    for name in RECIPES:
        globals()[f"check_{name.replace(' ', '_')}"]()
        print(f"{name}: works")
