"""``python -m explorer``: what it prints, and that every mistake is one line and status 2."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from explorer import __version__, catalog
from explorer.analysis import analyze
from explorer.architecture import (
    MAX_TEXT_BYTES,
    Architecture,
    Conv,
    Sequence,
    edit,
    from_json,
    to_data,
    to_json,
    walk,
)
from explorer.cli import escape, main
from tests.large import densenet
from tests.networks import EACH_NETWORK

ROOT = Path(__file__).parents[1]
EVIL = "\x1b[31mred\x9b\u202e"


def explorer(*args: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A real process, as a person starts it."""
    return subprocess.run(
        [sys.executable, "-m", "explorer", *args],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def error(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line on stderr of a command that must fail."""
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("explorer: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert err[:-1].isprintable()
    assert "Traceback" not in err
    return err.removeprefix("explorer: ").rstrip("\n")


def data(capsys: pytest.CaptureFixture[str], *args: str) -> object:
    assert main([*args, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.isascii()
    return json.loads(out)


# ---- real processes ------------------------------------------------------------------------------------------------


def test_a_process_prints_the_analysis() -> None:
    done = explorer("analyze", "googlenet-torchvision", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    reading = json.loads(done.stdout)
    network = catalog.get("googlenet-torchvision")
    assert reading == {**analyze(network).to_data(), "origin": network.provenance}
    assert reading["macs"] == 1_498_376_192
    assert reading["receptive_field"]["size"] == [379, 379]


def test_a_mistake_is_one_line_and_status_2() -> None:
    done = explorer("analyze", "gogglenet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "'gogglenet'" in done.stderr
    assert "googlenet" in done.stderr.partition("did you mean")[2]


LIGHT = """
import sys
from explorer.cli import main
for words in sys.argv[1:]:
    status = main(words.split())
    heavy = {"torch", "streamlit", "plotly", "pandas", "torchinfo"} & set(sys.modules)
    if status or heavy:
        sys.exit(f"{words}: {status} {heavy}")
"""


def test_no_torch_where_none_is_needed() -> None:
    verbs = ("list", "analyze googlenet", "diff googlenet googlenet-96", "compare googlenet")
    command = [sys.executable, "-c", LIGHT, *verbs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_torchinfo_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "googlenet-torchvision"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Total mult-adds: 1,498,391,752" in out
    assert "auxiliary head" in out


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "explorer", "analyze", "inception-v3", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()  # the rest, about 100 KB, fits no pipe
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "explorer", "list"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "explorer: cannot write the output: No space left on device\n"


def test_a_terminal_that_knows_only_ascii() -> None:
    done = explorer("list", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")


def test_standard_input_and_output_fit_together() -> None:
    exported = explorer("export", "residual-mnist").stdout
    done = explorer("analyze", "-", "--json", stdin=exported)
    assert json.loads(done.stdout)["params"] == 41_514


def test_standard_input_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("{"))
    assert main(["analyze", "-"]) == 2
    assert "standard input: not valid JSON" in capsys.readouterr().err


# ---- the verbs -----------------------------------------------------------------------------------------------------


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert __version__ in capsys.readouterr().out


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    entries = data(capsys, "list")
    assert isinstance(entries, list)
    assert [entry["name"] for entry in entries] == catalog.names()
    for entry in entries:
        known = catalog.entry(entry["name"])
        assert entry["title"] == known.title
        assert entry["mended"] == list(known.repairs)
        assert [fact["value"] for fact in entry["facts"]] == [fact.value for fact in known.facts]
        assert entry["params"] == analyze(known.architecture).params
        assert entry["input_shape"] == list(known.architecture.input_shape)
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in catalog.names())
    assert "1,498,376,192" in out


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_analyze_every_network(capsys: pytest.CaptureFixture[str], name: str) -> None:
    reading = analyze(catalog.get(name))
    assert data(capsys, "analyze", name) == {**reading.to_data(), "origin": catalog.get(name).provenance}
    assert main(["analyze", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.startswith(f"{layer.path} ") for line in lines) for layer in reading.layers)
    longest = max(len(layer.path) for layer in reading.layers)
    assert max(map(len, lines)) <= max(120, longest + 80)  # no line is broken for the sake of a long path
    for number in (reading.params, reading.macs, reading.flops, reading.training_bytes, reading.inference_bytes):
        assert any(f" {number:,}" in line for line in lines)


def test_analyze_with_another_input(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("3x96x128", "3X96X128", "3×96×128"):
        reading = data(capsys, "analyze", "googlenet", "--input", text)
        assert isinstance(reading, dict)
        assert reading["input_shape"] == [3, 96, 128]


def test_summary_and_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    reading = data(capsys, "summary", "inception-net-32", "--depth", "1")
    assert isinstance(reading, dict)
    assert reading["total_params"] == 326_122
    reading = data(capsys, "ledger", "inception-net-32")
    assert isinstance(reading, dict)
    assert reading["exact"] is True
    assert main(["ledger", "inception-net-32"]) == 0
    out = capsys.readouterr().out
    assert out.count("exactly the tool's number") == 5
    assert max(map(len, out.splitlines())) <= 120
    assert "at least 1" in error(capsys, "summary", "inception-net-32", "--depth", "0")


def test_diff(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = catalog.get("inception-net-32")
    after = edit.replace(before, "inception1/branch_1x1", out_channels=96)
    file = tmp_path / "after.json"
    file.write_text(to_json(after), encoding="utf-8")
    reading = data(capsys, "diff", "inception-net-32", str(file))
    assert isinstance(reading, dict)
    assert reading["changes"] == [
        {"path": "inception1/branch_1x1", "kind": "changed", "field": "out_channels", "before": 64, "after": 96}
    ]
    assert reading["groups"] == [{"text": "inception1/branch_1x1: channels 64 → 96", "changes": [0]}]
    assert reading["totals"]["params"] == {"before": 326_122, "after": analyze(after).params}
    assert main(["diff", "inception-net-32", str(file)]) == 0
    assert "inception1/branch_1x1: channels 64 → 96" in capsys.readouterr().out
    assert main(["diff", "googlenet", "inception-v1"]) == 0
    assert "no difference" in capsys.readouterr().out


def test_diff_leaves_out_what_costs_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    before = catalog.get("inception-block-bn")
    path, conv = next((path, node) for path, node in walk(before) if node.op == "conv" and node.norm == "batch")
    after = edit.replace(edit.replace(before, path, norm_eps=0.5), "", name="another")
    renamed = edit.rename(after, next(other for other, _ in walk(after) if "/" not in other), "first_of_all")
    file = tmp_path / "after.json"
    file.write_text(to_json(renamed), encoding="utf-8")
    first = renamed.trunk.nodes[0].name
    assert first == "first_of_all"

    def lines(*options: str) -> list[str]:
        assert main(["diff", "inception-block-bn", str(file), *options]) == 0
        return capsys.readouterr().out.splitlines()

    assert conv.norm_eps != 0.5
    told, everything = lines(), lines("--all")
    added, removed = f"{first}: added", f"{before.trunk.nodes[0].name}: removed"
    for text in (told, everything):  # by path a renamed node is another one: both ends are told, or neither
        assert any(line.startswith(added) for line in text) == any(line.startswith(removed) for line in text)
    assert len(everything) > len(told) - 1
    assert any("cost nothing" in line for line in told)
    assert not any("cost nothing" in line for line in everything)
    assert "network: name " in "".join(everything)
    assert "network: name " not in "".join(told)


@pytest.mark.parametrize("form", ["json", "link"])
def test_export_and_back(capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str) -> None:
    architecture = catalog.get("googlenet")
    assert main(["export", "googlenet", "--format", form]) == 0
    text = capsys.readouterr().out.strip()
    assert (from_json(text) if form == "json" else catalog.resolve(text)) == architecture
    file = tmp_path / "out.txt"
    assert main(["export", "googlenet", "--format", form, "-o", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text(encoding="utf-8").strip() == text
    assert catalog.resolve(str(file), files=True) == architecture
    assert "Is a directory" in error(capsys, "export", "googlenet", "-o", str(tmp_path))


# ---- what may be typed as ARCH -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("foo", "list` have all names"),
        ("inception-v33", "did you mean inception-v3"),
        ("nowhere/net.json", "there is no file"),
        ("nowhere.json", "there is no file"),
        ("1.", "incomplete"),
        ("1.abc", "damaged"),
        ("1.a/b", "characters that a link never has"),
        ("http://example.org/", "no `net=`"),
        ("http://example.org/?net=", "no `net=`"),
        ("http://[bad/?net=googlenet", "no `net=`"),
        ("http://example.org/?net=googlenet&net=foo", "2 times"),
        ("http://example.org/?net=gogglenet", "did you mean"),
        ("http://example.org/?net=1.abc", "damaged"),
        (EVIL, r"\x1b[31mred"),
        ("x" * 10_000, "…"),
    ],
)
def test_names_that_mean_nothing(capsys: pytest.CaptureFixture[str], text: str, part: str) -> None:
    message = error(capsys, "analyze", text)
    assert part in message
    assert len(message) < 500


def test_a_large_network_is_exported_and_read_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file, again = tmp_path / "large.json", tmp_path / "again.json"
    file.write_text(to_json(densenet(), indent=4))
    assert main(["export", str(file), "-o", str(again)]) == 0
    assert from_json(again.read_text()) == densenet()
    assert main(["export", str(again), "--format", "link"]) == 0
    link = capsys.readouterr().out.strip()
    assert data(capsys, "analyze", link)["params"] == 7_978_856  # type: ignore[index]  # torchvision's DenseNet-121


@pytest.mark.parametrize(("size", "fits"), [("299", True), ("224", False), ("75", False)])
def test_a_head_that_does_not_fit_is_told(capsys: pytest.CaptureFixture[str], size: str, fits: bool) -> None:
    shape = f"3x{size}x{size}"
    found: Any = data(capsys, "analyze", "inception-v3", "--input", shape)
    assert [(head["path"], head["fits"], head["reason"] == "") for head in found["auxiliary"]] == [
        ("AuxLogits", fits, fits)
    ]
    assert any(layer["path"].startswith("AuxLogits/") for layer in found["layers"]) == fits
    assert main(["analyze", "inception-v3", "--input", shape]) == 0
    assert ("the auxiliary head AuxLogits does not fit" in capsys.readouterr().out) == (not fits)
    assert "Mixed_7a" in error(capsys, "analyze", "inception-v3", "--input", "3x74x74")


def test_files_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "net.json"
    assert "Is a directory" in error(capsys, "analyze", str(tmp_path))
    file.write_bytes(b" " * (MAX_TEXT_BYTES + 1))
    assert f"{MAX_TEXT_BYTES:,} bytes" in error(capsys, "analyze", str(file))
    for content, part in (
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[1]", "JSON object"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"version": 99}', "version"),
        (b'{"name": "x", "input_shape": [3, 8, 8], "trunk": {"op": "conf", "name": "a"}}', "conf"),
    ):
        file.write_bytes(content)
        message = error(capsys, "analyze", str(file))
        assert part in message
        assert "net.json" in message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "net.json"
    file.write_text("{}")
    file.chmod(0)
    assert "Permission denied" in error(capsys, "analyze", str(file))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_an_endless_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert "too large" in error(capsys, "analyze", "/dev/zero")


@pytest.mark.parametrize("text", ["3x224", "text", "", "3x224x224x1", "-3x224x224", "3.5x8x8", "3x1e9x8", "9" * 5000])
def test_inputs_that_are_no_shape(capsys: pytest.CaptureFixture[str], text: str) -> None:
    message = error(capsys, "analyze", "googlenet", f"--input={text}")
    assert "CHANNELSxHEIGHTxWIDTH, such as 3x224x224" in message


@pytest.mark.parametrize("text", ["0x5x5", "3x7x7", "3x224x2000", "9999x224x224"])
def test_inputs_beyond_the_limits(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert "1 to 8,192 channels, 8 to 1,024 pixels a side" in error(capsys, "analyze", "googlenet", "--input", text)


def test_layers_that_do_not_fit_are_told_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for verb in ("analyze", "summary", "ledger"):
        message = error(capsys, verb, "inception-v3", "--input", "3x74x74")
        assert "Mixed_7a/branch3x3/branch3x3_2: a window of 3×3 does not fit its input of 2×2" in message
        assert "; Mixed_7a/branch_pool: " in message  # every problem, not only the first
    broken = edit.replace(catalog.get("residual-mnist"), "rblock1/body/conv2", out_channels=3)
    file = tmp_path / "broken.json"
    file.write_text(to_json(broken))
    message = error(capsys, "diff", "residual-mnist", str(file))
    assert "rblock1: an identity shortcut needs equal shapes" in message
    assert "(use a projection)" in message  # the way out


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("anlayze",),
        ("analyze",),
        ("analyze", "googlenet", "more"),
        ("list", "--js"),
        ("export", "googlenet", EVIL),
        ("export", "googlenet", "--format", "xml"),
        ("summary", "googlenet", "--depth", "deep"),
        ("diff", "googlenet"),
    ],
)
def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], args: tuple[str, ...]) -> None:
    verb = args[0] if args and args[0] in ("analyze", "list", "export", "summary", "diff") else ""
    assert f"see `python -m explorer {verb} --help`".replace("  ", " ") in error(capsys, *args)


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (("preditc", "x"), "did you mean predict?"),
        (("runs", "lst"), "did you mean list?"),
        (("train", "dilated-cnn", "--epoch", "3"), "there is no '--epoch' here; did you mean --epochs?"),
        (("list", "--jsn"), "did you mean --json?"),
        (("evaluate", "cifar10-inception", "--datset=digits", "--dataset", "digits"), "did you mean --dataset"),
        (("train", "dilated-cnn", "--recipe", "quik"), "did you mean quick?"),
        (("train", "dilated-cnn", "--set", "batchsize=3"), "did you mean batch_size?"),
        (("train", "dilated-cnn", "--optimizer", "adamv"), "there is no 'adamv'; did you mean adam"),
        (("train", "dilated-cnn", "--dataset", "digts"), "did you mean digits"),
        (("train", "dilatd-cnn"), "did you mean dilated-cnn"),
        (("ablate", "inception-net-32", "--factors", "Residuals"), "did you mean residual"),
        (("ablate", "--preset", "homwork"), "did you mean homework?"),
        (("lesson", "long-rang"), "did you mean long-range?"),
        (("predict", "cifar10-incepton", "a.jpg"), "did you mean cifar10-inception"),
        (("export", "googlenet", "--format", "jsn"), "did you mean json?"),
        (("analyze", "googlenet", "more"), "there is no 'more' here; that is one argument too many"),
    ],
)
def test_what_was_mistyped_is_told_with_what_is_near(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...], meant: str
) -> None:
    assert meant in error(capsys, *args)


def test_the_words_of_strangers_do_not_command_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trunk = Sequence(name="trunk", children=(Conv(name="conv", out_channels=3),))
    architecture = Architecture(name="two\nlines\t\u202egpj.exe", input_shape=(3, 8, 8), trunk=trunk)
    file = tmp_path / "net.json"
    file.write_text(to_json(architecture), encoding="utf-8")
    for args in (("analyze", str(file)), ("diff", str(file), "googlenet"), ("ledger", str(file))):
        assert main(args) == 0
        assert all(line.isprintable() for line in capsys.readouterr().out.split("\n"))
    hostile = {**to_data(architecture), "name": EVIL}
    file.write_text(json.dumps(hostile))
    assert "control character" in error(capsys, "analyze", str(file))
    assert escape(EVIL) == r"\x1b[31mred\x9b\u202e"


def test_torch_that_is_missing_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("explorer.profiling")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    message = error(capsys, "summary", "googlenet")
    assert "needs torch" in message
    assert "requirements.txt" in message


@pytest.mark.parametrize("shape", ["3×224×224", "3 × 224 × 224", "3x224x224", "3 x 224 X 224"])
def test_a_shape_is_taken_as_it_is_printed(capsys: pytest.CaptureFixture[str], shape: str) -> None:
    reading = data(capsys, "analyze", "googlenet", "--input", shape)
    assert isinstance(reading, dict)
    assert reading["params"] == 6_998_552


def test_a_whole_number_is_taken_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "inception-block", "--depth", "1,000"]) == 0
    assert "reduce" in capsys.readouterr().out
    said = error(capsys, "summary", "inception-block", "--depth", "1,00")
    assert "argument --depth: '1,00' must be a whole number, such as 1000 or 1,000" in said
    assert error(capsys, "summary", "inception-block", "--depth", "9" * 5000)
