"""Edits: each takes an architecture and returns a new one that shares every untouched node with the old.

A path names a node (``inception_3a/branch_3x3/reduce``); '' is the trunk. All raise ArchitectureError with the path,
the value and the rule if the result would not be an architecture, KeyError never.

``_edit_tree`` has the edits of any node by its path, ``_edit_runs`` those of neighbours (insert anywhere, move, wrap,
copy and paste), ``_edit_blocks`` those that know what a block is (its branches, shortcut, attention), ``_edit_style``
those of norms and activations, ``_columns`` finds what stands one after another; this module is all that others import.
"""

from ._columns import block_parallel, blocks, column_of, columns, is_gate
from ._edit_blocks import (
    apply_repair,
    apply_to_all_blocks,
    attention_of,
    classifiers,
    count_classes,
    output_conv,
    scale_width,
    set_attention,
    set_classes,
    set_residual,
    widen,
)
from ._edit_runs import Place, WrapKind, copy, insert_at, paste, relocate, unwrap, wrap
from ._edit_style import set_style, style_of
from ._edit_tree import (
    duplicate,
    find,
    find_run,
    free_name,
    insert,
    move,
    put,
    remove,
    rename,
    replace,
    transform,
    with_fields,
)
from ._value import copy_without_checks

__all__ = [
    "Place",
    "WrapKind",
    "apply_repair",
    "apply_to_all_blocks",
    "attention_of",
    "block_parallel",
    "blocks",
    "classifiers",
    "column_of",
    "columns",
    "copy",
    "copy_without_checks",
    "count_classes",
    "duplicate",
    "find",
    "find_run",
    "free_name",
    "insert",
    "insert_at",
    "is_gate",
    "move",
    "output_conv",
    "paste",
    "put",
    "relocate",
    "remove",
    "rename",
    "replace",
    "scale_width",
    "set_attention",
    "set_classes",
    "set_residual",
    "set_style",
    "style_of",
    "transform",
    "unwrap",
    "widen",
    "with_fields",
    "wrap",
]
