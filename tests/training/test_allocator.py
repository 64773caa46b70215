"""What the allocator does is seen from outside: page faults."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from explorer.training._allocator import keep_freed_memory
def faults():
    for step in range(6):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        tensors = [torch.zeros(size) for size in (3_000_000, 5_000_000, 9_000_000)]
        del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults())
assert keep_freed_memory()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="speaks to glibc's allocator")
def test_a_step_reuses_what_the_one_before_freed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    left, kept = map(int, done.stdout.split())
    assert kept < 100 < left
