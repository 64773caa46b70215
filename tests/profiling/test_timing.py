"""What names a measurement: the digest of what a network computes."""

from __future__ import annotations

from explorer import catalog
from explorer.architecture import edit
from explorer.profiling import computation_digest


def test_names_and_notes_take_no_time_and_channels_do() -> None:
    base = catalog.get("residual-mnist")
    renamed = edit.replace(base, "", name="another", notes="tried twice", provenance="by hand")
    assert computation_digest(renamed) == computation_digest(base)
    digests = {computation_digest(entry.architecture) for entry in catalog.entries()}
    assert len(digests) == len({entry.architecture.model_copy(update={"name": "-", "notes": "", "provenance": ""})
                                for entry in catalog.entries()})  # fmt: skip
    wider = edit.replace(catalog.get("googlenet"), "inception_3a/branch_1x1", out_channels=65)
    assert computation_digest(wider) not in digests
