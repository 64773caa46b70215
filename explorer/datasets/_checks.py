"""What a person should know of a set of images before training on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..text import compact_shape, quote

_IMBALANCE = 10
_SMALL_PX = 8

Size = tuple[int, int]
"""(height, width) in pixels."""


def warn_of_content(
    classes: Sequence[str], train: Sequence[tuple[int, bytes]], test: Sequence[tuple[int, bytes]]
) -> list[str]:
    """Sentences on unequal classes, and on images that occur more than once.

    Args:
        classes: The names.
        train: (label, digest of the file) of every training image.
        test: The same of the test images.

    Returns:
        The sentences.
    """
    found = []
    counts = Counter(label for label, _ in train)
    if counts:
        (largest, most), (smallest, least) = counts.most_common()[0], counts.most_common()[-1]
        if most >= _IMBALANCE * least:
            found.append(
                f"The classes are unequal: {quote(classes[largest])} has {most:,} training images, "
                f"{quote(classes[smallest])} has {least:,}. A network learns little of the small ones, and accuracy "
                "hides it."
            )
    in_train = {digest for _, digest in train}
    both = sum(digest in in_train for _, digest in test)
    if both:
        found.append(
            f"{both:,} of {len(test):,} test images are training images, too, byte for byte: accuracy on them is "
            "memory."
        )
    label_of: dict[bytes, int] = {}
    doubtful = {digest for label, digest in [*train, *test] if label_of.setdefault(digest, label) != label}
    if doubtful:
        found.append(f"{len(doubtful):,} images lie in more than one class.")
    return found


def warn_of_sizes(sizes: Iterable[Size], stored: Size | None) -> list[str]:
    """Sentences on images that are too small.

    Args:
        sizes: Of the images as they come.
        stored: The size to which they are brought; None: none is scaled.

    Returns:
        The sentences.
    """
    listed: list[Size] = list(sizes)
    found = []
    tiny = [size for size in listed if min(size) < _SMALL_PX]
    if tiny:
        _, *smallest = min((height * width, height, width) for height, width in tiny)
        found.append(
            f"{len(tiny):,} images have fewer than {_SMALL_PX} pixels on a side; the smallest has "
            f"{compact_shape(smallest)}."
        )
    if stored:
        small = sum(height < stored[0] or width < stored[1] for height, width in listed)
        if small:
            found.append(
                f"{small:,} of {len(listed):,} images are smaller than {compact_shape(stored)} and are enlarged."
            )
    return found

