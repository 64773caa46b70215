"""Architecture → torch.nn.Module."""

from ._build import Network, Outputs, build
from ._layers import ACTIVATIONS

__all__ = ["ACTIVATIONS", "Network", "Outputs", "build"]
