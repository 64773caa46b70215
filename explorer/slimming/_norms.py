"""Batch norms and scales, folded into the convolutions beside them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..architecture import Architecture, Conv, Linear, Norm, Residual, Scale, edit
from ..modules import Network
from ..text import quote
from ._runs import Run, dotted, find_runs
from ._slimmed import THE_SAME, Slimmed, compare_scores, make_network, name_after, read_tensors

_STATISTICS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class Affine(NamedTuple):
    """y = scale · x + shift for each channel, float64."""

    scale: Tensor
    shift: Tensor


def read_batch_norm(tensors: dict[str, Tensor], prefix: str, eps: float) -> Affine:
    """What a batch norm does in evaluation, with the statistics that it has gathered."""
    weight, bias, mean, variance = (tensors[f"{prefix}.{name}"].double() for name in _STATISTICS[:4])
    scale = weight / (variance + eps).sqrt()
    return Affine(scale, bias - mean * scale)


def fold_norms(architecture: Architecture, network: Network, images_BCHW: Tensor | None = None) -> Slimmed:
    """Fold batch norms and scales into the convolutions and linear layers beside them.

    Exact in evaluation but for one rounding: the arithmetic is done in float64. A norm behind a convolution is folded
    where nothing stands between them. One before a convolution is folded where no zeros are laid around the map, since
    the norm moves those of the map and not the zeros. Auxiliary heads run in training only and stay.

    Args:
        architecture: The network as it was trained.
        network: Its module with the weights; it stays as it is.
        images_BCHW: Images as the network takes them, to compare the scores on beside random inputs.

    Returns:
        The network without those norms. Trained further it learns without them.

    Raises:
        ValueError: There is nothing to fold.

    Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
    inference", section 3.2.
    """
    folding = _Folding(architecture, read_tensors(network))
    for run in find_runs(architecture):
        for path, node in run:
            folding.fold_own(path, node)
    for run in find_runs(architecture):
        folding.fold_neighbours(run)
    if not folding.paths:
        left = f"; {folding.tell_left()}" if folding.left else ""
        raise ValueError(f"{quote(architecture.name)} has no batch norm or scale that can be folded{left}")
    slim = name_after(folding.architecture, "norms folded")
    made = make_network(slim, folding.tensors)
    notes = ["The norms are part of the convolutions now: trained further, the network learns without them"]
    if folding.left:
        notes.append(folding.tell_left())
    return Slimmed(
        step="fold_norms", before=architecture, architecture=slim, network=made, paths=tuple(folding.paths),
        proof=compare_scores(network, made, architecture.input_shape, THE_SAME, images_BCHW), notes=tuple(notes),
    )  # fmt: skip


class _Folding:
    """The network while its norms are folded, one after another."""

    def __init__(self, architecture: Architecture, tensors: dict[str, Tensor]) -> None:
        self.architecture, self.tensors = architecture, tensors
        self.paths: list[str] = []
        self.left: dict[str, str] = {}
        """Why each norm that stays does."""

    def tell_left(self) -> str:
        """Which norms stay, and why."""
        reasons: dict[str, list[str]] = {}
        for path, reason in self.left.items():
            reasons.setdefault(reason, []).append(path)
        parts = [
            f"{len(paths):,} ({paths[0]}{' …' if len(paths) > 1 else ''}) because {reason}"
            for reason, paths in reasons.items()
        ]
        return f"Norms and scales that stay: {'; '.join(parts)}"

    def fold_own(self, path: str, node: Any) -> None:
        """The batch norm that a convolution, or a projection, has itself."""
        if not isinstance(node, Conv | Residual) or node.norm_kind != "batch":
            return
        prefix = dotted(path) if isinstance(node, Conv) else f"{dotted(path)}.shortcut"
        affine = read_batch_norm(self.tensors, f"{prefix}.bn", node.norm_eps)
        self._append(f"{prefix}.conv", affine)
        for name in _STATISTICS:
            del self.tensors[f"{prefix}.bn.{name}"]
        fields = {"bias": True} if isinstance(node, Conv) else {}
        self.architecture = edit.replace(self.architecture, path, norm="none", norm_eps=1e-5, **fields)
        self.paths.append(path)

    def fold_neighbours(self, run: Run) -> None:
        """Norms and scales that are nodes, into what stands before or behind them, until none goes any more."""
        paths = [path for path, _ in run if path]
        while any(self._fold_node(paths, place) for place in range(len(paths))):
            pass

    def _fold_node(self, paths: list[str], place: int) -> bool:
        """The node at a place of a run, if it is a norm or a scale that can go; its path is taken out then."""
        path, node = paths[place], edit.find(self.architecture, paths[place])
        if not isinstance(node, Norm | Scale) or node.kind not in ("batch", "channel"):
            return False
        before = paths[place - 1] if place else ""
        behind = paths[place + 1] if place + 1 < len(paths) else ""
        first, second = (edit.find(self.architecture, each) if each else None for each in (before, behind))
        affine = self._read(path, node)
        if _takes_behind(first):
            self._append(f"{dotted(before)}.{_layer(first)}", affine)
            self._settle(before)
        elif _takes_before(second, affine):
            self._prepend(f"{dotted(behind)}.{_layer(second)}", affine)
            self._settle(behind)
        else:
            self.left[path] = _why(first, second)
            return False
        for name in _STATISTICS:
            self.tensors.pop(f"{dotted(path)}.{name}", None)
        self.architecture = edit.remove(self.architecture, path)
        self.paths.append(path)
        self.left.pop(path, None)
        del paths[place]
        return True

    def _read(self, path: str, node: Any) -> Affine:
        if isinstance(node, Norm):
            return read_batch_norm(self.tensors, dotted(path), node.eps)
        scale, shift = self.tensors[f"{dotted(path)}.weight"].double(), self.tensors.get(f"{dotted(path)}.bias")
        return Affine(scale, torch.zeros_like(scale) if shift is None else shift.double())

    def _append(self, layer: str, affine: Affine) -> None:
        """scale · (W x + b) + shift."""
        weight, bias = self.tensors[f"{layer}.weight"].double(), self.tensors.get(f"{layer}.bias")
        self.tensors[f"{layer}.weight"] = weight * affine.scale.view(-1, *[1] * (weight.ndim - 1))
        given = torch.zeros_like(affine.scale) if bias is None else bias.double()
        self.tensors[f"{layer}.bias"] = given * affine.scale + affine.shift

    def _prepend(self, layer: str, affine: Affine) -> None:
        """W (scale · x + shift) + b; each group of outputs reads its own inputs."""
        weight, bias = self.tensors[f"{layer}.weight"].double(), self.tensors.get(f"{layer}.bias")
        outputs, width = weight.shape[:2]
        groups = len(affine.scale) // width
        first = torch.arange(outputs) // (outputs // groups) * width
        read = first[:, None] + torch.arange(width)
        ones = [1] * (weight.ndim - 2)
        moved = (weight * affine.shift[read].view(outputs, width, *ones)).flatten(1).sum(1)
        self.tensors[f"{layer}.weight"] = weight * affine.scale[read].view(outputs, width, *ones)
        if bias is not None or bool(affine.shift.any()):
            self.tensors[f"{layer}.bias"] = moved + (0 if bias is None else bias.double())

    def _settle(self, path: str) -> None:
        """Say in the design whether the layer has a bias now."""
        node = edit.find(self.architecture, path)
        has = f"{dotted(path)}.{_layer(node)}.bias" in self.tensors
        self.architecture = edit.replace(self.architecture, path, bias=has)


def _layer(node: Any) -> str:
    return "conv" if isinstance(node, Conv) else "linear"


def _takes_behind(node: Any) -> bool:
    if isinstance(node, Conv):
        return node.norm == "none" and node.activation == "none"
    return isinstance(node, Linear) and node.activation == "none"


def _takes_before(node: Any, affine: Affine) -> bool:
    if isinstance(node, Conv):
        return not bool(affine.shift.any()) or not _lays_zeros(node)
    return isinstance(node, Linear)


def _lays_zeros(node: Conv) -> bool:
    return node.is_sized or any((*node.geometry.pad, *node.geometry.pad_end))


def _why(before: Any, behind: Any) -> str:
    if isinstance(behind, Conv) and _lays_zeros(behind):
        return "the convolution behind lays zeros around the map, which the norm would not have moved"
    if before is not None and isinstance(before, Conv | Linear):
        return "an activation or another norm stands between it and the convolution before it"
    return "no convolution stands right before or behind it"
