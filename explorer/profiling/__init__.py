"""What other tools say of the same network, beside our own counts: torchinfo's summary, FlopCounterMode, and the ledger
that explains every difference. Needs torch; nothing here allocates a weight (meta device).
"""

from ._ledger import Comparison, Item, Ledger, LedgerRow, ledger
from ._summary import Summary, SummaryRow, summary

__all__ = ["Comparison", "Item", "Ledger", "LedgerRow", "Summary", "SummaryRow", "ledger", "summary"]
