"""The table of an experiment as Markdown and CSV. Text that people typed is shown literally: no markup, no formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ..text import escape_csv, escape_markdown, format_duration, format_extent
from ._manage import StoredExperiment
from ._results import CONVENTIONS, VariantResult
from ._statistics import SampleStatistics


def format_percent(sample: SampleStatistics, *, signed: bool = False, deviation: bool = True) -> str:
    """Write the mean of shares in per cent.

    Args:
        sample: Shares, or differences of shares, 0 to 1.
        signed: Whether a + stands before positive numbers.
        deviation: Whether the sample standard deviation is written too, where there is one.

    Returns:
        '91.20 ± 0.35', '91.20' for one value, '–' for none.
    """
    if sample.mean is None:
        return "–"
    text = f"{100 * sample.mean:{'+' if signed else ''}z.2f}"
    if deviation and sample.deviation is not None:
        text += f" ± {100 * sample.deviation:.2f}"
    return text.replace("-", "−")


def format_interval(sample: SampleStatistics) -> str:
    """Write the 95 % confidence interval of a mean difference in percentage points.

    Args:
        sample: Differences of shares, 0 to 1.

    Returns:
        '+0.10 … +0.90'; '–' where there is none.
    """
    if sample.interval is None:
        return "–"
    low, high = sample.interval
    return f"{100 * low:+z.2f} … {100 * high:+z.2f}".replace("-", "−")


def format_mean_duration(sample: SampleStatistics) -> str:
    """Write the mean of times.

    Args:
        sample: Seconds.

    Returns:
        m:ss or h:mm:ss; '–' for no values.
    """
    if sample.mean is None:
        return "–"
    return format_duration(sample.mean)


def format_epochs(count: int) -> str:
    """Write a number of epochs.

    Args:
        count: The number.

    Returns:
        '1 epoch', '5 epochs'.
    """
    return f"{count} epoch{'' if count == 1 else 's'}"


ONE_SEED = "One seed proves nothing: a difference between two single runs cannot be told from luck"
"""What is to be said of an experiment, or of results, with a single seed."""


def format_difference(sample: SampleStatistics) -> str:
    """Write the mean difference to the base in percentage points.

    Args:
        sample: Differences of shares, 0 to 1, one for each seed.

    Returns:
        '+0.50 ± 0.12'; in brackets where one seed alone gives it; '–' where there is none.
    """
    text = format_percent(sample, signed=True)
    return f"({text})" if len(sample.values) == 1 else text


def rests_on_one_seed(rows: Sequence[VariantResult]) -> bool:
    """Check whether all the differences that are known so far come from a single seed.

    Args:
        rows: What ``collect_results`` gives.

    Returns:
        False also where no difference is known yet.
    """
    return max((len(row.difference.values) for row in rows), default=0) == 1


COLUMNS = (
    "variant", "n", "test accuracy %", "difference", "95 % interval", "best epoch %", "params", "MACs", "field", "time",
)  # fmt: skip
"""Captions of the table of results."""


def table_cells(rows: Sequence[VariantResult]) -> list[tuple[str, ...]]:
    """Write the table of results as text.

    Args:
        rows: What ``collect_results`` gives.

    Returns:
        For each variant one tuple in the order of ``COLUMNS``.
    """
    return [
        (
            row.label,
            f"{len(row.finished)}/{len(row.trials)}",
            format_percent(row.accuracy),
            format_difference(row.difference),
            format_interval(row.difference),
            format_percent(row.best, deviation=False),
            f"{row.totals.params:,}",
            f"{row.totals.macs:,}",
            format_extent(row.totals.receptive_field.size),
            format_mean_duration(row.seconds),
        )
        for row in rows
    ]


def to_markdown(stored: StoredExperiment, rows: Sequence[VariantResult]) -> str:
    """Write the results of an experiment as Markdown: heading, settings, table, and the meaning of its columns.

    Args:
        stored: The experiment.
        rows: What ``collect_results`` gives for it.

    Returns:
        The text. What people typed is escaped.
    """
    config = stored.experiment.config
    seeds = ", ".join(map(str, stored.experiment.seeds))
    lines = [
        f"### {escape_markdown(stored.experiment.name)}",
        "",
        f"Base: {escape_markdown(stored.experiment.base.name)}; {stored.experiment.design}; "
        f"data {escape_markdown(config.dataset)}, "
        f"{format_epochs(config.epochs)}, {config.optimizer}, learning rate {config.lr:g}, batch {config.batch_size}; "
        f"seeds {seeds}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'|'.join([' :-- '] + [' --: '] * (len(COLUMNS) - 1))}|",
    ]
    lines += [f"| {' | '.join([escape_markdown(row[0]), *row[1:]])} |" for row in table_cells(rows)]
    lines += ["", f"{ONE_SEED}."] if rests_on_one_seed(rows) else []
    lines += ["", *(f"- {name}: {text}." for name, text in CONVENTIONS.items())]
    return "\n".join(lines) + "\n"


def to_csv(stored: StoredExperiment, rows: Sequence[VariantResult]) -> str:
    """Write the results of an experiment as CSV.

    Args:
        stored: The experiment.
        rows: What ``collect_results`` gives for it.

    Returns:
        A header, then one line per variant: accuracies as shares of 1, times in seconds, one column for each seed.
        Labels are marked where a spreadsheet would read them as formulas.
    """
    seeds = stored.experiment.seeds
    header = [
        "variant", "finished", "planned", "accuracy_mean", "accuracy_sd", "difference_mean", "difference_sd",
        "difference_low_95", "difference_high_95", "best_accuracy_mean", "params", "macs", "receptive_field_height",
        "receptive_field_width", "seconds_mean", *(f"accuracy_seed_{seed}" for seed in seeds),
    ]  # fmt: skip
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        low, high = row.difference.interval or (None, None)
        numbers = [
            len(row.finished), len(row.trials), row.accuracy.mean, row.accuracy.deviation, row.difference.mean,
            row.difference.deviation, low, high, row.best.mean, row.totals.params, row.totals.macs,
            *row.totals.receptive_field.size, row.seconds.mean, *(trial.accuracy for trial in row.trials),
        ]  # fmt: skip
        writer.writerow([escape_csv(row.label), *numbers])
    return file.getvalue()
