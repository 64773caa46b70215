"""Challenges for a class: what is to be reached on which data, runs that are handed in, and the board.

Needs neither torch nor a browser.
"""

from ._board import Entry, read_board, to_csv, to_data
from ._challenge import MAX_TEXT, Challenge, StoredChallenge, plan
from ._chart import MISSED, REACHED, find_cost, lay_out_board
from ._manage import (
    MAX_ENTRIES,
    MAX_NAME,
    change,
    delete,
    get_challenge,
    hand_in,
    list_challenges,
    start,
    take_back,
)
from ._results import Result, collect_results, find_misses, format_value

__all__ = [
    "MAX_ENTRIES",
    "MAX_NAME",
    "MAX_TEXT",
    "MISSED",
    "REACHED",
    "Challenge",
    "Entry",
    "Result",
    "StoredChallenge",
    "change",
    "collect_results",
    "delete",
    "find_cost",
    "find_misses",
    "format_value",
    "get_challenge",
    "hand_in",
    "lay_out_board",
    "list_challenges",
    "plan",
    "read_board",
    "start",
    "take_back",
    "to_csv",
    "to_data",
]
