"""PyTorch source: names, weights and scores of `build` bit for bit, laid out and typed, and nothing but the network."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import catalog
from explorer.analysis import problems
from explorer.architecture import (
    Architecture,
    Auxiliary,
    Conv,
    Flatten,
    Linear,
    Parallel,
    Residual,
    Sequence,
    edit,
    from_link,
    write_source_link,
)
from explorer.export import FORMATS, Subject, export
from explorer.modules import build
from tests.networks import REPRESENTATIVES
from tests.sizes import ALL, THOROUGH, thorough
from tests.strategies import analysis_or_skip, architectures, feature_architectures, map_nodes

COMPUTED = ("googlenet-96", "residual-8", "cifar-inception-se", "cifar-inception-residual-cbam", "lenet-5")
"""Networks that are computed in `make test`, quick ones; random ones have every kind of node."""
ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LONG = pytest.mark.timeout(7200 if ALL else 300)
"""For tests whose random examples take more than some minutes in `make test-all`."""
HOSTILE = (
    '"""; import os; os.system("touch /tmp/broken"); """',
    'a"""\nimport os\n"""b',
    "\\",
    '\\"""',
    "ends in a quote\"",
    "\u202e)\"tohs\"(tnirp\u202c",
    "\u2028import os",
    "\\N{BULLET} \\x41 {0} %s",
    "# type: ignore",
    "Design: 1.AAAA",
    "\u7f51\u7edc \U0001f578 e\u0301 \ue000",
    "   ",
    "class",
    "None",
    "torch",
    "print_shapes",
    "ConvRelu",
    "3 × 3",
    "W" * 120,
)  # fmt: skip
NAMES = (
    "class", "None", "3x3", "0", "_", "__a", "__class__", "forward", "training", "scale", "drop_path", "activation",
    "branches", "self", "nn", "torch", "x", "y", "print", "add", "part", "append", "scores", "take", "found", "int",
    "n" * 64, "9" * 64, "ConvRelu", "AuxiliaryHead", "auxiliary", "OrderedDict", "Tensor", "F", "Any",
    "stochastic_depth",
)  # fmt: skip


def source_of(architecture: Architecture) -> str:
    return export(Subject(architecture=architecture), "pytorch").data.decode()


def network_class(source: str) -> type[nn.Module]:
    """The last class of a source, which was run."""
    space: dict[str, Any] = {"__name__": "source"}
    exec(compile(source, "source", "exec"), space)
    classes = [each for each in space.values() if isinstance(each, type) and each.__module__ == "source"]
    assert issubclass(classes[-1], nn.Module)
    return classes[-1]


def outputs(network: nn.Module, images: Tensor) -> list[Tensor] | str:
    torch.manual_seed(2)
    try:
        found = network(images)
    except ValueError as error:
        return str(error)
    if isinstance(found, Tensor):
        return [found]
    return [found[0], *(scores for _, scores in found[1]), torch.tensor([weight for weight, _ in found[1]])]


def equal(ours: list[Tensor] | str, others: list[Tensor] | str) -> bool:
    if isinstance(ours, str) or isinstance(others, str):
        return ours == others
    return all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(ours, others, strict=True))


def check_equal(architecture: Architecture, source: str, *, learns: bool = True) -> None:
    """Names in order, initial weights, scores and those of the heads, in training and evaluation; gradients, too."""
    torch.manual_seed(1)
    right = build(architecture)
    torch.manual_seed(1)
    made = network_class(source)()
    ours, others = right.state_dict(), made.state_dict()
    assert list(ours) == list(others)
    assert all(torch.equal(ours[name], others[name]) for name in ours), "the order of initialisation"
    assert not made.load_state_dict(ours).missing_keys
    images = torch.randn(2, *architecture.input_shape)
    with torch.set_grad_enabled(learns):
        found = [outputs(network, images) for network in (right, made)]
    assert equal(*found)
    if learns and not isinstance(found[0], str):
        for scores in found:
            total = sum(each.sum() for each in scores if each.requires_grad)
            if isinstance(total, Tensor):
                total.backward()
        for (_, ours_p), (name, p) in zip(right.named_parameters(), made.named_parameters(), strict=True):
            assert (p.grad is None) == (ours_p.grad is None), name
            assert p.grad is None or torch.equal(p.grad.nan_to_num(), ours_p.grad.nan_to_num()), name  # type: ignore[union-attr]
    right.eval(), made.eval()
    with torch.no_grad():
        assert equal(outputs(right, images), outputs(made, images)), "after a step's statistics"


