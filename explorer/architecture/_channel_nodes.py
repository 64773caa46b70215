"""Nodes that normalise, scale, cut out or reorder channels; each keeps height and width."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from . import _limits as limits
from ._fields import NormKind
from ._node_base import NodeBase

NormGroups = Annotated[int, Field(ge=1, le=limits.MAX_CHANNELS)]


class LocalResponseNorm(NodeBase):
    """Normalisation over neighbouring channels, as AlexNet and the first GoogLeNet had it."""

    op: Literal["local_response_norm"] = "local_response_norm"
    size: Annotated[int, Field(ge=1, le=255)] = 5
    """Neighbouring channels in the sum."""
    alpha: Annotated[float, Field(ge=0, le=1000)] = 1e-4
    """Weight of the sum of squares."""
    beta: Annotated[float, Field(ge=0, le=10)] = 0.75
    """Exponent."""
    k: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Added to the sum."""


class Norm(NodeBase):
    """Normalisation on its own, where a block is not convolution, norm, activation."""

    op: Literal["norm"] = "norm"
    kind: Literal["batch", "layer", "group"] = "batch"
    """'batch' over the images of a batch and all places, each channel by itself; 'layer' over the channels, each place
    by itself (ConvNeXt's LayerNorm2d); 'group' over all places and the channels of a group (Wu & He 2018)."""
    groups: NormGroups = 32
    """Groups of channels, for 'group' alone: 1 takes all channels together, as many as there are each by itself."""
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-5
    """Added to the variance."""

    @property
    def norm_kind(self) -> NormKind:
        return self.kind

    @property
    def norm_groups(self) -> int:
        """Its groups, by the name that they have elsewhere."""
        return self.groups


class Scale(NodeBase):
    """A factor for each channel, learned as ConvNeXt's layer scale (Touvron et al. 2021), or one for all."""

    op: Literal["scale"] = "scale"
    kind: Literal["channel", "single", "fixed"] = "channel"
    """'channel' learns a factor for each channel, 'single' one for all; 'fixed' is ``init`` for all and not learned."""
    init: Annotated[float, Field(ge=-1000, le=1000)] = 1.0
    """The factors at the beginning; ConvNeXt has 1e-6."""
    bias: bool = False
    """Whether a learned number, 0 at the beginning, is added to each channel; with 'single' one to all."""

    def count_params(self, channels: int) -> tuple[int, int]:
        """Count what is learned.

        Args:
            channels: Of the input.

        Returns:
            (factors, summands).
        """
        each = 1 if self.kind == "single" else channels
        return 0 if self.kind == "fixed" else each, each if self.bias else 0


class Slice(NodeBase):
    """Some of the channels. A channel split is a parallel node whose branches begin with slices."""

    op: Literal["slice"] = "slice"
    start: Annotated[int, Field(ge=0, lt=limits.MAX_CHANNELS)] = 0
    """The first channel that is taken, counted from 0."""
    stop: Annotated[int, Field(ge=1, le=limits.MAX_CHANNELS)] | Literal["end"] = "end"
    """The first behind them that is not; 'end' takes all that are left."""

    @model_validator(mode="after")
    def _takes_something(self) -> Slice:
        if self.stop != "end" and self.stop <= self.start:
            raise ValueError(f"channels {self.start} to {self.stop} are none: stop must be more than start")
        return self


class ChannelShuffle(NodeBase):
    """Channels of all groups mixed: the first of each, then the second of each (ShuffleNet, Zhang et al. 2018)."""

    op: Literal["channel_shuffle"] = "channel_shuffle"
    groups: Annotated[int, Field(ge=1, le=limits.MAX_CHANNELS)] = 2
    """Groups of neighbouring channels."""
