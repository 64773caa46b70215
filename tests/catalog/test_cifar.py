"""The small networks for 32×32 images: small enough, and variants that differ from the base in what they name."""

from __future__ import annotations

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit

BASE = "cifar-inception"
VARIANTS = [name for name in catalog.names() if name.startswith(f"{BASE}-")]


def test_base_and_four_variants() -> None:
    assert {name.removeprefix(BASE) for name in VARIANTS} == {"-residual", "-se", "-cbam", "-residual-cbam"}


@pytest.mark.parametrize("name", [BASE, *VARIANTS])
def test_below_a_million_parameters(name: str) -> None:
    found = analyze(catalog.get(name))
    assert found.params < 1_000_000
    assert found.input_shape == (3, 32, 32)
    assert found.totals.output_shape == (10,)


def plain(architecture: Architecture) -> Architecture:
    """Without attention and shortcuts, by the edits of a page, under the base's name."""
    for block in edit.blocks(architecture):
        architecture = edit.set_residual(edit.set_attention(architecture, block, None), block, None)
    return edit.replace(architecture, "", name=catalog.get(BASE).name)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_without_what_it_names_is_the_base(name: str) -> None:
    variant = catalog.get(name)
    assert plain(variant) == catalog.get(BASE)
    for block in edit.blocks(variant):
        assert (edit.find(variant, block).op == "residual") == ("residual" in name)
        path = edit.attention_of(variant, block)
        kind = edit.find(variant, path).kind if path else None
        assert kind == ("cbam" if "cbam" in name else "se" if "se" in name.split("-") else None)
