"""Texts and links that went wrong on the way, and texts with thousands of faults."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from explorer import catalog
from explorer.architecture import Architecture, ArchitectureError, to_json, to_link

LARGE, SMALL = ["inception-v3", "googlenet-torchvision"], ["residual-mnist", "inception-net-32", "dilated-cnn"]
LARGE_TEXTS, TEXTS = ([to_json(catalog.get(name), indent) for name in names for indent in (None, 2)]
                      for names in (LARGE, SMALL))  # fmt: skip
LINKS = [to_link(catalog.get(name)) for name in (*LARGE, *SMALL)]

WORDS = [
    "NaN", "Infinity", "-Infinity", "null", "true", "false", "-1", "0", "1", "31", "4096", "8192", "1e308",
    "1e999", "-0", "0.1", "9" * 5000, '""', '"same"', '"depthwise"', "[]", "{}", "[3, 3]", "[[1]]",
    "[" * 200, '{"op":"conv"}', "\\u0000", '"\\ud800"',
    "<script>", '"' + "x" * 2000 + '"', "}", "]", ",", ":", "\x00", "\u202e", "１",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 8, 16, 31, 32, 64, 255, 1024, 8192, 65536, 10**30, 0.5, -0.5, 1e300, "", "same",
    "depthwise", "conv", "add", "multiply", "projection", "cbam", "x" * 100, [], [3, 3], [1, 31], [0], {}, [[]],
    {"op": "conv"}, {"op": "dropout", "name": "d"}, {"op": "flatten", "name": "f"}, {"op": "norm", "name": "n"},
    {"op": "attention", "name": "a"}, {"op": "conv", "name": "c", "out_channels": 8192, "kernel_size": 31},
]  # fmt: skip
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e-?\d+)?|true|false|null|[{}\[\],:]')

Mutation = Callable[[random.Random, str], str | bytes]


def in_bytes(rng: random.Random, text: str) -> bytes:
    """A few bytes flipped, dropped, doubled, or the end cut off."""
    data = bytearray(text.encode())
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(data))
        how = rng.randrange(5)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            del data[at : at + rng.choice((1, 1, 5, 100))]
        elif how == 2:
            data[at:at] = data[at : at + rng.choice((1, 10, 300))]
        elif how == 3:
            data[at] = rng.randrange(256)
        elif rng.random() < 0.2:
            del data[at:]
        if not data:
            break
    return bytes(data)


def in_tokens(rng: random.Random, text: str) -> str:
    """Tokens replaced by dangerous words, swapped, dropped or repeated."""
    tokens = TOKEN.findall(text)
    for _ in range(rng.choice((1, 1, 2, 6))):
        at = rng.randrange(len(tokens))
        how = rng.randrange(4)
        if how == 0:
            tokens[at] = rng.choice(WORDS)
        elif how == 1:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif how == 2:
            del tokens[at]
        else:
            tokens[at:at] = tokens[at : at + rng.choice((1, 4, 60))]
    return "".join(tokens)


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside a JSON document."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        here = stack.pop()
        inner = list(here.items()) if isinstance(here, dict) else list(enumerate(here))
        for key, child in inner:
            found.append((here, key))
            if isinstance(child, dict | list):
                stack.append(child)
    return found


def in_structure(rng: random.Random, text: str) -> str:
    """Values replaced, moved into one another, doubled or removed; still JSON."""
    data = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        options = places(data)
        if not options:
            break
        container, key = rng.choice(options)
        how = rng.randrange(6)
        if how <= 2:
            container[key] = rng.choice(VALUES)
        elif how == 3:
            other, at = rng.choice(options)
            container[key] = json.loads(json.dumps(other[at])) if at in other or isinstance(other, list) else None
        elif how == 4:
            if isinstance(container, dict):
                container[key + rng.choice(("s", "_", "\u00e9"))] = container.pop(key)
            else:
                container.append(container[key])
        else:
            wrapped = [container[key]] if isinstance(container[key], dict) else []
            for _ in range(rng.choice((1, 5, 40))):
                wrapped = [{"op": "sequence", "name": "w", "children": wrapped}]
            container[key] = wrapped[0]
    return json.dumps(data)


def in_numbers(rng: random.Random, text: str) -> str:
    """Only numbers change, so most results are architectures: these go on to the analysis."""
    numbers = list(re.finditer(r"(?<=[:\[, ])\d+(?=[,\]}\s])", text))
    for match in sorted(rng.sample(numbers, rng.choice((1, 2, 4))), key=lambda m: -m.start()):
        text = text[: match.start()] + str(rng.choice((0, 1, 2, 3, 5, 7, 31, 100, 8192, 9000))) + text[match.end() :]
    return text


def in_link(rng: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(letters))
        how = rng.randrange(4)
        if how == 0:
            letters[at] = rng.choice("ABCxyz019-_=%+/ .é")
        elif how == 1:
            del letters[at : at + rng.choice((1, 4, 50))]
        elif how == 2:
            letters[at:at] = letters[at : at + rng.choice((1, 4, 50))]
        else:
            del letters[at:]
        if not letters:
            break
    return "".join(letters)


def mutations(mutate: Mutation, count: int) -> Iterator[tuple[int, str | bytes]]:
    """(number, mutated text): one in ten from a large network, where the mutation itself takes most of the time."""
    rng = random.Random(f"{mutate.__name__} 1")
    for number in range(count):
        tenth, rest = divmod(number, 10)
        yield number, mutate(rng, TEXTS[number % len(TEXTS)] if rest else LARGE_TEXTS[tenth % len(LARGE_TEXTS)])


def network(children: Any, **fields: Any) -> str:
    trunk = {"op": "sequence", "name": "trunk", "children": children}
    return json.dumps({"name": "x", "input_shape": [3, 8, 8], "trunk": trunk, **fields}, separators=(",", ":"))


MANY = {
    "one key over and over": "{" + '"a":1,' * 9_000 + '"a":1}',
    "every key twice": "{" + ",".join(f'"{i}":1' for i in [*range(3300)] * 2) + "}",
    "unknown keys of the network": network([], **{f"trun{i}": 1 for i in range(4000)}),
    "unknown keys of a node": network([{"op": "conv", "name": "c", **{f"kern{i}": 1 for i in range(4000)}}]),
    "unknown kinds": network([{"op": "convv"}] * 1900),
    "nodes without anything": network([{"op": "conv"}] * 1900),
    "children that are numbers": network([1] * 30_000),
    "equal names": network([{"op": "flatten", "name": "c"}] * 1800),
    "pools behind a vector": network(
        [{"op": "flatten", "name": "c"}, *({"op": "pool", "name": f"p{i}"} for i in range(1700))]
    ),
    "blocks that do not fit": network(
        [
            {"op": "parallel", "name": f"p{i}", "branches": [{"op": op, "name": op} for op in ("flatten", "norm")]}
            for i in range(600)
        ]
    ),
    "channels that grow eightfold": network(
        [
            {"op": "parallel", "name": f"p{i}", "branches": [{"op": "sequence", "name": name} for name in "abcdefgh"]}
            for i in range(200)
        ]
    ),
    "a long key": '{"' + "k" * 60_000 + '":1}',
    "a long kind": network([{"op": "c" * 60_000}]),
    "a long number": '{"version":' + "9" * 60_000 + "}",
    "a long fraction": '{"version":0.' + "9" * 60_000 + "}",
}


def largest_numbers(op: str) -> str:
    """600 layers with everything at its limit at once."""
    node: dict[str, Any] = {"op": op, "kernel_size": 31, "stride": 1}
    if op == "conv":
        node |= {"out_channels": 8192, "dilation": 31}
    return network([{**node, "name": f"n{i}"} for i in range(600)], input_shape=[8192, 1024, 1024])


def read(reader: Callable[[Any], Architecture], text: str | bytes) -> Architecture | None:
    """The architecture, or None where it was refused with a sentence."""
    try:
        return reader(text)
    except ArchitectureError as error:
        refused = error
    assert refused.problems
    assert all(problem.message for problem in refused.problems)
    assert len(str(refused)) < 20_000
    return None
