"""Named architectures with their provenance and published facts."""

# Importing them fills the registry, in the order in which the catalogue shows them.
# isort: off
from . import _course  # noqa: F401
from . import _lenet, _alexnet, _nin, _vgg  # noqa: F401
from . import _googlenet, _bn_inception, _inception_v3, _inception_v4, _inception_resnet, _xception  # noqa: F401
from . import _resnet, _squeezenet, _densenet, _mobilenet, _efficientnet, _ghostnet, _repvgg  # noqa: F401
from . import _convnext, _inception_next  # noqa: F401
from . import _cifar, _lessons  # noqa: F401
from . import _steps_inception, _steps_residual  # noqa: F401
# isort: on

from ..architecture.blocks import inception as inception_block
from ._course import inception_block_bn
from ._lineage import children, family, forms, parents, published_accuracy
from ._origin import Origin, describe_origin, find_origin, state_origin
from ._registry import ALIASES, GROUPS, Entry, Fact, Lineage, Parent, entries, entry, get, name_of, names, register
from ._resolve import find_net, read_file, resolve
from ._search import search, suggest
from ._steps import Step, step, steps, steps_of
from ._untitled import empty, untitled

__all__ = [
    "ALIASES",
    "GROUPS",
    "Entry",
    "Fact",
    "Lineage",
    "Origin",
    "Parent",
    "Step",
    "children",
    "describe_origin",
    "empty",
    "entries",
    "entry",
    "family",
    "find_net",
    "find_origin",
    "forms",
    "get",
    "inception_block",
    "inception_block_bn",
    "name_of",
    "names",
    "parents",
    "published_accuracy",
    "read_file",
    "register",
    "resolve",
    "search",
    "state_origin",
    "step",
    "steps",
    "steps_of",
    "suggest",
    "untitled",
]
