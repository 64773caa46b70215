from ._compare import compare
from ._changes import differences, Delta
