"""One way to write numbers on terminals and in reports; pages are held to it by tests/pages/parts.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from explorer import catalog
from explorer.architecture import edit, to_link
from explorer.cli import main
from explorer.comparison import compare, make_report, render_html, render_markdown
from tests.number_style import find_faults

ROOT = Path(__file__).parents[1]
SMALLER = edit.replace(catalog.get("googlenet"), "inception_3a/branch_5x5/conv", kernel_size=3, norm_eps=1e-4)


@pytest.mark.parametrize(
    "text",
    ["92%", "9 472 parameters", "1000 classes", "-3.5 points", "7px", "48.3MB", "64x56x56", "None", "of 12345 images",
     "10\u202f000 steps", "+1108 %"],
)  # fmt: skip
def test_other_styles_are_found(text: str) -> None:
    assert find_faults(text)


@pytest.mark.parametrize(
    "text",
    ["92.2 %", "9,472 parameters", "1,000 classes", "−3.5 points", "7 px", "48.3 MB", "64 × 56 × 56", "3×3", "–",
     "Szegedy et al. 2015", "CVPR 2015 (arXiv 1409.4842)", "CIFAR-10", "inception_3a/branch_5x5", "Adam 1e-3",
     "0.12345678", "`--size 96x96`", "seeds 0, 1, 2024", "2026-11-27 01:02", "called '1000 things'"],
)  # fmt: skip
def test_our_style_names_and_years_are_none(text: str) -> None:
    assert not find_faults(text)


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["analyze", "googlenet"],
        ["analyze", "inception-v3"],
        ["diff", "googlenet", to_link(SMALLER), "--all"],
        ["compare", "googlenet", "googlenet-torchvision", to_link(SMALLER), "--all"],
        ["datasets", "list"],
    ],
    ids=lambda words: words[0],
)
def test_what_the_command_line_prints(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    faults = [fault for line in lines for fault in find_faults(line)]
    assert not faults, "\n".join(faults)


def test_what_reports_say() -> None:
    found = make_report(compare([catalog.get("googlenet"), SMALLER, catalog.get("inception-v3")]))
    page = re.sub(r"<style>.*?</style>|<svg[^>]*>|<[^>]*>", " ", render_html(found), flags=re.DOTALL)
    for text in (page, render_markdown(found)):
        faults = [fault for line in text.splitlines() for fault in find_faults(line)]
        assert not faults, "\n".join(faults)


BY_HAND = {
    r"\{[^{}\"']*:\+[z,.\d][^{}]*\}": "a sign: format_signed or format_decimal(..., signed=True)",
    r"\{[^{}\"']*:[^{}\"']*%\}": "percent: format_share",
    r"replace\(\"-\", \"−\"\)|replace\('-', '−'\)": "a true minus: format_decimal",
    r"format=\"localized\"": "the browser's language: number_column",
}


def test_no_source_writes_numbers_in_its_own_way() -> None:
    """What these patterns find would follow the browser's language, or come out with a hyphen for a minus."""
    own = [*(ROOT / "explorer" / "text").glob("*.py")]
    found = []
    for path in [*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found += [
                f"{path.relative_to(ROOT)}:{number}: {hint}"
                for pattern, hint in BY_HAND.items()
                if path not in own and re.search(r'f".*' + pattern if pattern[1] == "{" else pattern, line)
            ]
    for path in (ROOT / "assets").glob("*.js"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"toLocaleString|Intl\.NumberFormat", line) and path.name != "common.js":
                found.append(f"{path.name}:{number}: formatCount, formatDecimal or formatSi")
    assert not found, "\n".join(found)
