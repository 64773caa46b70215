"""The Inspect page through Streamlit's own test runner, with a network that learnt the digits a moment ago."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import catalog, datasets
from explorer.architecture import Flatten, Linear, Sequence, edit, to_json
from explorer.inspection import PUBLISHED, _samples, _shipped, load_model_cards, unit_field
from explorer.inspection.attribution import integrated_gradients
from explorer.inspection.contributions import branch_contributions
from explorer.inspection.evaluation import evaluate
from explorer.inspection.features import feature_maps
from explorer.inspection.opening import open_model, open_published
from explorer.modules import build
from explorer.runs import Device, Manager, RunFolder, devices
from explorer.text import format_share
from explorer.training import checkpoint
from pages.ui.inspect import state
from pages.ui.text import literal
from tests.datasets.makers import encoded, pixels, png
from tests.inspection.parts import learnt, shaken, trained_run
from tests.pages.parts import HOSTILE, ROOT, address, design_of, messages, mounted, open_page, plain, unfold
from tests.pages.sending import send
from tests.sizes import THOROUGH, first
from tests.training.parts import network

SHIPPED = _shipped.FOLDER
NEEDED = {"maps": "inspect_maps", "branches": "inspect_branches", "why": "inspect_why",
          "perturb": "inspect_response", "field": "inspect_field", "filters": "inspect_filters", "two": "",
          "test": "", "slim": ""}  # fmt: skip


@pytest.fixture
def manager(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """Where nothing is trained, nothing ships and nothing is published."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(_shipped, "FOLDER", tmp_path / "models")
    monkeypatch.setattr(_samples, "FOLDER", tmp_path / "samples")
    return Manager(home)


def app(**query: str) -> AppTest:
    return open_page("inspect", **query)


def upload(running: AppTest, *files: tuple[str, bytes]) -> AppTest:
    place = running.session_state["inspect"]["round"]
    running.file_uploader(key=f"inspect_upload_{place}").set_value([(name, data, "image/png") for name, data in files])
    running.run()
    assert not running.exception
    return running


# ---- models ---------------------------------------------------------------------------------------------------------


def test_without_any_model_the_page_says_where_to_get_one(manager: Manager) -> None:
    running = app()
    assert "not here yet" in messages(running)
    assert running.selectbox(key="inspect_model").value == "googlenet-torchvision"
    running.button(key="inspect_download").click().run()
    assert not running.exception
    assert "could not be downloaded" in messages(running)
    assert "googlenet-1378be20.pth" in messages(running)


def test_the_card_of_what_ships_says_all_that_is_known(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shipped, "FOLDER", SHIPPED)
    running = unfold(app(), "model_card")
    card = load_model_cards()["cifar10-inception"]
    told = plain(" ".join(each.value for each in running.markdown))
    for text in (card.data, card.recipe, format_share(card.accuracy), card.spread, card.licence):
        assert text in told
    assert [each.value for each in running.code] == [card.command]


def test_the_newest_checkpoint_is_followed_and_an_older_one_stays(manager: Manager) -> None:
    run = trained_run(manager, steps=(40, 41))
    running = app(pictures="digits:3")
    assert address(running, "model") == run
    assert any("step 41" in each.value for each in running.caption)
    running.selectbox(key="inspect_checkpoint").set_value(f"{run}@40").run()
    assert address(running, "model") == f"{run}@40"
    folder = RunFolder(manager.root, run).checkpoints
    checkpoint.save(folder, run, 50, learnt(0)[2])  # the last two are kept: step 40 is gone
    running.run()
    assert not running.exception
    assert f"{run}@40 is not there any more; the newest checkpoint" in messages(running)
    assert address(running, "model") == run
    assert any("step 50" in each.value for each in running.caption)


def test_a_checkpoint_that_is_damaged_is_passed_over_and_said(manager: Manager) -> None:
    run = trained_run(manager, steps=(40, 41))
    newest = RunFolder(manager.root, run).checkpoints / "step-0000000041.pt"
    newest.write_bytes(newest.read_bytes()[:-100])
    running = app()
    assert "step-0000000041.pt" in messages(running)
    assert any("step 40" in each.value for each in running.caption)


