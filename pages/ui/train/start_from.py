"""What a run starts from: random weights or weights, which part is held fixed, and which tensors are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from explorer import catalog
from explorer.architecture import Architecture, walk
from explorer.inspection import AvailableModel, describe_fetch, fetch_weights, find_published, list_models
from explorer.runs import Run
from explorer.text import format_bytes, format_shape, parse_decimal
from explorer.training import StartFrom, TrainConfig, describe_start
from pages.ui import run_picker, uploads
from pages.ui.inspect import state as inspect_state
from pages.ui.manager import manager
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import choices

if TYPE_CHECKING:  # torch is loaded where weights are read
    from explorer.training.starting import StartWeights

RANDOM, FILE, OWN = "", "@file", "@own"
"""No weights; a file that is uploaded; the visitor's own weights, or a slim model, from the Inspect page."""
_SOURCE, _CHECKPOINT = "train_from", "train_from_checkpoint"
_UNFREEZE = {"never": "never", "block": "block by block", "all": "all at once"}
_FATES = {"taken": "taken", "cut": "cut", "new": "anew"}
"""Short words for a narrow column that stands first: the card is narrow."""
_HEADS = {"auto": "automatic", "new": "new", "keep": "kept"}
PHOTOS_NETWORK, PHOTOS_FREEZE = "inception-v3", "Mixed_6e"
"""What one click fine-tunes on the visitor's images, and up to where it is held fixed."""


class Start(NamedTuple):
    """What the form says of the start."""

    weights: StartWeights | None
    """What the runs start from; None for random weights."""
    section: dict[str, Any] | None
    """The ``start`` section of their configuration."""
    no_heads: bool = False
    """Whether all auxiliary heads are left out."""
    complaint: str = ""
    """Why nothing can be started; '' where it can."""

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) of the images that the weights were trained with."""
        return None if self.weights is None else self.weights.architecture.input_shape[1:]


def list_import_sizes() -> list[tuple[int, int]]:
    """(height, width) at which images are best stored for the published weights that are chosen, if any are."""
    spec = find_published(st.session_state.get(_SOURCE) or "")
    return [] if spec is None else [spec.preprocessing.import_size]


def offer_photos(dataset: str, *, available: bool) -> None:
    """One click that fills the form with the usual start from a large network's weights."""
    st.button(
        "Fine-tune Inception v3 on these images", icon=":material/model_training:", key="train_photos",
        width="stretch", disabled=not available, on_click=_fill_photos, args=(dataset,),
        help="Fills the form: Inception v3 from its published ImageNet weights, without the auxiliary head, held fixed "
        f"up to {PHOTOS_FREEZE}, by the recipe fine-tune. Each setting can be changed before Start.",
    )  # fmt: skip


def _fill_photos(dataset: str) -> None:
    from . import settings

    here = st.session_state
    here["train_data"] = dataset
    here["train_designs"] = [PHOTOS_NETWORK]
    settings.begin("fine-tune")
    fill({"weights": PHOTOS_NETWORK, "freeze": PHOTOS_FREEZE}, PHOTOS_NETWORK)
    here["train_from_no_heads"] = True


def fill(section: dict[str, Any] | None, source: str) -> None:
    """Fill this part of the form.

    Args:
        section: The ``start`` section of a configuration; None: random weights.
        source: Name of the weights, as ``open_start`` takes it.
    """
    here = st.session_state
    known = StartFrom(**(section or {"weights": "none"}))
    name, at, _ = source.partition("@")
    whole = source.endswith("@start") or source == OWN or section is None
    here[_SOURCE] = source if whole else name
    here[_CHECKPOINT] = source if at else ""
    here["train_from_freeze"], here["train_from_unfreeze"] = known.freeze, known.unfreeze
    here["train_from_epochs"], here["train_from_rate"] = str(known.unfreeze_epochs), f"{known.old_rate:g}"
    here["train_from_head"], here["train_from_images"] = known.head, known.images == "weights"


