"""What other tools say of the same network, beside our own counts: torchinfo's summary, FlopCounterMode, and the ledger
that explains every difference, all on the meta device; and ``latency``, what a network takes on a device. Needs torch.
"""

from ..comparison import Item
from ._ledger import Comparison, Ledger, LedgerRow, ledger
from ._summary import Summary, SummaryRow, summary

__all__ = ["Comparison", "Item", "Ledger", "LedgerRow", "Summary", "SummaryRow", "ledger", "summary"]
