"""How a program of ours begins."""

import gc

from explorer.process import collect_seldom


def test_what_comes_while_a_program_begins_is_not_looked_at_again():
    thresholds, kept, looked = gc.get_threshold(), gc.get_freeze_count(), []
    gc.callbacks.append(lambda phase, _: looked.append(phase))
    try:
        with collect_seldom():
            objects = [[] for _ in range(50_000)]
        assert not looked
        assert gc.get_threshold() == thresholds
        assert gc.get_freeze_count() >= kept + len(objects)
        [[] for _ in range(50_000)]
        assert looked
    finally:
        gc.callbacks.pop()