def choose(networks: Sequence[Architecture], runs: Sequence[Run] | None = None, *, heads: bool = True) -> Start:
    """This part of the form.

    Args:
        networks: Those that are to be trained; the nodes of the first are offered to be held fixed.
        runs: All runs as the page has just read them; None: they are read.
        heads: Whether to offer that auxiliary heads are left out.
    """
    here = st.session_state
    found = {entry.name: entry for entry in list_models(manager(), runs)}
    chosen = here.get(_SOURCE, RANDOM)
    cloned = [chosen] if chosen.endswith("@start") else []
    own = [] if inspect_state.state()["own"] is None else [OWN]
    options = [RANDOM, FILE, *own, *cloned, *found]
    if chosen not in options:  # a run that was deleted meanwhile
        here[_SOURCE] = RANDOM
    place = st.container()
    titles = {name: _title(name, found) for name in options}
    runs_here = {name for name, entry in found.items() if entry.kind == "run"}
    titles = run_picker.narrow(titles, runs_here, key="train_from_words", keep=(chosen,))
    source = place.selectbox(
        "Start from", list(titles), key=_SOURCE, persist_state="session", format_func=titles.__getitem__,
        help="Random numbers, or trained weights: what fits the network is carried over by path and by the first "
        "channels, and the rest begins anew. A run keeps a copy of what it started from.",
    ) or RANDOM  # fmt: skip
    if source == RANDOM:
        return Start(None, None)
    weights, complaint = _open(source, found, networks)
    section, problem = _ask(networks, weights)
    no_heads = heads and any(node.op == "auxiliary" for network in networks for _, node in walk(network)) and st.toggle(
        "Leave out all auxiliary heads", key="train_from_no_heads", persist_state="session",
        help="They help a deep network that begins anew; one that starts from weights rarely needs them.",
    )  # fmt: skip
    return Start(weights, section, no_heads, complaint or problem)


def _title(name: str, found: dict[str, AvailableModel]) -> str:
    if name in (RANDOM, FILE):
        return "a file of weights" if name else "random weights"
    if name == OWN:
        return f"{inspect_state.state()['own'].name} · on Inspect"
    if name not in found:
        return f"what run {name.partition('@')[0]} started from"
    return found[name].label


def _open(
    source: str, found: dict[str, AvailableModel], networks: Sequence[Architecture]
) -> tuple[StartWeights | None, str]:
    """The weights of a choice; None, and why, where there are none yet."""
    if source == FILE:
        return _upload(networks)
    if source == OWN:
        from explorer.inspection.starting import start_from

        return start_from(inspect_state.state()["own"]), ""
    name, version = source, ""
    if entry := found.get(source):
        if not entry.ready:
            _download(entry)
            return None, f"the weights of {entry.title} are not on this machine: download them, or choose others"
        name, version = (_checkpoint(entry) if entry.kind == "run" else source), f"{entry.checkpoints} {entry.best}"
    try:
        if source.endswith("@start"):  # another session may have opened what is not for this visitor
            manager().run(source.partition("@")[0])
        with st.spinner(describe_fetch(name, manager()) or "Reading the weights"):
            return _open_cached(name, version), ""
    except ValueError as error:
        return None, str(error)


@st.cache_resource(max_entries=2, show_spinner=False)
def _open_cached(name: str, version: str) -> Any:  # noqa: ARG001  (the version is part of the key)
    from explorer.inspection.starting import open_start

    return open_start(name, manager())


def _checkpoint(entry: AvailableModel) -> str:
    here = st.session_state
    options = [*([entry.checkpoints[-1]] if entry.best else []), *entry.checkpoints[: -1 if entry.best else None]]
    if here.get(_CHECKPOINT) not in options:
        here[_CHECKPOINT] = options[0]
    return st.selectbox(
        "Checkpoint", options, key=_CHECKPOINT, persist_state="session",
        format_func=lambda name: entry.best if name.endswith("@best") else f"step {int(name.partition('@')[2]):,}",
    )  # fmt: skip


def _download(entry: AvailableModel) -> None:
    spec = find_published(entry.name)
    if spec is not None and st.button(
        f"Download {format_bytes(spec.size_bytes)}", icon=":material/download:", key="train_from_download",
        width="stretch",
    ):  # fmt: skip
        done = run_with_progress(
            f"Downloading {spec.title}", lambda progress: fetch_weights(spec.name, progress=progress)
        )
        if done is not None:
            st.rerun()


def _upload(networks: Sequence[Architecture]) -> tuple[StartWeights | None, str]:
    files = uploads.file_uploader(
        "Weights, as torch or safetensors save them", key="train_from_files", accept_multiple_files=True,
        help="A state dict or a checkpoint of a training script (.pt, .pth, .ckpt, .bin), .safetensors, or all shards "
        "of one with their index. Objects in a file are never made. The weights may be those of the network, of what "
        "it was made from, or of any network of the catalogue.",
    )  # fmt: skip
    if not files or not networks:
        return None, "bring a file of weights, or choose others"
    here, key = st.session_state, (tuple(file.file_id for file in files), networks[0])
    if here.get("train_from_opened", (None,))[0] != key:
        from explorer.inspection.starting import open_start_files
        from explorer.modules import WeightsFile

        try:
            with st.spinner("Comparing the weights with the networks"):
                brought = [WeightsFile(name=file.name, data=file.getvalue()) for file in files]
                here["train_from_opened"] = key, open_start_files(networks[0], brought), ""
        except ValueError as error:
            here["train_from_opened"] = key, None, str(error)
    _, weights, complaint = here["train_from_opened"]
    return weights, complaint


