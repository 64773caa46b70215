"""Seeds as people type them: one syntax for the pages and the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.experiments import MAX_SEEDS, parse_seeds

SEEDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=MAX_SEEDS, unique=True)


@given(SEEDS, st.sampled_from([", ", ",", " ", " , "]), st.sampled_from(["", " ", ","]))
def test_what_was_typed_is_what_is_meant(seeds: list[int], separator: str, end: str) -> None:
    assert parse_seeds(separator.join(map(str, seeds)) + end) == tuple(seeds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "whole numbers"), ("x", "whole numbers"), ("-1", "whole numbers"), ("1.5", "whole numbers"),
     ("1e3", "whole numbers"), ("4294967296", "must be from 0 to 4294967295"), ("1, 1", "given twice"),
     ("1 2 3", "3 seeds were given; there may be 1 to 2")],
)  # fmt: skip
def test_what_is_no_list_of_seeds_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_seeds(text, most=2)
