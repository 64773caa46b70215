"""What is allowed but unwise is said: mirror images of digits."""

from __future__ import annotations

from typing import Any

import pytest

from explorer import catalog, datasets
from explorer.training import find_warnings, recipe

NET = catalog.get("inception-net-32")
MIRRORS: list[dict[str, Any]] = [{"flip": True}, {"flip_average": True}, {"flip": True, "flip_average": True}]


@pytest.mark.parametrize("fields", MIRRORS)
def test_only_mirrored_digits_are_doubted(fields: dict[str, Any]) -> None:
    found = set()
    for name in datasets.names():
        plain = recipe("course", name).changed(batch_size=32)  # fewer than the images of any
        assert find_warnings(NET, plain) == []
        for sentence in find_warnings(NET, plain.changed(**fields)):
            assert sentence.endswith(f"turn {' and '.join(fields)} off")
            found.add(name)
    assert found == {"digits", "drawn-digits", "mnist"}
