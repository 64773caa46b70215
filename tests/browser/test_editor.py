"""Every ability of the editor once; after each, the numbers on the screen are those of the design in the address."""

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import branches, edit
from tests.browser.design import until
from tests.browser.helpers import go, rerun
from tests.sizes import ALL, thorough

NET, BLOCK = "inception-net-32", "inception1"


def names(node):
    return [child.name for child in node.nodes]


def test_fusion_what_it_mends_and_what_is_refused(design):
    design.open(NET)
    with design.changing():
        design.choice("fusion", "add").click()
    assert edit.find(design.architecture, BLOCK).fuse == "add"
    assert "Repaired" in design.notice()
    assert "Undo takes it all back" in design.notice()
    ends = [edit.output_conv(branch, branch.name)[0] for branch in edit.find(design.architecture, BLOCK).branches]
    outputs = {edit.find(design.architecture, f"{BLOCK}/{end}").out_channels for end in ends}
    assert len(outputs) == 1
    # One slider for all branches, as adding needs it.
    slider = design.control(do="outputs", path=BLOCK)
    slider.focus()
    with design.changing():
        design.page.keyboard.press("Home")
    assert {edit.find(design.architecture, f"{BLOCK}/{end}").out_channels for end in ends} != outputs
    for _ in range(2):
        with design.changing():
            design.button("undo_button").click()
    assert design.query("net") == NET
    assert design.notice() == ""
    with design.changing():
        design.choice("fusion", "multiply").click()
    assert edit.find(design.architecture, BLOCK).fuse == "multiply"
    take_what_can_be_done_instead_of_what_is_refused(design)


@thorough("tests/editor/test_commands.py::test_residual_attention_and_back_again")
def test_residual_and_its_scale(design):
    design.open(NET)
    assert "off" in design.choice("residual", "identity").get_attribute("class")  # 64 channels in, 256 out
    with rerun(design.page):
        design.choice("residual", "identity").click()
    answer = design.page.locator(".st-key-editor .refused")
    until(lambda: "an identity shortcut needs equal shapes" in answer.inner_text(), "why it does not fit")
    assert answer.get_by_role("button", name="then residual identity").is_visible()
    with design.changing():
        answer.get_by_role("button", name="residual projection").click()
    assert edit.find(design.architecture, BLOCK).shortcut == "projection"
    scale = design.ribbon(BLOCK, "scale")
    scale.focus()
    with design.changing():
        design.page.keyboard.press("ArrowLeft")
    assert edit.find(design.architecture, BLOCK).scale == 0.95
    with design.changing():
        design.choice("residual", "off").click()
    assert design.query("net") == NET


@thorough("tests/editor/test_panel.py::test_everything_offered_can_be_done")
def test_attention_norm_activation(design):
    design.open(NET)
    for option, kind in (("SE", "se"), ("ECA", "eca"), ("CBAM", "cbam")):
        with design.changing():
            design.choice("attention", option).click()
        path = edit.attention_of(design.architecture, BLOCK)
        assert edit.find(design.architecture, path).kind == kind
        folded = design.ribbon(path, "reduction").locator("xpath=ancestor::details").count()
        assert folded == (kind == "eca")
    assert design.ribbon(path, "spatial_kernel").count() == 1
    with design.changing():
        design.choice("norm", "batch").click()
    with design.changing():
        design.control(do="activation", path=BLOCK).select_option("gelu")
    conv = edit.find(design.architecture, edit.block_parallel(edit.find(design.architecture, BLOCK), BLOCK)).branches[0]
    assert (conv.norm, conv.activation) == ("batch", "gelu")
    with design.changing():
        design.choice("attention", "none").click()
    assert edit.attention_of(design.architecture, BLOCK) is None


@thorough("tests/editor/test_commands.py::test_stride_of_a_block_halves_its_maps")
def test_stride_where_it_fits(design):
    design.open(NET)
    before = design.architecture
    with design.changing():
        design.choice("stride", "2").click()
    assert design.agree()[1].by_path[BLOCK].output_shape[1:] == (4, 4)
    assert "off" in design.choice("residual", "identity").get_attribute("class")
    with design.changing():
        design.choice("stride", "1").click()
    assert design.architecture.trunk == before.trunk
    # A layer's own stride would leave its branch smaller than the others.
    with rerun(design.page):
        design.node(f"{BLOCK}/branch_3x3/conv").click()
    card = design.page.locator(".st-key-editor section", has_text="branch_3x3")
    stride = card.get_by_role("radiogroup", name="stride")
    until(lambda: stride.count() == 1, "the layer's own settings")
    assert "off" in stride.get_by_role("radio", name="2", exact=True).get_attribute("class")
    assert stride.get_by_role("radio", name="1", exact=True).get_attribute("aria-checked") == "true"


