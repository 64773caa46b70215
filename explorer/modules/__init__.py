"""Architecture → torch.nn.Module."""

from ._build import ACTIVATIONS, Network, Outputs, build

__all__ = ["ACTIVATIONS", "Network", "Outputs", "build"]
