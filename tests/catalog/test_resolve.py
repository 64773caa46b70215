"""What a name, a link or a file means, and that a link never opens a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer import catalog
from explorer.architecture import ArchitectureError, edit, to_json, to_link


def test_every_way_to_name_an_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = edit.replace(catalog.get("inception-net-32"), "", name="mine")
    link = to_link(architecture)
    file = tmp_path / "mine.json"
    file.write_text(to_json(architecture), encoding="utf-8")
    for text in (link, f" {link}\n", f"https://example.org/design?page=2&net={link}#x", f"localhost/design?net={link}"):
        assert catalog.resolve(text) == architecture
    assert catalog.resolve(str(file), files=True) == architecture
    for text in ("inception-v1", "googlenet", "http://localhost:8501/?net=googlenet"):
        assert catalog.resolve(text) == catalog.get("googlenet")
    # A file of the same name does not hide the catalogue, and a file whose name looks like a link can be read.
    monkeypatch.chdir(tmp_path)
    Path("googlenet").mkdir()
    assert catalog.resolve("googlenet", files=True) == catalog.get("googlenet")
    file.rename("1.json")
    assert catalog.resolve("1.json", files=True) == architecture


def test_a_link_never_opens_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(to_json(catalog.get("googlenet")), encoding="utf-8")
    for text in (str(file), "-", f"http://localhost/?net={file}", f"file://{file}"):
        with pytest.raises(ValueError):  # noqa: PT011  (which one differs; that none of them reads is the point)
            catalog.resolve(text)


def test_resolve_tells_readable_and_wrong_apart() -> None:
    with pytest.raises(ArchitectureError):
        catalog.resolve("1.abc")
    with pytest.raises(ValueError, match="catalogue has no"):
        catalog.resolve("abc")


def test_source_without_a_link_says_so() -> None:
    for data in (b'"""A network."""', b'"""A network.\n\n1.abc\n\nno 1.abc\n"""\n1.abc\n', b'"""'):
        with pytest.raises(ArchitectureError, match="no link to a design"):
            catalog.read_file(data)
    with pytest.raises(ArchitectureError, match="link"):
        catalog.read_file(b'"""A network.\n\n1.abc\n"""')
