"""Imported by the process from which a loader's workers are forked, before it forks the first."""

import signal

from ..process import collect_seldom

with collect_seldom():  # what the workers share is looked at by none of them, and so copied for none
    import torch.utils.data

    from . import _streamed

# A system that shuts down tells every process; the training then finishes its batch, for which it needs the workers.
# They end when it has: the server they come from sees that it is gone.
signal.signal(signal.SIGTERM, signal.SIG_IGN)

__all__ = ["_streamed", "torch"]
