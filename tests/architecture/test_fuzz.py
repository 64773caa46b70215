"""Thousands of texts and links that went wrong on the way: no exception but ArchitectureError.

How long they take is measured in ``tests/benchmarks/test_reading_speed.py``.
"""

from __future__ import annotations

import random

import pytest

from explorer.analysis import problems
from explorer.architecture import from_json, from_link
from tests.architecture.mutations import (
    LINKS,
    MANY,
    Mutation,
    in_bytes,
    in_link,
    in_numbers,
    in_structure,
    in_tokens,
    largest_numbers,
    mutations,
    read,
)
from tests.sizes import examples


@pytest.mark.parametrize(
    ("mutate", "count"), [(in_bytes, 2500), (in_tokens, 2500), (in_structure, 2500), (in_numbers, 1500)]
)
def test_mutated_texts(mutate: Mutation, count: int) -> None:
    read_well, count = 0, examples(count)
    for _, text in mutations(mutate, count):
        architecture = read(from_json, text)
        if architecture is not None:
            read_well += 1
            problems(architecture)
    assert read_well < count, "mutations that never do harm test nothing"
    if mutate in (in_structure, in_numbers):
        assert read_well > count / 50, "some should reach the analysis"


def test_mutated_links() -> None:
    rng = random.Random("links 1")
    count = examples(1000)
    refused = sum(read(from_link, in_link(rng, LINKS[number % len(LINKS)])) is None for number in range(count))
    assert refused > 0.9 * count  # a checksum stands at the end of what is packed


@pytest.mark.parametrize("what", MANY)
def test_thousands_of_faults_are_refused_in_a_few_sentences(what: str) -> None:
    architecture = read(from_json, MANY[what])
    if architecture is not None:
        problems(architecture)


@pytest.mark.parametrize("op", ["conv", "pool"])
def test_the_largest_numbers_that_are_allowed(op: str) -> None:
    """Everything at its limit at once: refused for its cost or its shape."""
    found = problems(from_json(largest_numbers(op)))
    if op == "conv":
        assert any("at most 20,000,000,000,000" in problem.message for problem in found)