@pytest.mark.parametrize(
    "query",
    first(6, [
        {"model": "nothing"}, {"second": "<script>"}, {"node": "nowhere/at/all"}, {"class": "77"},
        {"pictures": "sample:none,../x:1,<b>:2"}, {"unit": "٣-٣", "channel": "٣"},
        {"model": "inception_v33"}, {"model": "../../etc/passwd"}, {"model": "own"},
        {"model": "x" * 9000}, {"node": "/"}, {"channel": "999999", "unit": "9-9999"},
        {"channel": "-1", "unit": "a"}, {"tab": "nonsense"}, {"pictures": "digits:99999999,x:1"},
        {"pictures": "," * 3000}, {"show": "upload-1234"},
    ]),
)  # fmt: skip
def test_a_bad_address_is_said_and_the_page_goes_on(manager: Manager, query: dict[str, str]) -> None:
    trained_run(manager)
    running = app(**{"pictures": "digits:3", **query})
    assert running.session_state["inspect"]["model"]
    if "pictures" not in query and "show" not in query:
        assert mounted(running, "inspect_predictions")["bars"]
    if "model" in query or "second" in query:
        assert "is not here" in messages(running)
    if query.get("model") == "inception_v33":
        assert "did you mean inception-v3" in messages(running)


# ---- pictures -------------------------------------------------------------------------------------------------------


def hostile_pictures() -> dict[str, tuple[bytes, str]]:
    good = encoded(pixels(1, 40, 30, 3))
    return {
        "cut.png": (good[:-400], "incomplete or damaged"),
        "huge.png": (encoded(Image.new("1", (9500, 9500))), "limit 40 MP"),
        "text.png": (b"hello", "not a supported image"),
        "empty.png": (b"", "is empty"),
        "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a supported image"),
    }


def test_what_cannot_be_read_is_one_sentence_each_and_the_rest_goes_on(manager: Manager) -> None:
    trained_run(manager)
    bad = hostile_pictures()
    running = upload(app(), *((name, data) for name, (data, _) in bad.items()), (HOSTILE + ".png", png(3)))
    sentences = [plain(each.value) for each in running.error]
    assert len(sentences) == len(bad)
    for sentence, (name, (_, reason)) in zip(sentences, bad.items(), strict=True):
        assert sentence.startswith(f"{name}: ")
        assert reason in sentence
    (tile,) = mounted(running, "inspect_tiles")["tiles"]
    assert tile["title"] == HOSTILE + ".png"
    assert address(running, "pictures") == ""  # uploads are nobody else's
    running.run()
    assert len(running.session_state["inspect"]["pictures"]) == 1


def test_a_picture_that_a_network_cannot_be_shown_is_said_beside_it(manager: Manager) -> None:
    trained_run(manager)
    running = upload(app(), ("thread.png", encoded(pixels(2, 20, 2000, 3))), ("good.png", png(1)))
    thread, good = mounted(running, "inspect_tiles")["tiles"]
    assert "50 times as long" in thread["problem"]
    assert good["predictions"]


def test_a_session_keeps_a_bounded_number_of_pictures(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_run(manager)
    running = upload(app(), *((f"{number}.png", png(number)) for number in range(state.MAX_PICTURES + 2)))
    assert len(running.session_state["inspect"]["pictures"]) == state.MAX_PICTURES
    assert messages(running).count("there are 32 pictures already") == 2
    running.button(key="inspect_remove").click().run()
    assert len(running.session_state["inspect"]["pictures"]) == state.MAX_PICTURES - 1
    running.button(key="inspect_clear").click().run()
    assert running.session_state["inspect"]["pictures"] == []
    monkeypatch.setattr("pages.ui.inspect.pictures.MAX_TOTAL_BYTES", 2 * len(png(1)))
    upload(running, *((f"{number}.png", png(number)) for number in range(3)))
    assert len(running.session_state["inspect"]["pictures"]) == 2
    assert "all pictures together would have more than" in messages(running)


def test_samples_and_test_images_are_in_the_address(manager: Manager, tmp_path: Path) -> None:
    trained_run(manager)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "tabby.png").write_bytes(png(5))
    entry = {"file": "tabby.png", "title": "A tabby", "class": "cat", "credit": "made by us"}
    (tmp_path / "samples" / "samples.json").write_text(json.dumps([entry]))
    running = app()
    running.pills(key="inspect_samples").set_value(["tabby"])
    running.number_input(key="inspect_row_digits").set_value(7)
    running.button(key="inspect_add_row").click().run()
    assert not running.exception
    assert address(running, "pictures") == "sample:tabby,digits:7"
    assert address(running, "show") == "digits:7"
    again = app(**{key: address(running, key) for key in running.query_params})
    assert again.query_params == running.query_params
    first, second = mounted(again, "inspect_tiles")["tiles"]
    assert (first["shows"], first["predictions"][0]["right"]) == ("cat", None)  # this network knows no cats
    truth = datasets.load("digits").test_labels[7]
    assert second["shows"] == str(int(truth))
    assert second["predictions"][0]["right"] == (second["predictions"][0]["name"] == second["shows"])
    running.button(key="inspect_add_random").click().run()
    assert len(running.session_state["inspect"]["pictures"]) == 3