@thorough("tests/editor/test_commands.py::test_every_branch_kind_can_be_added")
@pytest.mark.parametrize("kinds", [list(branches.BRANCH_KINDS)[:4], list(branches.BRANCH_KINDS)[4:]])
def test_every_kind_of_branch(design, kinds):
    design.open(NET)
    before = names(edit.find(design.architecture, BLOCK))
    for count, kind in enumerate(kinds, start=1):
        with design.changing():
            design.choose_from_menu(kind, do="add_branch", path=BLOCK)
        assert len(edit.find(design.architecture, BLOCK).branches) == len(before) + count
    assert design.menu(do="add_branch", path=BLOCK).is_disabled()  # eight are the most
    assert "8 branches" in design.menu(do="add_branch", path=BLOCK).inner_text()
    assert design.card(f"{BLOCK}/{names(edit.find(design.architecture, BLOCK))[-1]}").count() == 1


@thorough("tests/editor/test_panel.py::test_everything_offered_can_be_done")
def test_branches_are_removed_doubled_and_moved(design):
    design.open(NET)
    first, second, third, fourth = names(edit.find(design.architecture, BLOCK))
    assert design.control(do="move", path=f"{BLOCK}/{first}", by=-1).is_disabled()
    assert design.control(do="move", path=f"{BLOCK}/{fourth}", by=1).is_disabled()
    with design.changing():
        design.control(do="move", path=f"{BLOCK}/{first}", by=1).click()
    assert names(edit.find(design.architecture, BLOCK)) == [second, first, third, fourth]
    with design.changing():
        design.control(do="duplicate", path=f"{BLOCK}/{first}").click()
    assert len(edit.find(design.architecture, BLOCK).branches) == 5
    for name in (second, third):
        with design.changing():
            design.control(do="remove", path=f"{BLOCK}/{name}").click()
    left = names(edit.find(design.architecture, BLOCK))
    assert second not in left
    assert third not in left
    assert len(left) == 3


@thorough("tests/editor/test_panel.py::test_everything_offered_can_be_done")
def test_another_kind_of_branch_keeps_its_channels(design):
    design.open(NET)
    path = f"{BLOCK}/branch_5x5"
    before = analyze(design.architecture)
    with design.changing():
        design.choose_from_menu("double_3x3", do="change_kind", path=path)
    after = analyze(design.architecture)
    assert after.by_path[BLOCK].output_shape == before.by_path[BLOCK].output_shape
    assert after.params > before.params  # 16 → 32 → 32 by two 3×3 of these widths; the reduction is kept
    assert [layer.path.rpartition("/")[2] for layer in after.below(path)] == ["reduce", "conv_a", "conv_b"]


def test_layers_of_a_branch_and_steps_back_and_forward_by_keys(design):
    design.open(NET)
    branch = f"{BLOCK}/branch_3x3"
    for part in ("conv", "dropout", "pool"):
        before = len(edit.find(design.architecture, branch).nodes)
        chosen = design.query("at")  # the last layer added is chosen, and the next goes behind it
        with design.changing():
            path = chosen if chosen.startswith(f"{branch}/") else branch
            design.choose_from_menu(part, do="insert", place="after", path=path)
        assert len(edit.find(design.architecture, branch).nodes) == before + 1
    added = f"{branch}/{edit.find(design.architecture, branch).nodes[-1].name}"
    with rerun(design.page):
        design.by_id(f"layer:{added}").click()
    with design.changing():
        design.control(do="move", path=added, by=-1).click()
    assert edit.find(design.architecture, branch).nodes[-2].name == added.rpartition("/")[2]
    with design.changing():
        design.control(do="remove", path=added).click()
    assert len(edit.find(design.architecture, branch).nodes) == 4
    assert design.query("at") == f"{branch}/{edit.find(design.architecture, branch).nodes[-1].name}"  # its neighbour
    change_network_settings(design)
    step_back_and_forward_by_keys_where_enter_leaves_the_caret(design)


@thorough("tests/editor/test_commands.py::test_blocks_come_go_and_set_an_example")
def test_blocks(design):
    design.open(NET)
    with design.changing():
        design.choice("norm", "batch").click()
    with design.changing():
        design.control(do="apply_to_all", path=BLOCK).click()
    assert edit.find(design.architecture, "inception2").branches[0].norm == "batch"
    with design.changing():
        design.control(do="duplicate", path=BLOCK).click()
    assert len(edit.blocks(design.architecture)) == 3
    copy = design.query("at")
    assert copy != BLOCK  # what was added is chosen
    with design.changing():
        design.control(do="remove", path=copy).click()
    assert len(edit.blocks(design.architecture)) == 2
    assert copy not in names(design.architecture.trunk)
    assert design.query("at") == "inception2"  # the neighbour of what was removed


@thorough("tests/pages/test_pages.py::test_a_name_of_nothing_is_refused_and_the_old_one_kept")
def test_rename(design):
    page = design.open(NET).page
    title = page.locator(".st-key-title input")
    with design.changing():
        title.fill("My own network")
        page.keyboard.press("Enter")
    assert design.architecture.name == "My own network"
    with rerun(page):
        title.fill("   ")
        page.keyboard.press("Enter")
    until(lambda: "name" in design.notice(), "why a name may not be empty")
    assert design.title() == design.architecture.name == "My own network"
    with design.changing():
        design.button("undo_button").click()
    assert design.query("net") == NET


