"""The README says what is true: its code runs and prints what it says, its commands and files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from explorer import catalog, cli
from explorer.architecture import NODE_KINDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTENDING = README[README.index("## Extending") : README.index("## Speed")]
"""Its code adds things for good, so ``test_extending`` runs it, in a process of its own."""


def test_the_python_examples_print_what_their_comments_say(capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", README.replace(EXTENDING, ""), re.S))
    said = re.findall(r"^print\(.*\)\s+# (.+)$", code, re.M)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == said


@pytest.mark.parametrize("line", re.findall(r"^    python -m explorer (.+?)(?:\s+#.*)?$", README, re.M))
def test_the_commands_are_understood(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some write a file
    words = shlex.split(line)
    if "design.json" in words:
        assert cli.main(["export", "googlenet", "-o", str(tmp_path / "design.json")]) == 0
        words[words.index("design.json")] = str(tmp_path / "design.json")
    if "network.onnx" in words:
        assert cli.main(["export", "lenet-5", "--format", "onnx", "-o", "network.onnx"]) == 0
    if "…" in line:  # a link is cut short in the text
        words = [word.replace("1.eNq…", "googlenet") for word in words]
    assert cli.main(words) == 0
    assert capsys.readouterr().out


def test_files_and_make_targets_exist() -> None:
    for path in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make (\w+)", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_verb_is_in_the_readme() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for verb in re.findall(r"`python -m explorer ([a-z |]+)`", changelog):
        for name in verb.split(" | "):
            assert f"python -m explorer {name.strip()}" in README


def test_every_network_and_node_kind_is_in_the_readme() -> None:
    """Each exactly once in its table, in the catalogue's order, so that none is forgotten."""
    section = README[README.index("## Networks and node kinds") : README.index("## How it is built")]
    families, kinds = section.split("| `op` |")
    told = re.findall(r"^\| ([^|`]+) \| (`.+) \|$", families, re.M)
    groups = {title: [entry.name for entry in catalog.entries() if entry.group == group]
              for group, title in catalog.GROUPS.items()}  # fmt: skip
    assert {title: re.findall("`([^`]+)`", names) for title, names in told} == {
        title: names for title, names in groups.items() if names
    }
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .+ \|$", kinds, re.M)
    assert dict(rows) == {op: kind.__name__ for op, kind in NODE_KINDS.items()}
