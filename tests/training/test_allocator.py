"""What the allocator does is seen from outside: page faults, of this file as a script in a process of its own."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from explorer.training._allocator import keep_freed_memory
from tests.runs.forking import fork_and_read


def count_faults() -> int:
    """Of the last of some steps that make and forget the same tensors."""
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        tensors = [torch.zeros(size) for size in (3_000_000, 5_000_000, 9_000_000)]
        del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="speaks to glibc's allocator")
def test_a_step_reuses_what_the_one_before_freed(forked_worker: tuple[str, ...]) -> None:
    _, output = fork_and_read(forked_worker[-1], "tests.training.test_allocator")
    with output:
        said = output.read()
    left, kept = map(int, said.split())
    assert kept < 100 < left


if __name__ == "__main__":
    print(count_faults())
    assert keep_freed_memory()
    print(count_faults())
