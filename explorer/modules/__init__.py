"""Architecture → torch.nn.Module, and weights from files into it."""

from ._build import MAKERS, Network, Outputs, build
from ._layers import ACTIVATIONS
from ._torchvision import from_torchvision
from ._weights import WeightsError, fill, load_weights, load_weights_file, read_weights, size_limit_bytes

__all__ = [
    "ACTIVATIONS",
    "MAKERS",
    "Network",
    "Outputs",
    "WeightsError",
    "build",
    "fill",
    "from_torchvision",
    "load_weights",
    "load_weights_file",
    "read_weights",
    "size_limit_bytes",
]