def _ask(networks: Sequence[Architecture], weights: StartWeights | None) -> tuple[dict[str, Any], str]:
    """(the ``start`` section as it stands in the form; what is wrong with it)."""
    here, problem = st.session_state, ""
    nodes = [path for path, node in walk(networks[0]) if node.op != "auxiliary"] if networks else []
    if here.get("train_from_freeze", "") not in nodes:
        here["train_from_freeze"] = ""
    freeze = st.selectbox(
        "Hold fixed up to", ["", *nodes], key="train_from_freeze", persist_state="session",
        format_func=lambda path: path or "nothing",
        help="This node and all before it keep their weights and the statistics of their norms. The classifier and "
        "auxiliary heads are always trained.",
    )  # fmt: skip
    section: dict[str, Any] = {"weights": "?" if weights is None else weights.name[:1000], "freeze": freeze or ""}
    if freeze:
        here.setdefault("train_from_unfreeze", "never")
        section["unfreeze"] = st.segmented_control(
            "Unfreeze", list(_UNFREEZE), key="train_from_unfreeze", required=True,
            format_func=_UNFREEZE.__getitem__, persist_state="session",
            help="Block by block: after every so many epochs the last block of what is fixed is trained, too.",
        )  # fmt: skip
        if section["unfreeze"] != "never":
            typed = st.text_input("After epochs", "1", key="train_from_epochs", max_chars=6, persist_state="session")
            if typed.strip().isdecimal():
                section["unfreeze_epochs"] = int(typed)
            else:
                problem = f"after epochs: {typed[:20]!r} is not a whole number"
    here.setdefault("train_from_rate", "1")
    typed = st.text_input(
        "Learning rate of what was carried over", key="train_from_rate", max_chars=20, persist_state="session",
        help="A factor on the learning rate, above 0 and at most 1; what begins anew has the whole rate.",
    )  # fmt: skip
    try:
        section["old_rate"] = parse_decimal(typed)
    except ValueError as error:
        problem = f"learning rate of what was carried over: {error}"
    here.setdefault("train_from_head", "auto")
    section["head"] = st.segmented_control(
        "Classifier", list(_HEADS), key="train_from_head", required=True,
        format_func=_HEADS.__getitem__, persist_state="session",
        help="Automatic: it begins anew unless the weights have the classes of the data, name by name.",
    )  # fmt: skip
    here.setdefault("train_from_images", True)
    as_weights = st.toggle(
        "Scale and normalise images as the weights expect them", key="train_from_images", persist_state="session",
        help="Else they are squashed to the network's size, and normalised by the setting normalise.",
    )  # fmt: skip
    section["images"] = "weights" if as_weights else "run"
    return section, problem


def pin(network: Architecture, config: TrainConfig, weights: StartWeights) -> TrainConfig:
    """A configuration with what the weights say of themselves."""
    from explorer.training.starting import pin_start

    return pin_start(network, config, weights)


def takes_nothing(start: Start, error: ValueError) -> bool:
    """Whether an error of ``show_carried`` says that nothing of the weights fits the network."""
    if start.weights is None:
        return False
    from explorer.training.starting import NothingFits

    return isinstance(error, NothingFits)


def offer_own_network(weights: StartWeights) -> None:
    """The way out where weights do not fit: train the network that they are of."""
    st.button(
        "Use the weights' own network", icon=":material/swap_horiz:", key="train_own_network", width="stretch",
        on_click=_use_network, args=(weights.architecture,),
        help=literal(f"Chooses {weights.architecture.name} in place of the networks above."),
    )  # fmt: skip


def _use_network(network: Architecture) -> None:
    here, known = st.session_state, catalog.name_of(network)
    if known is None:
        here["train_cloned"] = network
    here["train_designs"] = [known or choices.CLONED]


def show_carried(network: Architecture, config: TrainConfig, start: Start, classes: tuple[str, ...]) -> None:
    """Which tensors a network takes. Raises ValueError where nothing fits, or the start does not."""
    if start.weights is None:
        return
    from explorer.training.starting import find_start_warnings

    config = pin(network, config, start.weights)
    assert config.start is not None
    plan = start.weights.plan(network, config.start, classes)
    size = format_shape(start.weights.architecture.input_shape)
    st.markdown(literal(f"{network.name}: {plan.describe()}."))
    said = [*describe_start(network, config.start), f"The weights were trained on images of {size}."]
    st.caption(literal(f"From {start.weights.provenance}. {' '.join(said)}"))
    for note in (*start.weights.notes, *find_start_warnings(network, config, plan)):
        st.warning(literal(f"{note[0].upper()}{note[1:].rstrip('.')}."))
    with st.expander("Tensors that are taken, cut or begun anew", icon=":material/table_rows:"):
        shown = sorted(plan.tensors, key=lambda each: each.fate == "taken")
        rows = [
            {"": _FATES[each.fate], "tensor": each.name, "what becomes of it": each.describe()} for each in shown
        ]
        st.dataframe(rows, hide_index=True, height=min(380, 38 + 35 * len(rows)), key=f"carried_{network.name}")
