"""Share links: a round trip, and harmless whatever comes instead of one."""

from __future__ import annotations

import base64
import time
import zlib

import pytest
from hypothesis import HealthCheck, assume, given, settings

from explorer import catalog
from explorer.architecture import (
    LINK_PREFIX,
    MAX_LINK_BYTES,
    MAX_LINK_CHARS,
    Architecture,
    ArchitectureError,
    Conv,
    Sequence,
    from_link,
    to_json,
    to_link,
)
from tests.large import densenet
from tests.sizes import examples
from tests.strategies import architectures


def link_of(data: bytes) -> str:
    return LINK_PREFIX + base64.urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")


def refusal(text: str) -> str:
    with pytest.raises(ArchitectureError) as caught:
        from_link(text)
    return str(caught.value)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(architectures())
def test_round_trip(architecture: Architecture) -> None:
    link = to_link(architecture)
    assert len(link) <= MAX_LINK_CHARS
    assert link.isascii()
    assert from_link(link) == architecture


@pytest.mark.parametrize("name", catalog.names())
def test_the_catalogue_fits_into_links(name: str) -> None:
    link = to_link(catalog.get(name))
    assert from_link(link) == catalog.get(name)
    assert len(link) < 4000


def test_a_network_of_more_than_64_kilobytes_fits_into_a_link() -> None:
    large = densenet()
    assert len(to_json(large)) > 64 * 1024
    assert from_link(to_link(large)) == large


@pytest.mark.parametrize("name", ["inception-v3", "dilated-cnn"])
def test_every_truncation_is_refused(name: str) -> None:
    link = to_link(catalog.get(name))
    for length in range(0, len(link), 1 if len(link) < 1000 else 7):
        assert refusal(link[:length])


def test_bombs_are_not_unpacked() -> None:
    bomb = link_of(b" " * 5_500_000)  # 1,000 to 1, the most that deflate can do in 8 KB
    assert len(bomb) <= MAX_LINK_CHARS
    start = time.thread_time()
    assert refusal(bomb) == f"the link unpacks to more than {MAX_LINK_BYTES:,} bytes"
    assert time.thread_time() - start < 0.5


def test_text_behind_the_end_is_refused() -> None:
    body = zlib.compress(b"{}") + b"more"
    assert "incomplete" in refusal(LINK_PREFIX + base64.urlsafe_b64encode(body).decode().rstrip("="))


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", "2.abc", "googlenet", "1.%3Cscript%3E", "1.<script>", "1.ab cd", "1.é", "1." + "A" * 50,
     "1." + "A" * MAX_LINK_CHARS, "1.\x00", link_of(b"{}"), link_of(b"\xff"), link_of(b"")],
)  # fmt: skip
def test_not_a_link(text: str) -> None:
    assert refusal(text)


def test_what_does_not_fit_is_refused_with_a_way_out() -> None:
    # Channels that follow no pattern are what deflate cannot shorten.
    layers = tuple(
        Conv(name=f"layer_{i}_{pow(7, i, 10_007)}", out_channels=1 + pow(5, i, 4093), kernel_size=1 + pow(3, i, 31))
        for i in range(900)
    )
    large = Architecture(name="large", input_shape=(3, 32, 32), trunk=Sequence(name="trunk", children=layers))
    with pytest.raises(ArchitectureError, match="Download the JSON instead"):
        to_link(large)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(architectures(), architectures())
def test_different_networks_have_different_links(a: Architecture, b: Architecture) -> None:
    assume(a != b)
    assert to_link(a) != to_link(b)
