"""Our GoogLeNet and Inception v3 have torchvision's counts; that they give its numbers is shown in
``tests/inspection/test_published.py``, where its weights are loaded."""

from __future__ import annotations

import pytest
import torch
import torchvision

from explorer import analysis, catalog


@pytest.mark.parametrize("name", ["googlenet-torchvision", "inception-v3"])
def test_counts_are_torchvisions(name: str) -> None:
    model = torchvision.models.inception_v3 if name == "inception-v3" else torchvision.models.googlenet
    with torch.device("meta"):
        with_heads = model(weights=None, aux_logits=True, init_weights=False)
        without = model(weights=None, aux_logits=False, init_weights=False)
    totals = analysis.analyze(catalog.get(name)).totals
    assert totals.training_params == sum(p.numel() for p in with_heads.parameters())
    assert totals.params == sum(p.numel() for p in without.parameters())
