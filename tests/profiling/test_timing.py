"""What names a measurement: the digest of what a network computes."""

from __future__ import annotations

from explorer import catalog
from explorer.architecture import edit
from explorer.profiling import Latency, Setting, computation_digest, find_disagreement


def test_names_and_notes_take_no_time_and_channels_do() -> None:
    base = catalog.get("residual-mnist")
    renamed = edit.replace(base, "", name="another", notes="tried twice", provenance="by hand")
    assert computation_digest(renamed) == computation_digest(base)
    digests = {computation_digest(entry.architecture) for entry in catalog.entries()}
    assert len(digests) == len({entry.architecture.model_copy(update={"name": "-", "notes": "", "provenance": ""})
                                for entry in catalog.entries()})  # fmt: skip
    wider = edit.replace(catalog.get("googlenet"), "inception_3a/branch_1x1", out_channels=65)
    assert computation_digest(wider) not in digests


def _latency(macs: int, *seconds: float, batch: int = 1) -> Latency:
    return Latency(name="net", setting=Setting(batch=batch), seconds=seconds, macs=macs, traffic_bytes=1)


def test_the_pair_that_macs_mislead_most_about_is_found() -> None:
    alike = [_latency(100, 1.0), _latency(200, 2.0), _latency(400, 4.2)]
    assert find_disagreement(alike) is None
    small_but_slow = [*alike, _latency(50, 4.0)]
    found = find_disagreement(small_but_slow)
    assert found is not None
    assert (found.slow, found.quick) == (0, 3)  # half the MACs, four times the time
    assert (found.macs, found.time) == (0.5, 4.0)
    # Another setting, or nothing to count, is no pair; and what the quartiles explain is no disagreement.
    assert find_disagreement([_latency(100, 1.0), _latency(50, 4.0, batch=2)]) is None
    assert find_disagreement([_latency(100, 1.0), _latency(0, 4.0)]) is None
    assert find_disagreement([_latency(100, 1.0, 2.0, 3.0, 4.0), _latency(100, 1.0, 2.0, 4.0, 5.0)]) is None
