"""torch.compile: whether it can work here (it needs a C++ compiler, which many machines lack), and what it did."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch._dynamo
import torch._dynamo.exc

logger = logging.getLogger(__name__)

BACKEND = "inductor"
"""What turns the traced graphs into code, as torch.compile names it."""


@dataclass
class Compilation:
    """What torch.compile has done for a run so far. What it cannot handle runs as it is, and is listed here."""

    graphs: int = 0
    """Graphs that were really compiled, or taken compiled from torch's cache."""
    failures: list[str] = field(default_factory=list)
    """A sentence for each graph that was not."""

    def compile(self, model: Any) -> Any:
        """The network as torch.compile prepares it; that happens in its first pass, which then takes a minute."""
        torch._dynamo.config.suppress_errors = True
        return torch.compile(model, backend=self._compile_graph)

    def _compile_graph(self, graph: Any, inputs: Sequence[Any]) -> Any:
        try:
            compiled = torch._dynamo.lookup_backend(BACKEND)(graph, inputs)
        except torch._dynamo.exc.RestartAnalysis:
            raise  # no failure: torch traces the network once more and comes back with another graph
        except Exception as error:
            self.failures.append(_first_line(error))
            logger.warning("a graph was not compiled and runs as it is", exc_info=True)
            raise
        self.graphs += 1
        return compiled


def find_compiler_problem(device: torch.device) -> str | None:
    """Why torch.compile cannot work on this machine, None if it can: tried on a function of one line.

    What torch has in its cache needs no compiler, so a graph may still fail where this one did not.
    """
    try:
        torch.compile(lambda x: x.sin() + 1, backend=BACKEND)(torch.zeros(8, device=device))
    except Exception as error:
        logger.warning("torch.compile does not work here", exc_info=True)
        return _first_line(error)
    return None


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
