"""The table of an experiment as Markdown and CSV. Text that people typed is shown literally: no markup, no formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ..catalog import find_origin
from ..text import escape_csv, escape_markdown, format_decimal, format_duration, format_extent
from ._conclusions import Comparison, Conclusions, describe_conclusions
from ._manage import StoredExperiment
from ._results import CONVENTIONS, VariantResult
from ._statistics import MAX_SEEDS_NEEDED, SampleStatistics


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
    text = format_decimal(100 * sample.mean, 2, signed=signed)
    if deviation and sample.deviation is not None:
        text += f" ± {format_decimal(100 * sample.deviation, 2)}"
    return text


def format_interval(sample: SampleStatistics) -> str:
    """Write the 95 % confidence interval of a mean difference in percentage points.

    Args:
        sample: Differences of shares, 0 to 1.

    Returns:
        '+0.10 … +0.90'; '–' where there is none.
    """
    if sample.interval is None:
        return "–"
    return " … ".join(format_decimal(100 * end, 2, signed=True) for end in sample.interval)


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
    return f"{count:,} epoch{'' if count == 1 else 's'}"


def format_difference(sample: SampleStatistics) -> str:
    """Write the mean difference to the base in percentage points.

    Args:
        sample: Differences of shares, 0 to 1, one for each seed.

    Returns:
        '+0.50 ± 0.12'; in brackets where one seed alone gives it; '–' where there is none.
    """
    text = format_percent(sample, signed=True)
    return f"({text})" if len(sample.values) == 1 else text


def format_verdict(comparison: Comparison) -> str:
    """Write what may be said of a difference, with its corrected p value.

    Args:
        comparison: As ``draw_conclusions`` gives it.

    Returns:
        'better, p = 0.012', 'not told from luck, p = 0.41', 'none: one seed'; '–' where there is nothing yet.
    """
    p = comparison.p_corrected
    if p is None:
        return comparison.verdict or "–"
    return f"{comparison.verdict}, p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}"


def format_seeds_needed(comparison: Comparison) -> str:
    """Write how many seeds would be needed.

    Args:
        comparison: As ``draw_conclusions`` gives it.

    Returns:
        '12 (5 to 60)', with what the uncertainty of the spread allows; '–' where it cannot be said.
    """
    if comparison.needed is None:
        return "–"
    expected, low, high = (
        f"over {MAX_SEEDS_NEEDED:,}" if each is None else f"{each:,}"
        for each in (comparison.needed.expected, comparison.needed.fewest, comparison.needed.most)
    )
    return expected if low == high else f"{expected} ({low} to {high})"


COLUMNS = (
    "variant", "n", "test accuracy %", "difference", "95 % interval", "verdict", "seeds needed", "best epoch %",
    "params", "MACs", "field", "time",
)  # fmt: skip
"""Captions of the table of results."""
INTERACTION_COLUMNS = ("interaction", "n", "difference", "95 % interval", "verdict", "seeds needed")
"""Captions of the table of interactions."""


def table_cells(rows: Sequence[VariantResult], conclusions: Conclusions) -> list[tuple[str, ...]]:
    """Write the table of results as text.

    Args:
        rows: What ``collect_results`` gives.
        conclusions: What ``draw_conclusions`` gives for them.

    Returns:
        For each variant one tuple in the order of ``COLUMNS``.
    """
    return [
        (
            row.label,
            f"{len(row.finished)}/{len(row.trials)}",
            format_percent(row.accuracy),
            *(_comparison_cells(comparison) if comparison else ("–",) * 4),
            format_percent(row.best, deviation=False),
            f"{row.totals.params:,}",
            f"{row.totals.macs:,}",
            format_extent(row.totals.receptive_field.size),
            format_mean_duration(row.seconds),
        )
        for row, comparison in zip(rows, (None, *conclusions.differences), strict=True)
    ]


def interaction_cells(conclusions: Conclusions) -> list[tuple[str, ...]]:
    """Write the table of interactions as text.

    Args:
        conclusions: What ``draw_conclusions`` gives.

    Returns:
        For each two factors one tuple in the order of ``INTERACTION_COLUMNS``; none where no two were combined.
    """
    return [
        (each.label, str(len(each.sample.values)), *_comparison_cells(each)) for each in conclusions.interactions
    ]


def _comparison_cells(each: Comparison) -> tuple[str, ...]:
    return (
        format_difference(each.sample), format_interval(each.sample), format_verdict(each), format_seeds_needed(each),
    )  # fmt: skip


def _describe_base(stored: StoredExperiment) -> str:
    base = stored.experiment.base
    origin = find_origin(base)
    return base.name if origin is None else f"{base.name} ({origin.short})"


def to_markdown(stored: StoredExperiment, rows: Sequence[VariantResult], conclusions: Conclusions) -> str:
    """Write the results of an experiment as Markdown: heading, settings, table, and the meaning of its columns.

    Args:
        stored: The experiment.
        rows: What ``collect_results`` gives for it.
        conclusions: What ``draw_conclusions`` gives for them.

    Returns:
        The text. What people typed is escaped.
    """
    config = stored.experiment.config
    seeds = ", ".join(map(str, stored.experiment.seeds))
    lines = [
        f"### {escape_markdown(stored.experiment.name)}",
        "",
        f"Base: {escape_markdown(_describe_base(stored))}; {stored.experiment.design}; "
        f"data {escape_markdown(config.dataset)}, "
        f"{format_epochs(config.epochs)}, {config.optimizer}, learning rate {config.lr:g}, "
        f"batch {config.batch_size:,}; seeds {seeds}.",
        "",
        *_markdown_table(COLUMNS, table_cells(rows, conclusions)),
    ]
    if conclusions.interactions:
        lines += ["", *_markdown_table(INTERACTION_COLUMNS, interaction_cells(conclusions))]
    lines += [line for text in describe_conclusions(conclusions) for line in ("", f"{text}.")]
    lines += ["", *(f"- {name}: {text}." for name, text in CONVENTIONS.items())]
    return "\n".join(lines) + "\n"


def _markdown_table(columns: Sequence[str], cells: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join([' :-- '] + [' --: '] * (len(columns) - 1))}|"]
    return lines + [f"| {' | '.join([escape_markdown(row[0]), *row[1:]])} |" for row in cells]


def to_csv(stored: StoredExperiment, rows: Sequence[VariantResult], conclusions: Conclusions) -> str:
    """Write the results of an experiment as CSV.

    Args:
        stored: The experiment.
        rows: What ``collect_results`` gives for it.
        conclusions: What ``draw_conclusions`` gives for them.

    Returns:
        A header, then one line per variant and one per interaction: accuracies as shares of 1, times in seconds, one
        column for each seed. Labels are marked where a spreadsheet would read them as formulas.
    """
    seeds = stored.experiment.seeds
    header = [
        "variant", "kind", "finished", "planned", "accuracy_mean", "accuracy_sd", "difference_mean", "difference_sd",
        "difference_low_95", "difference_high_95", "p", "p_holm", "verdict", "seeds_needed", "seeds_needed_low",
        "seeds_needed_high", "best_accuracy_mean", "params", "macs", "receptive_field_height",
        "receptive_field_width", "seconds_mean", *(f"accuracy_seed_{seed}" for seed in seeds),
    ]  # fmt: skip
    file = io.StringIO()
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    for row, comparison in zip(rows, (None, *conclusions.differences), strict=True):
        height, width = row.totals.receptive_field.size
        writer.writerow({
            "variant": escape_csv(row.label), "kind": "variant", "finished": len(row.finished),
            "planned": len(row.trials), "accuracy_mean": row.accuracy.mean, "accuracy_sd": row.accuracy.deviation,
            **(_comparison_fields(comparison) if comparison else {}), "best_accuracy_mean": row.best.mean,
            "params": row.totals.params, "macs": row.totals.macs, "receptive_field_height": height,
            "receptive_field_width": width, "seconds_mean": row.seconds.mean,
            **{f"accuracy_seed_{trial.seed}": trial.accuracy for trial in row.trials},
        })  # fmt: skip
    for each in conclusions.interactions:
        writer.writerow({"variant": escape_csv(each.label), "kind": "interaction", **_comparison_fields(each)})
    return file.getvalue()


def _comparison_fields(each: Comparison) -> dict[str, object]:
    low, high = each.sample.interval or (None, None)
    needed = each.needed
    return {
        "difference_mean": each.sample.mean, "difference_sd": each.sample.deviation, "difference_low_95": low,
        "difference_high_95": high, "p": each.sample.p_value, "p_holm": each.p_corrected, "verdict": each.verdict,
        "seeds_needed": needed and needed.expected, "seeds_needed_low": needed and needed.fewest,
        "seeds_needed_high": needed and needed.most,
    }  # fmt: skip