def check_layout(folder: Path) -> None:
    for command in (["check"], ["format", "--diff"]):
        found = subprocess.run(
            [BIN / "ruff", *command, "--isolated", str(folder)], capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout[:4000] + found.stderr[:1000]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in COMPUTED else THOROUGH) for name in catalog.names()]
)
def test_every_network_of_the_catalogue_is_equal_bit_for_bit(name: str) -> None:
    architecture = catalog.get(name)
    check_equal(architecture, source_of(architecture), learns=False)


def test_every_network_of_the_catalogue_has_the_names_and_shapes_of_build() -> None:
    for name in catalog.names() if ALL else REPRESENTATIVES:
        architecture = catalog.get(name)
        with torch.device("meta"):
            made = network_class(source_of(architecture))().state_dict()
        ours = build(architecture, "meta").state_dict()
        assert [(key, each.shape) for key, each in made.items()] == [(key, each.shape) for key, each in ours.items()]


@LONG
@settings(max_examples=1000 if ALL else 30, deadline=None)
@given(architectures())
def test_random_networks_are_equal_bit_for_bit(architecture: Architecture) -> None:
    analysis_or_skip(architecture)
    check_equal(architecture, source_of(architecture))


@st.composite
def repeating_networks(draw: Any) -> Architecture:
    """Networks in which a block comes again and again, with other numbers each time."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(8, 16)), draw(st.integers(8, 16)))
    block, _ = draw(map_nodes("block_1", shape, True, 2))
    assume(block.child_field)
    nodes: tuple[Any, ...] = ()
    for count in range(6):
        other = change(draw, block).model_copy(update={"name": f"block_{count}"})
        longer = Sequence(name="trunk", children=(*nodes, other))
        network = Architecture(name="repeats", input_shape=shape, trunk=longer)
        if not problems(network):
            nodes = longer.children
    assume(len(nodes) > 1)
    return Architecture(name="repeats", input_shape=shape, trunk=Sequence(name="trunk", children=nodes))


def change(draw: Any, node: Any) -> Any:
    """The node with some of its numbers drawn anew, and so below."""
    fields: dict[str, Any] = {}
    if node.child_field and node.op != "residual":
        fields[node.child_field] = tuple(change(draw, child) for child in node.nodes)
    if node.op == "residual":
        fields |= {"body": change(draw, node.body), "scale": draw(st.sampled_from((node.scale, 0.5)))}
        fields |= {"drop_path": draw(st.sampled_from((node.drop_path, 0.0, 0.2)))}
        fields |= {"shortcut": draw(st.sampled_from(("identity", "projection")))}
    if node.op == "conv" and isinstance(node.out_channels, int) and node.groups == 1:
        fields["out_channels"] = draw(st.sampled_from((node.out_channels, 1, 2, 3, 4, 6)))
    if node.op == "conv" and node.padding == "same" and node.stride == 1:
        fields["kernel_size"] = draw(st.sampled_from((node.kernel_size, 1, 3, (1, 5))))
    if node.op == "attention":
        fields["reduction"] = draw(st.sampled_from((1, 2, 16)))
        fields["channel_kernel"] = draw(st.sampled_from(("auto", 3, 5)))
    if node.op == "dropout":
        fields["p"] = draw(st.sampled_from((0.1, 0.5)))
    if node.op == "scale":
        fields["init"] = draw(st.sampled_from((1.0, 0.1)))
    return node.model_copy(update=fields) if fields else node


@LONG
@settings(max_examples=300 if ALL else 12, deadline=None)
@given(repeating_networks())
def test_blocks_with_other_numbers_are_one_class(network: Architecture) -> None:
    source = source_of(network)
    check_equal(network, source)
    blocks = [part for name, part in network_class(source)().named_children() if name.startswith("block")]
    forms = {  # a kernel of an even size has a border beside it, and a shuffle of as many groups as channels is none
        tuple((name, type(part)) for name, part in block.named_modules() if not list(part.children()))
        for block in blocks
    }
    projections = {node.norm for node in network.trunk.nodes if getattr(node, "shortcut", "") == "projection"}
    if network.trunk.nodes[0].op in ("parallel", "residual") and not any(
        place.op == "residual" for node in network.trunk.nodes for place in node.nodes
    ):
        assert len({type(block) for block in blocks}) <= len(forms) + len(projections)


def test_sources_are_laid_out_as_ruff_does(tmp_path: Path) -> None:
    for name in catalog.names():
        (tmp_path / f"{name.replace('.', '_')}.py").write_text(source_of(catalog.get(name)))
    check_layout(tmp_path)


@settings(max_examples=1, deadline=None)
@given(st.lists(architectures() | feature_architectures() | repeating_networks(), min_size=20, max_size=20))
def test_random_sources_are_laid_out_as_ruff_does(networks: list[Architecture]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for index, network in enumerate(networks):
            if not problems(network):
                Path(folder, f"network_{index}.py").write_text(source_of(network))
        check_layout(Path(folder))


@thorough("tests/export/test_source.py::test_sources_are_laid_out_as_ruff_does")
def test_sources_are_typed(tmp_path: Path) -> None:
    named = network_of_names()
    for name in catalog.names():
        (tmp_path / f"{re.sub('[^a-z0-9]', '_', name)}.py").write_text(source_of(catalog.get(name)))
    (tmp_path / "names.py").write_text(source_of(named))
    found = subprocess.run(
        [BIN / "mypy", "--strict", "--config-file=", "--cache-dir", ROOT / ".mypy_cache" / "export", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[:4000]


def test_googlenet_has_one_class_of_inception_blocks() -> None:
    tree = ast.parse(source_of(catalog.get("googlenet")))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    names = [each.name for each in classes]
    assert names == ["Outputs", "ConvRelu", "LinearRelu", "Linear", "Inception", "Auxiliary", "GoogLeNet"]
    calls = [each for each in ast.walk(classes[-1]) if isinstance(each, ast.Call)]
    inception = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Inception"]
    assert len(inception) == 9
    assert ast.literal_eval(inception[0].args[0]) == 192
    told = {each.arg: ast.literal_eval(each.value) for each in inception[0].keywords}
    assert told == {
        "branch_1x1": 64, "branch_3x3_reduce": 96, "branch_3x3": 128, "branch_5x5_reduce": 16, "branch_5x5": 32,
        "branch_pool": 32,
    }  # fmt: skip


def test_resnet_has_one_class_of_blocks_with_and_without_projection() -> None:
    source = source_of(catalog.get("resnet-50"))
    call = "Bottleneck(256, channels=128, out_channels=512, stride=2, projection=True), # 512 × 28 × 28"
    assert call.replace(" ", "") in re.sub(r"\s", "", source)
    assert source.count(" Bottleneck(") == 1 + 16


def test_the_docstring_tells_the_numbers_and_leads_back() -> None:
    architecture = catalog.get("googlenet")
    source = source_of(architecture)
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert "6,998,552 parameters" in docstring
    assert "1.58 G MACs" in docstring
    assert len(docstring.splitlines()) < 10
    assert docstring.endswith("DESIGN_LINK, at the end.")
    namespace: dict[str, str] = {"__name__": "another"}
    exec(source, namespace)
    assert from_link("".join(namespace["DESIGN_LINK"].split())) == architecture


def test_a_source_kept_from_before_opens_by_its_docstring() -> None:
    architecture = catalog.get("mnist-inception")
    code, _, link = source_of(architecture).partition("\n# The design, from which")
    lines = [line for line in link.splitlines() if re.fullmatch("[A-Za-z0-9_.-]{3,}", line)]
    before = code.replace(" DESIGN_LINK, at the end.", "\n\n" + "\n".join(lines), 1)
    assert "DESIGN_LINK" not in before
    assert catalog.read_file(before.encode()) == architecture
    # The end counts where there are both, as a copy of an older docstring leaves them.
    both = f"{before}\n{write_source_link(catalog.get('lenet-5'), 88)}\n"
    assert catalog.read_file(both.encode()) == catalog.get("lenet-5")
    assert catalog.read_file(f"# Ours.\n{both}".encode()) == catalog.get("lenet-5")


def test_a_source_opens_as_the_design_that_it_was_written_from(tmp_path: Path) -> None:
    for name in catalog.names() if ALL else REPRESENTATIVES:
        architecture = catalog.get(name)
        for form in ("pytorch", "sequential"):
            assert catalog.read_file(export(Subject(architecture=architecture), form).data) == architecture
    file = tmp_path / "network.py"
    file.write_text(source_of(architecture).replace("\n", "\r\n"), newline="")  # as an editor on Windows keeps it
    assert catalog.resolve(str(file), files=True) == architecture


def test_every_step_tells_the_shape_behind_it() -> None:
    source = source_of(catalog.get("googlenet"))
    assert "x = self.inception_4a(x)  # 512 × 14 × 14" in source
    assert "self.branch_1x1(x),  # branch_1x1 × H × W" in source


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_is_text_and_nothing_else(title: str) -> None:
    plain = catalog.get("mnist-inception")
    named = edit.replace(plain, "", name=title, notes=title, provenance=title)
    source = source_of(named)
    tree, usual = ast.parse(source), ast.parse(source_of(plain))
    docstring = ast.get_docstring(tree, clean=False) or ""
    assert " ".join(title.split()) in " ".join(docstring.split())
    assert catalog.read_file(source.encode()) == named
    assert not re.search("[\u2028\u2029\u202a-\u202e\u2066-\u2069\ue000]", source), "a letter that hides what is read"
    for module in (tree, usual):
        del module.body[0], module.body[-1]  # the docstring and the link
    network, usual_network = tree.body[-2], usual.body[-2]
    assert isinstance(network, ast.ClassDef)
    assert isinstance(usual_network, ast.ClassDef)
    assert ast.unparse(tree) == re.sub(rf"\b{usual_network.name}\b", network.name, ast.unparse(usual))
    assert network_class(source).__name__ == network.name


def test_titles_are_laid_out_as_ruff_does(tmp_path: Path) -> None:
    for index, title in enumerate(HOSTILE):
        named = edit.replace(catalog.get("lenet-5"), "", name=title)
        (tmp_path / f"title_{index}.py").write_text(source_of(named))
    check_layout(tmp_path)


def network_of_names() -> Architecture:
    """Names of every kind that Python or torch has another use for, in every kind of container."""

    def convs(names: tuple[str, ...]) -> tuple[Conv, ...]:
        return tuple(Conv(name=name, out_channels=2) for name in names)

    groups = [NAMES[start : start + 8] for start in range(0, len(NAMES), 8)]
    blocks: list[Any] = [Sequence(name="all", children=convs(NAMES))]
    for index, names in enumerate(groups):
        blocks += [
            Parallel(name=f"{fuse}_{index}", branches=convs(names), fuse=fuse) for fuse in ("concat", "add")
        ]
    blocks += [
        Residual(name=f"residual_{index}", body=Conv(name=name, out_channels=16), shortcut="projection", scale=0.5)
        for index, name in enumerate(NAMES)
    ]
    blocks += [Sequence(name=name, children=convs(("1", name))) for name in NAMES]
    deep: Any = Parallel(name="n" * 63, branches=convs(("a" * 64, "b" * 64, "c" * 64)), fuse="add")
    for name in NAMES[-14:]:
        deep = Sequence(name=name, children=(deep, Conv(name="last", out_channels=2, kernel_size=3)))
    blocks.append(Sequence(name="deep", children=(deep,)))
    return Architecture(name="names", input_shape=(2, 8, 8), trunk=Sequence(name="trunk", children=tuple(blocks)))


def test_names_that_python_or_torch_keep_for_themselves(tmp_path: Path) -> None:
    network = network_of_names()
    source = source_of(network)
    check_equal(network, source)
    (tmp_path / "names.py").write_text(source)
    check_layout(tmp_path)


def test_gradients_of_many_added_branches_are_added_in_the_order_of_build() -> None:
    branches = (Sequence(name="a"), Sequence(name="b"), Conv(name="c", out_channels=2), Sequence(name="d"))
    for fuse in ("add", "multiply"):
        nodes = (Conv(name="conv", out_channels=2), Parallel(name="split", branches=branches, fuse=fuse))
        trunk = Sequence(name="trunk", children=(*nodes, Flatten(name="flatten")))
        network = Architecture(name="sums", input_shape=(1, 8, 8), trunk=trunk)
        check_equal(network, source_of(network))


def test_heads_anywhere(tmp_path: Path) -> None:
    def head(name: str, weight: float) -> Auxiliary:
        scores = Linear(name="take", out_features=3)
        return Auxiliary(name=name, children=(Flatten(name="training"), scores), weight=weight)

    branch = Sequence(name="b", children=(Conv(name="conv", out_channels=2), head("forward", 0.4)))
    nodes = (
        Conv(name="conv", out_channels=4, stride=2),
        head("found", 0.3),
        Parallel(name="split", branches=(branch, Conv(name="c", out_channels=2))),
        Flatten(name="flatten"),
        Linear(name="scores", out_features=3),
    )
    for children in (nodes, (*nodes[:2], *nodes[3:])):
        network = Architecture(name="heads", input_shape=(1, 8, 8), trunk=Sequence(name="trunk", children=children))
        source = source_of(network)
        check_equal(network, source)
        (tmp_path / f"heads_{len(children)}.py").write_text(source)
    check_layout(tmp_path)


def test_a_head_that_does_not_fit_keeps_its_weights_and_says_so() -> None:
    small = edit.replace(catalog.get("googlenet"), "", input_shape=(3, 64, 64))
    source = source_of(small)
    assert 'raise ValueError(' in source
    check_equal(small, source, learns=False)


def test_python_file_prints_the_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "network.py").write_text(source_of(catalog.get("googlenet-96")))
    monkeypatch.setitem(sys.modules, "explorer", None)  # whoever has the file need not have us
    runpy.run_path(str(tmp_path / "network.py"), run_name="__main__")
    check_printed_shapes(capsys.readouterr().out)


@thorough("tests/export/test_source.py::test_python_file_prints_the_shapes")
def test_python_file_runs_in_a_python_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text(source_of(catalog.get("googlenet-96")))
    found = subprocess.run(
        [sys.executable, "-I", "network.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    check_printed_shapes(found.stdout)


def check_printed_shapes(printed: str) -> None:
    lines = [line.split(maxsplit=1) for line in printed.splitlines()]
    assert ["inception_3a", "(1, 256, 12, 12)"] in lines
    assert lines[-1][1].startswith("(1, ")


def test_a_plain_loop_trains_the_source_and_its_weights_load_back() -> None:
    architecture = catalog.get("mnist-inception")
    torch.manual_seed(0)
    network = network_class(source_of(architecture))()
    labels = torch.arange(256) % 10
    images = torch.randn(10, *architecture.input_shape)[labels] + 0.5 * torch.randn(256, *architecture.input_shape)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for start in range(0, 256, 32):
        loss = F.cross_entropy(network(images[start : start + 32]), labels[start : start + 32])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.1
    ours = build(architecture)
    ours.load_state_dict(network.state_dict(), strict=True)
    ours.eval(), network.eval()
    with torch.no_grad():
        assert torch.equal(ours(images[:8]), network(images[:8]))


def test_it_is_in_the_table() -> None:
    assert next(iter(FORMATS)) == "pytorch"
    file = export(Subject(architecture=catalog.get("lenet-5")), "pytorch")
    assert file.name == "LeNet-5.py"
    assert file.notes