def test_the_camera_is_asked_for_only_when_its_box_is_opened(manager: Manager) -> None:
    trained_run(manager)
    running = app()
    assert not running.camera_input
    running.session_state["inspect_camera_box"] = True
    running.run()
    shot = encoded(pixels(4, 20, 30, 3), "JPEG")
    running.camera_input(key="inspect_camera_0").set_value(("shot.jpg", shot, "image/jpeg")).run()
    (tile,) = mounted(running, "inspect_tiles")["tiles"]
    assert tile["title"] == "photo"


def test_the_page_is_there_before_torch_is_loaded(manager: Manager) -> None:
    """Where torch cannot be had, what stands before its loading is all there: models, pictures, what uploads are."""
    script = (
        "import sys; from streamlit.testing.v1 import AppTest; "
        "sys.modules['torch'] = None; "
        "running = AppTest.from_file('app.py', default_timeout=60).switch_page('pages/inspect.py').run(); "
        "print(running.selectbox(key='inspect_model').value, len(running.file_uploader), len(running.exception))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[-1] == "cifar10-inception 1 1"
    assert "import of torch halted" in done.stderr


# ---- the tabs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", state.TABS)
def test_every_tab_by_its_address_with_and_without_a_picture(manager: Manager, tab: str) -> None:
    trained_run(manager)
    running = app(tab=tab, pictures="digits:3")
    assert running.session_state[state.TAB] == state.TABS[tab]
    if NEEDED[tab]:
        assert mounted(running, NEEDED[tab])
    assert (address(running, "tab") or "maps") == tab
    running.button(key="inspect_clear").click().run()
    assert not running.exception


def test_maps_are_those_of_the_node(manager: Manager) -> None:
    run = trained_run(manager)
    running = app(node="mixed/threes", channel="2", unit="3-4", pictures="digits:3")
    model = open_model(run, manager)
    image = datasets.load("digits").test_images[3, 0].numpy()
    x_CHW = model.prepare(np.repeat(image[..., None], 3, axis=2))[0]
    found = feature_maps(model, x_CHW, ["mixed/threes"])["mixed/threes"]
    data = mounted(running, "inspect_maps")
    (group,) = data["groups"]
    assert [each["channel"] for each in group["sheet"]["maps"]] == list(found.channels_by_contrast)
    for each in group["sheet"]["maps"]:
        assert each["activity"] == pytest.approx(float(found.activity[each["channel"]]), rel=1e-4)
    assert (data["large"]["channel"], data["large"]["unit"]) == (2, [3, 4])
    values = np.frombuffer(base64.b64decode(data["large"]["values"]), "<f4").reshape(6, 6)
    np.testing.assert_allclose(values, found.values[2].numpy(), rtol=1e-5)
    running.segmented_control(key="inspect_order").set_value("channel").run()
    assert [each["channel"] for each in mounted(running, "inspect_maps")["groups"][0]["sheet"]["maps"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("node", ["fc", "flat", "pool"])
def test_vectors_are_bars_and_those_of_the_classes_have_their_names(manager: Manager, node: str) -> None:
    trained_run(manager)
    running = app(node=node, pictures="digits:3")
    bars = mounted(running, "inspect_vector")["bars"]
    if node == "fc":
        best = mounted(running, "inspect_predictions")["bars"][0]
        assert (bars[0]["label"], bars[0]["strong"]) == (best["label"], True)
        assert sorted(bar["label"] for bar in bars) == list("0123456789")
    else:
        assert bars[0]["label"].startswith("channel ")
        assert [abs(bar["value"]) for bar in bars] == sorted((abs(bar["value"]) for bar in bars), reverse=True)
    running.segmented_control(key="inspect_order_vector").set_value("channel").run()
    labels = [bar["label"].removeprefix("channel ") for bar in mounted(running, "inspect_vector")["bars"]]
    assert labels == [str(number) for number in range(len(labels))]
    running.session_state[state.TAB] = state.TABS["field"]
    running.run()
    assert not running.exception


def test_the_field_is_where_the_analysis_says(manager: Manager) -> None:
    run = trained_run(manager)
    running = app(node="residual", channel="1", unit="0-5", tab="field", pictures="digits:3")
    net = open_model(run, manager).architecture
    field = unit_field(net, "residual", (0, 5))
    net_branch = edit.find(net, "residual").body.name
    (seen,) = mounted(running, "inspect_field")["frames"]
    assert seen["field"]["box"] == list(field.box)
    assert seen["field"]["outside"] == list(field.unclipped)
    assert [branch["name"] for branch in seen["branches"]] == [net_branch, "shortcut"]
    (picture,) = mounted(running, "inspect_field_picture")["frames"]
    assert (picture["width"], picture["height"]) == (28, 28)
    (on_picture,) = picture["boxes"]
    assert on_picture["bottom"] == pytest.approx(field.box.bottom * 28 / 12)
    running.number_input(key="inspect_unit_row").set_value(2).run()
    assert (address(running, "channel"), address(running, "unit")) == ("1", "2-5")
    send(running, ("inspect_field", "place", {"frame": 0, "at": [3, 4]}))
    send(running, ("inspect_field", "move", {"frame": 0, "by": [1, 0]}))
    send(running, ("inspect_field", "move", {"frame": 0, "by": [50, 0]}))  # there is none
    send(running, ("inspect_field", "place", {"frame": 0, "at": "there"}))
    assert (address(running, "channel"), address(running, "unit")) == ("1", "4-4")
    running.number_input(key="inspect_channel").set_value(3).run()
    assert (address(running, "channel"), address(running, "unit")) == ("3", "")
    running.button(key="inspect_strongest").click().run()
    assert (address(running, "channel"), address(running, "unit")) == ("", "")


def test_contributions_are_those_of_the_block_and_the_class(manager: Manager) -> None:
    run = trained_run(manager)
    running = app(node="residual/body", tab="branches", pictures="digits:3", **{"class": "4"})
    model = open_model(run, manager)
    image = datasets.load("digits").test_images[3, 0].numpy()
    x_CHW = model.prepare(np.repeat(image[..., None], 3, axis=2))[0]
    expected = branch_contributions(model, x_CHW, "mixed", 4)
    bars = mounted(running, "inspect_contributions")["bars"]
    assert [bar["label"] for bar in bars] == ["ones", "threes"]
    assert [bar["value"] for bar in bars] == pytest.approx([each.logit for each in expected], rel=1e-4, abs=1e-6)
    running.selectbox(key="inspect_class").set_value(9).run()
    assert address(running, "class") == "9"


def test_a_silenced_branch_can_give_its_mean_over_all_pictures(manager: Manager) -> None:
    run = trained_run(manager)
    running = app(node="mixed", tab="branches", pictures="digits:3,digits:7", show="digits:3", **{"class": "4"})
    running.segmented_control(key="inspect_reference").set_value("all").run()
    assert not running.exception
    model = open_model(run, manager)
    images = [datasets.load("digits").test_images[row, 0].numpy() for row in (3, 7)]
    x_BCHW = model.prepare(*(np.repeat(image[..., None], 3, axis=2) for image in images))
    alone, among = (branch_contributions(model, x_BCHW[0], "mixed", 4, x) for x in (None, x_BCHW))
    values = [bar["value"] for bar in mounted(running, "inspect_contributions")["bars"]]
    assert values == pytest.approx([each.logit for each in among], rel=1e-4, abs=1e-6)
    assert values != pytest.approx([each.logit for each in alone], rel=1e-4, abs=1e-6)


def test_grad_cam_begins_at_the_last_block(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shipped, "FOLDER", ROOT / "assets" / "models")
    first, *_, last = edit.blocks(catalog.get("cifar10-inception"))
    for query, chosen in (({"tab": "maps"}, first), ({"tab": "why"}, last), ({"tab": "why", "node": first}, first)):
        running = app(model="cifar10-inception", pictures="digits:3", **query)
        assert mounted(running, "inspect_diagram")["chosen"] == chosen


def test_attributions_by_each_method(manager: Manager) -> None:
    run = trained_run(manager)
    running = app(node="stem", tab="why", pictures="digits:3")
    assert mounted(running, "inspect_why")["frames"][0]["heat"]["scale"]["low"] == 0
    for method in ("occlusion", "gradients"):
        running.segmented_control(key="inspect_method").set_value(method).run()
        assert mounted(running, "inspect_why")["frames"][0]["heat"] is None  # long work waits to be asked for
        running.button(key="inspect_compute").click().run()
        assert not running.exception
        assert mounted(running, "inspect_why")["frames"][0]["heat"]["unit"] == "logit"
    model = open_model(run, manager)
    image = datasets.load("digits").test_images[3, 0].numpy()
    x_CHW = model.prepare(np.repeat(image[..., None], 3, axis=2))[0]
    found = integrated_gradients(model, x_CHW, int(model.logits(x_CHW[None]).argmax()))
    assert any(f"{float(found.values.sum()):+.4f}".replace("-", "−") in each.value for each in running.caption)
    running.session_state["inspect_method"] = "cam"
    running.session_state["inspect"]["at"] = "fc"
    running.run()
    assert "outputs a vector" in messages(running)


@pytest.mark.parametrize("name", ["googlenet-torchvision", pytest.param("inception-v3", marks=THOROUGH)])  # 104 MB
def test_published_weights_answer_and_their_preprocessing_is_shown(manager: Manager, name: str) -> None:
    """Random weights in the published file's place; the page says that they are not the published ones."""
    spec = PUBLISHED[name]
    network = shaken(getattr(torchvision.models, spec.model)(aux_logits=True, init_weights=False))
    spec.path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), spec.path)
    running = app(model=name, pictures="digits:3")
    expected = open_published(spec)
    told = plain(" ".join(each.value for each in running.caption))
    assert all(step in told for step in map(plain, map(literal, expected.preprocessing.steps())))
    assert "transform_input" in told
    assert expected.notes[0] in messages(running)
    image = np.repeat(datasets.load("digits").test_images[3, 0].numpy()[..., None], 3, axis=2)
    best = int(expected.logits(expected.prepare(image)).argmax())
    (tile,) = mounted(running, "inspect_tiles")["tiles"]
    assert tile["predictions"][0]["name"] == expected.classes[best]
    assert mounted(running, "inspect_diagram")["name"] == expected.architecture.name


def test_a_test_set_is_evaluated_and_two_models_are_compared(manager: Manager) -> None:
    first, second = trained_run(manager, "one", 0), trained_run(manager, "two", 1)
    running = app(model=first, second=second, tab="test")
    running.button(key="inspect_evaluate").click().run()
    assert not running.exception
    digits = datasets.load("digits")
    a, b = (evaluate(open_model(run, manager), digits) for run in (first, second))
    numbers = {each.label: each.value for each in running.metric}
    assert numbers["Accuracy of A"] == format_share(a.accuracy)
    assert numbers["Accuracy of B"] == format_share(b.accuracy)
    low, high = a.accuracy_interval
    assert f"{format_share(low, 1)} to {format_share(high, 1)}" in running.metric[0].delta
    assert mounted(running, "inspect_confusion")["confusion"] == [list(row) for row in a.confusion]
    both = int(((a.predictions == a.labels) & (b.predictions == b.labels)).sum())
    assert f"{both:,}" in running.table[0].value.to_numpy()[0]
    worst = [int(tile["key"].partition(":")[2]) for tile in mounted(running, "inspect_worst")["tiles"]]
    assert worst == [each.index for each in a.worst_mistakes(24)]
    differing = mounted(running, "inspect_disagree")["tiles"]
    assert all(tile["differs"] for tile in differing)
    running.session_state["inspect"]["wanted"] = [f"digits:{row}" for row in range(12)]
    running.session_state[state.TAB] = state.TABS["two"]
    running.run()
    differ = [tile["differs"] for tile in mounted(running, "inspect_two_tiles")["tiles"]]
    assert differ == sorted(differ, reverse=True)  # those that differ first
    assert f"differ on **{sum(differ)}** of 12" in " ".join(each.value for each in running.markdown)
    assert 0 < sum(differ) < 12


# ---- weights of one's own -------------------------------------------------------------------------------------------


def own(
    running: AppTest, data: bytes, name: str = "mine.pt", net: str | None = None, *more: tuple[str, bytes]
) -> AppTest:
    running.session_state["inspect_own_box"] = True
    running.run()
    running.segmented_control(key="inspect_source").set_value("JSON file").run()
    text = net if net is not None else to_json(network(classes=10))
    running.file_uploader(key="inspect_json").set_value(("net.json", text.encode(), "application/json")).run()
    files = [(each, content, "application/octet-stream") for each, content in ((name, data), *more)]
    running.file_uploader(key="inspect_weights_0").set_value(files).run()
    return running


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return dict(shaken(build(network(classes=10)), seed).state_dict())


@pytest.mark.parametrize("form", ["pt", "safetensors"])
def test_weights_of_ones_own(manager: Manager, form: str) -> None:
    out = io.BytesIO()
    torch.save(weights(), out)
    data = out.getvalue() if form == "pt" else safetensors.torch.save(weights())
    running = own(app(pictures="digits:3"), data, f"{HOSTILE}.{form}")
    names = "\n".join([HOSTILE, *"abcdefghi"])
    running.text_area(key="inspect_classes").set_value(names)
    running.text_input(key="inspect_mean").set_value("0.1, 0.2")
    running.button(key="inspect_open").click().run()
    assert "must be 3 finite numbers" in messages(running)
    running.text_input(key="inspect_mean").set_value("0.1, 0.2, 0.3")
    running.button(key="inspect_open").click().run()
    assert not running.exception
    assert running.selectbox(key="inspect_model").value == state.OWN
    assert address(running, "model") == ""
    assert any(literal(HOSTILE) in each.value for each in running.caption)
    labels = [bar["label"] for bar in mounted(running, "inspect_predictions")["bars"]]
    assert set(labels) <= {HOSTILE, *"abcdefghi"}


def saved(content: object) -> bytes:
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def test_weights_as_people_save_them_open_and_their_conversions_are_shown(manager: Manager) -> None:
    """A training script's checkpoint, then shards with their index in its place; the same answers as plain ones."""
    halved = {f"module.{key}": each.half() if each.is_floating_point() else each for key, each in weights().items()}
    running = own(app(pictures="digits:3"), saved({"epoch": 1, "state_dict": halved}), "best.ckpt")
    running.text_area(key="inspect_classes").set_value("\n".join("abcdefghij"))
    running.text_input(key="inspect_mean").set_value("0,4x").run()
    assert "mean (='0,4x') must be numbers" in messages(running)
    assert running.button(key="inspect_open").disabled
    running.text_input(key="inspect_mean").set_value("0,5")
    running.text_input(key="inspect_std").set_value("0").run()
    assert "must be above zero" in messages(running)
    running.text_input(key="inspect_std").set_value("").run()
    running.button(key="inspect_open").click().run()
    assert not running.exception
    told = plain(" ".join(each.value for each in running.caption))
    assert "taken from 'state_dict' of the file; the prefix 'module.' taken off the names; float16 turned into" in told
    assert "It knows 10 classes and nothing else (a, b, c" in told
    assert "the mean" not in messages(running)
    place = running.session_state["inspect"]["own_round"]
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    parts = {first: {}, second: {}}
    for number, (key, tensor) in enumerate(weights().items()):
        parts[(first, second)[number % 2]][key] = tensor
    index = {"weight_map": {key: name for name, part in parts.items() for key in part}}
    files = [(name, safetensors.torch.save(part), "") for name, part in parts.items()]
    running.file_uploader(key=f"inspect_weights_{place}").set_value(files[:1]).run()
    running.button(key="inspect_open").click().run()
    assert "is one shard of 2; give all shards together" in messages(running)
    files.append(("model.safetensors.index.json", json.dumps(index).encode(), ""))
    running.file_uploader(key=f"inspect_weights_{place}").set_value(files)
    running.selectbox(key="inspect_preset").set_value("half")
    running.button(key="inspect_open").click().run()
    assert not running.exception
    assert "2 shards joined" in plain(" ".join(each.value for each in running.caption))


@pytest.mark.parametrize(
    ("data", "name", "net", "reason"),
    first(2, [
        (safetensors.torch.save({"x": torch.zeros(1)}), f"{HOSTILE}.pt", None, "to another network than 'tiny'"),
        (b"nothing", "mine.pt", "FAR TOO LARGE", "networks of up to 100 M can be asked here"),
        (b"", "mine.pt", "{}", "net.json"),
        (saved(torch.nn.Linear(2, 2)), "mine.pt", None, "holds a whole Python object (torch.nn.modules.linear.Linear)"),
        (saved({"a": torch.zeros(9)})[:-30], "mine.pt", None, "is cut off or damaged"),
        (b"\x08\x08\x12\x07pytorch", "mine.onnx", None, "is a network as ONNX"),
        (b"nothing", "mine.pt", None, "is text, not weights"),
        (b"\x80\x02c", "mine.pt", None, "is cut off or damaged"),
        (b"PK\3\4junk", "mine.pt", None, "begins like an archive of torch"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "mine.h5", None, "is of Keras"),
    ]),
)  # fmt: skip
def test_weights_that_cannot_be_used_are_one_sentence(
    manager: Manager, data: bytes, name: str, net: str | None, reason: str
) -> None:
    trained_run(manager)
    if net == "FAR TOO LARGE":
        parts = (Flatten(name="flat"), Linear(name="one", out_features=4096), Linear(name="two", out_features=10))
        large = network().model_copy(update={"trunk": Sequence(name="trunk", children=parts)})
        net = to_json(edit.replace(large, "", input_shape=(3, 96, 96)))
    running = own(app(pictures="digits:3"), data, name, net)
    opening = running.button(key="inspect_open")
    if not opening.disabled:
        opening.click().run()
    assert not running.exception
    assert reason in messages(running)
    assert running.selectbox(key="inspect_model").value != state.OWN
    assert mounted(running, "inspect_tiles")["tiles"][0]["predictions"]


def test_an_auxiliary_head_is_said_to_run_in_training_only(manager: Manager) -> None:
    net = network(heads=True, classes=10)
    torch.manual_seed(0)
    data = safetensors.torch.save(dict(build(net).state_dict()))
    running = own(app(pictures="digits:3"), data, "mine.safetensors", to_json(net))
    running.button(key="inspect_open").click().run()
    running.session_state["inspect"]["at"] = "aux/fc"
    running.run()
    assert not running.exception
    assert address(running, "node") == "aux"
    assert "runs in training only" in messages(running)
    assert len(mounted(running, "inspect_maps")["groups"][0]["sheet"]["maps"]) == 8


def test_hostile_names_are_shown_as_they_are(manager: Manager) -> None:
    trained_run(manager, HOSTILE)
    running = app(pictures="digits:3")
    assert any(HOSTILE in option for option in running.selectbox(key="inspect_model").options)
    for text in (*running.caption, *running.markdown):
        assert HOSTILE not in text.value


def test_the_design_of_the_session_is_left_alone(manager: Manager) -> None:
    trained_run(manager)
    running = app(node="mixed", pictures="digits:3")
    assert design_of(running) == catalog.get("googlenet")
    assert running.session_state["design"]["selected"] == "inception_3a"


def test_the_device_is_told_and_chosen_where_there_is_a_choice(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_run(manager)
    running = app(pictures="digits:3")
    assert any("computes on cpu" in plain(each.value) for each in running.caption)
    assert "inspect_device" not in {box.key for box in running.selectbox}
    found = (Device(name="cuda:7", title="a GPU that is not there", memory_bytes=2**34), *devices())
    monkeypatch.setattr("pages.ui.inspect.device.devices", lambda: found)
    monkeypatch.setattr("explorer.inspection._device.devices", lambda: found)
    running.run()  # asks for the best one, on which this machine's torch cannot put a model
    assert not running.exception
    assert "cuda:7" in messages(running)
    assert "choose the device cpu" in messages(running)
    running.selectbox(key="inspect_device").set_value("cpu").run()
    assert not running.error
    assert any("computes on cpu" in plain(each.value) for each in running.caption)