def take_what_can_be_done_instead_of_what_is_refused(design):
    go(design.page, "/design?net=googlenet&at=conv1")
    until(lambda: design.title() == "GoogLeNet", "another network")
    field = design.exact("conv1", "kernel_size")
    field.fill("6")
    field.press("Enter")
    until(lambda: "Not changed" in design.notice(), "why")
    assert design.query("net") == "googlenet"
    # The present value, typed again, is the answer to it.
    field.fill("7")
    field.press("Enter")
    until(lambda: design.notice() == "", "the notice gone")
    field.fill("6")
    field.press("Enter")
    with design.changing():
        design.page.locator(".st-key-editor .refused button", has_text="kernel 6, padding 2").click()
    conv = edit.find(design.architecture, "conv1")
    assert (conv.kernel_size, conv.padding) == (6, 2)
    assert design.notice() == ""
    with design.changing():
        design.button("undo_button").click()
    assert design.query("net") == "googlenet"

    # A slider that cannot move offers what must change first.
    go(design.page, "/design?net=residual-mnist&at=conv1")
    until(lambda: design.title() == catalog.get("residual-mnist").name, "another network")
    assert design.ribbon("conv1").is_hidden()
    with design.changing():
        design.page.locator(".st-key-editor .only button", has_text="first:").click()
    assert edit.find(design.architecture, "rblock1").shortcut == "projection"
    until(design.ribbon("conv1").is_visible, "the slider")

    # Rare settings are behind More.
    go(design.page, "/design?net=googlenet&at=norm1")
    until(lambda: design.title() == "GoogLeNet", "another network")
    alpha = design.exact("norm1", "alpha")
    assert alpha.is_hidden()
    design.by_id("more:norm1").click()
    with design.changing():
        alpha.fill("0,001")
        alpha.press("Enter")
    assert edit.find(design.architecture, "norm1").alpha == 0.001
    assert alpha.is_visible()  # it stays unfolded


def step_back_and_forward_by_keys_where_enter_leaves_the_caret(design):
    go(design.page, f"/design?net={NET}&at={BLOCK}")
    until(lambda: design.title() == catalog.get(NET).name, "the network as it was")
    path = f"{BLOCK}/branch_1x1"
    field = design.exact(path)
    field.fill("33")
    steps = (("Enter", 33), ("Control+z", 64), ("Control+Shift+z", 33), ("Control+z", 64), ("Control+y", 33))
    for keys, channels in steps:
        with design.changing():
            design.page.keyboard.press(keys)
        assert edit.find(design.architecture, path).out_channels == channels
        until(lambda: field.input_value() == str(channels), "the field")  # noqa: B023
    # What is being typed is taken back first.
    field.press_sequentially("7")
    design.page.keyboard.press("Control+z")
    until(lambda: field.input_value() == "33", "the text")
    assert edit.find(design.architecture, path).out_channels == 33
    choose_from_menus_by_keys(design)


def choose_from_menus_by_keys(design):
    button = design.menu(do="add_branch", path=BLOCK)
    button.focus()
    before = design.query("net")
    design.page.keyboard.press("ArrowDown")
    design.page.keyboard.press("g")
    assert design.query("net") == before  # nothing is chosen by passing over it
    design.page.keyboard.press("Enter")
    design.page.keyboard.press("ArrowDown")
    design.page.keyboard.press("Escape")
    assert design.page.locator(".st-key-editor [role=menuitem]").count() == 0
    design.page.keyboard.press("Enter")
    design.page.keyboard.press("ArrowDown")
    with design.changing():
        design.page.keyboard.press("Enter")
    assert len(edit.find(design.architecture, BLOCK).branches) == 5


def change_network_settings(design):
    page = design.page
    design.by_id("network").click()
    settings = [
        ({"do": "input", "axis": "size"}, "48", lambda: design.architecture.input_shape == (3, 48, 48)),
        ({"do": "input", "axis": "channels"}, "1", lambda: design.architecture.input_shape == (1, 48, 48)),
        ({"do": "classes"}, "17", lambda: design.agree()[1].output_shape == (17,)),
        ({"do": "width"}, "1.5", lambda: edit.find(design.architecture, f"{BLOCK}/branch_1x1").out_channels == 96),
    ]
    for command, typed, seen in settings if ALL else settings[::3]:
        with design.changing():
            design.control(**command).fill(typed)
            page.keyboard.press("Enter")
        assert seen()
    assert "48" in next(label for label, _, _ in design.headline() if label.startswith("MACs"))
    with design.changing():
        design.control(do="width", value=0.5).click()
    assert edit.find(design.architecture, f"{BLOCK}/branch_1x1").out_channels == 48
    kept = design.query("net")
    with rerun(page):
        design.control(do="input", axis="size").fill("4000")
        page.keyboard.press("Enter")
    until(lambda: "8 to 1,024 pixels" in design.notice(), "the rule")
    assert design.query("net") == kept
