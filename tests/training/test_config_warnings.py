"""What is allowed but unwise is said: mirror images of digits."""

from __future__ import annotations

from typing import Any

import pytest

from explorer import datasets
from explorer.training import config_warnings, recipe

MIRRORS: list[dict[str, Any]] = [{"flip": True}, {"flip_average": True}, {"flip": True, "flip_average": True}]


@pytest.mark.parametrize("fields", MIRRORS)
def test_only_mirrored_digits_are_doubted(fields: dict[str, Any]) -> None:
    found = set()
    for name in datasets.names():
        plain = recipe("course", name)
        assert config_warnings(plain) == []
        for sentence in config_warnings(plain.changed(**fields)):
            assert sentence.endswith(f"turn {' and '.join(fields)} off")
            found.add(name)
    assert found == {"digits", "mnist"}
