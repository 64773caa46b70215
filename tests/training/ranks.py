"""Two processes that train together on the CPU: ``python -m tests.training.ranks FILE CONFIG [norm]``.

With ``norm`` the network has batch normalisation. What the run starts from, if anything, lies beside FILE. Rank 0
writes to FILE what it has learnt, and how often gradients were exchanged. Both are forked from one process that has
only loaded torch.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

from explorer.training import parse
from explorer.training.distributed import ProcessGroup
from explorer.training.loop import train
from explorer.training.recording import NullLog, Recorder
from explorer.training.starting import Beginning
from explorer.training.state import State

from .parts import CPU, MemorySink, network, tensors, without_norm


class CountingGroup(ProcessGroup):
    """Counts the exchanges of gradients: one for each bucket of them."""

    exchanges = 0

    def wrap_model(self, model: Any) -> Any:
        wrapped: Any = super().wrap_model(model)

        def hook(_: object, bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
            CountingGroup.exchanges += 1
            return default_hooks.allreduce_hook(None, bucket)

        wrapped.register_comm_hook(None, hook)
        return wrapped


def learn(path: Path, text: str, *, norm: bool) -> None:
    torch.set_num_threads(1)
    settings, sink = parse(text), MemorySink()
    group = CountingGroup.join(CPU)
    assert group.broadcast_object("from rank 0" if group.rank == 0 else None) == "from rank 0"
    net = network(dropout=0.0)
    net = net if norm else without_norm(net)
    state = State(net, settings, CPU, Beginning.read(path.parent, net, settings, tuple("abcd")))
    log: Any = NullLog() if group.rank else Recorder(CPU, sink)
    train(state, tensors(settings), settings, log, group=group)
    group.leave()
    assert not distributed.is_initialized()
    if not group.rank:
        log.flush(state)
        found = {"model": state.model.state_dict(), "loss": sink.values["train/loss"], "exchanges": group.exchanges}
        torch.save(found, path)


def main(path: str, text: str, norm: str = "") -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    children = []
    for rank in range(2):
        child = os.fork()
        if not child:
            os.environ["RANK"] = str(rank)
            try:
                learn(Path(path), text, norm=bool(norm))
            except BaseException:  # noqa: BLE001  (a child that was forked must not go on as its parent)
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
                os._exit(1)
            os._exit(0)
        children.append(child)
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
