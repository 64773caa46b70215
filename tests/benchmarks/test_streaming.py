"""A million files: sorting them into classes and packing their index, within stated memory and time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.datasets import _limits

pytestmark = pytest.mark.benchmark

FILES, CLASSES = 1_000_000, 1000
MOST_BYTES = _limits.FILE_BYTES * FILES
MOST_SECONDS = 60
WORK = f"""
import json, resource, time
import numpy as np
from explorer.datasets import _index
from explorer.datasets._layout import find_layout

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before, started = peak(), time.process_time()
names = [f"ILSVRC/Data/CLS-LOC/train/n{{n % {CLASSES}:08}}/n{{n % {CLASSES}:08}}_{{n}}.JPEG" for n in range({FILES})]
layout = find_layout(((name, 100_000) for name in names), source="synthetic")
paths, ends = _index.pack_paths([name for name, _ in layout.train])
packed = paths.nbytes + ends.nbytes + len(names) * (8 + _index.DIGEST_BYTES)
print(json.dumps([len(layout.train), len(layout.classes), peak() - before, time.process_time() - started, packed]))
"""


def test_an_index_of_a_million_files() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORK], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    images, classes, peak_bytes, seconds, packed_bytes = json.loads(done.stdout)
    print(f"a million files: {seconds:.1f} s, {peak_bytes / 1e6:,.0f} MB at most, {packed_bytes / 1e6:,.0f} MB stored")
    assert (images, classes) == (FILES, CLASSES)
    assert peak_bytes < MOST_BYTES
    assert seconds < MOST_SECONDS
    assert packed_bytes < 150 * FILES
