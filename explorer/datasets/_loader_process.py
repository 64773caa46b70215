"""Imported by the process from which a loader's workers are forked, before it forks the first."""

import signal

import torch.utils.data

from . import _streamed

# A system that shuts down tells every process; the training then finishes its batch, for which it needs the workers.
# They end when it has: the server they come from sees that it is gone.
signal.signal(signal.SIGTERM, signal.SIG_IGN)

__all__ = ["_streamed", "torch"]
