"""Architecture → torch.nn.Module, and weights from files into it."""

from ._build import MAKERS, Network, Outputs, build
from ._carry import CarriedTensor, CarryPlan, carry_over, owner, plan_carry
from ._layers import ACTIVATIONS
from ._places import open_weights_file, weights_paths
from ._reading import read_weights
from ._stored import StoredTensor, StoredWeights, WeightsError, WeightsFile
from ._weights import FittedWeights, fill, fit_weights

__all__ = [
    "ACTIVATIONS",
    "MAKERS",
    "CarriedTensor",
    "CarryPlan",
    "FittedWeights",
    "Network",
    "Outputs",
    "StoredTensor",
    "StoredWeights",
    "WeightsError",
    "WeightsFile",
    "build",
    "carry_over",
    "fill",
    "fit_weights",
    "open_weights_file",
    "owner",
    "plan_carry",
    "read_weights",
    "weights_paths",
]
