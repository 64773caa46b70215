"""Numbers and names as text: one way of rounding, and nothing that people typed is taken for markup or a formula."""

from __future__ import annotations

import doctest
import html
import re
from html.parser import HTMLParser
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import text as module
from explorer.text import (
    compact_shape,
    escape_csv,
    escape_html,
    escape_markdown,
    format_bytes,
    format_change,
    format_count,
    format_duration,
    format_extent,
    format_ordinal,
    format_percent,
    format_setting,
    format_shape,
    format_si,
    parse_decimal,
    quote,
    shorten,
)


def test_the_examples_of_the_docstrings() -> None:
    found = [doctest.testmod(import_module(f"{module.__name__}.{name}")) for name in ("_names", "_numbers")]
    assert sum(each.failed for each in found) == 0 < sum(each.attempted for each in found)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10.0 k"), (99_949, "99.9 k"), (999_499, "999 k"), (999_500, "1.00 M"),
     (7_058_024, "7.06 M"), (1_498_376_192, "1.50 G"), (5_713_216_096, "5.71 G"), (12_345_678_901_234, "12.3 T"),
     (-25_690_112, "−25.7 M"), (-1_234, "−1,234")],
)  # fmt: skip
def test_numbers_as_people_read_them(value: int, text: str) -> None:
    assert format_si(value) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [(103, 100, "+3.0 %"), (88, 100, "−12 %"), (100, 100, "unchanged"), (5, 0, "new"), (100_001, 100_000, "+0.001 %")],
)
def test_changes_carry_their_sign(now: int, before: int, text: str) -> None:
    assert format_change(now, before) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (9_999, "9,999 B"), (10_000, "10.0 kB"), (48_319_168, "48.3 MB"), (1_000_000, "1.00 MB"),
     (8_000_000_000, "8.00 GB"), (1e6, "1.00 MB"), (512.0, "512 B")],
)  # fmt: skip
def test_bytes_have_three_significant_digits(count: float, text: str) -> None:
    assert format_bytes(count) == text


@given(st.integers(-(10**15), 10**15))
def test_a_rounded_number_is_near(value: int) -> None:
    shown = format_si(value)
    shown = format_si(value).replace("−", "-").replace(",", "")
    number, _, unit = shown.rpartition(" ") if shown[-1] in "kMGT" else (shown, "", "")
    scale = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[unit]
    assert abs(float(number) * scale - value) <= 0.00502 * abs(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (75.4, "1:15"), (3_599.6, "1:00:00"), (36_061, "10:01:01")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_places_in_an_order() -> None:
    places = (1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1_003)
    assert [format_ordinal(place) for place in places] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th", "1,003rd",
    ]  # fmt: skip


def test_shapes_shares_and_counts() -> None:
    assert format_shape((64, 56, 56)) == "64 × 56 × 56"
    assert format_shape((3, 8, 8), "x") == "3x8x8"
    assert compact_shape((64, 56, 56)) == "64×56×56"
    assert compact_shape(()) == ""
    assert (format_extent((7, 7)), format_extent((1, 7))) == ("7", "1×7")
    assert (format_setting((1, 7)), format_setting("same"), format_setting(None)) == ("1×7", "same", "None")
    assert format_count(1_234_567) == "1,234,567"
    shares = [format_percent(part, 1_000) for part in (0, 0.4, 4, 61, 610)]
    assert shares == ["0 %", "< 0.1 %", "0.4 %", "6.1 %", "61 %"]
    assert format_percent(1, 0) == "–"


def test_values_in_messages_are_quoted_and_short() -> None:
    assert quote("a\x1b[31m\u202e") == r"'a\x1b[31m\u202e'"
    assert quote("x" * 100) == "'" + "x" * 58 + "…"
    assert quote(10**5_000) == "a int too large to show"
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


@given(st.text())
def test_html_shows_the_characters(text: str) -> None:
    for quotes in (True, False):
        assert html.unescape(escape_html(text, quotes=quotes)) == text
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: found.append(tag)  # type: ignore[method-assign]
    parser.feed(escape_html(text))
    assert not found
    assert '"' not in escape_html(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("inception_3a/branch_1x1", "inception_3a/branch_1x1"),
        ("Inception v3 (2015), 71.0 %!", "Inception v3 (2015), 71.0 %!"),
        ("_a_ __b__ *c*", r"\_a\_ \_\_b\_\_ \*c\*"),
        ("[x](javascript:alert(1))", r"\[x\](javascript\:alert(1))"),
        ("see www.evil.com or http://evil", r"see www\.evil\.com or http\://evil"),
        ("me@there :smile: &lt; a & b", r"me\@there \:smile: \&lt; a & b"),
        ("<b> | `c` #1 $x$", r"\<b\> \| \`c\` \#1 \$x\$"),
    ],
)
def test_markdown_is_escaped_where_it_would_be_read(text: str, written: str) -> None:
    assert escape_markdown(text) == written


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert escape_csv(text) == f"'{text}"
    assert escape_csv(f"a{text}") == f"a{text}"


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_decimal_is_read_with_point_or_comma(value: float) -> None:
    typed = repr(value)
    assert parse_decimal(typed) == value
    if not re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", typed):  # 1,125 may be a thousand and more
        assert parse_decimal(f" {typed.replace('.', ',')} ") == value


@pytest.mark.parametrize(
    "typed", ["", "abc", "1,2,3", "1.000,5", "1,000", "nan", "inf", "0x10", "1_000", "٣", "--1", "1e"]
)
def test_what_is_no_decimal_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number|may be 1000 or 1\.000"):
        parse_decimal(typed)
