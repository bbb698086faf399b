"""The words of the console: counts, failures, epochs and times as lines of text. Prints nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xaireport.engine.node import NodeReport
from xaireport.errors import Failure
from xaireport.types.models import Epoch

SHOWN_LOGS = (
    ("loss", "loss"),
    ("accuracy", "accuracy"),
    ("val_loss", "val. loss"),
    ("val_accuracy", "val. accuracy"),
)


def has_failed(reports: Sequence[NodeReport]) -> bool:
    """Whether any node did not do what it should."""
    return any(report.status in ("failed", "skipped") for report in reports)


def failure_lines(reports: Sequence[NodeReport]) -> list[str]:
    """Return a line for each failed node, and one that counts what could not be made for want of them."""
    lines = []
    for report in reports:
        if report.status == "failed":
            failure = report.failure or Failure(report.stage, "no reason given")
            hint = f" Hint: {failure.hint}" if failure.hint and failure.hint not in failure.message else ""
            lines.append(f"Failed: {report.name}: {failure.message}{hint}")
    skipped = [report.name for report in reports if report.status == "skipped"]
    if skipped:
        lines.append(f"Not made for that reason: {', '.join(skipped)}")
    return lines


def kept_text(place: Path) -> str:
    """Return why a file of a build on synthetic data was not put where it belongs."""
    return f"left as it is, not made from synthetic data: {place}"


def summary(reports: Sequence[NodeReport]) -> str:
    """Return one line that counts the nodes by what became of them.

    Examples
    --------
    >>> summary([NodeReport("a", "train", "fresh"), NodeReport("b", "train", "ran", 3.0)])
    '2 steps: 1 unchanged, 1 ran.'
    """
    counts: dict[str, int] = {}
    for report in reports:
        counts[report.status] = counts.get(report.status, 0) + 1
    parts = [f"{n} {'unchanged' if status == 'fresh' else status}" for status, n in counts.items()]
    steps = "1 step" if len(reports) == 1 else f"{len(reports)} steps"
    return f"{steps}: {', '.join(parts)}." if parts else "Nothing to do."


def epoch_text(epoch: Epoch) -> str:
    """Return one epoch in words: how far, how good, how long it may still take (early stopping may end it).

    Parameters
    ----------
    epoch : Epoch
        Its ``seconds`` count from the first epoch on.

    Examples
    --------
    >>> epoch_text(Epoch(3, 20, 6.0, {"loss": 1.25, "val_accuracy": 0.5}))
    'epoch 3/20, loss 1.250, val. accuracy 0.500, at most 34 s left'
    """
    logs = [f"{words} {epoch.logs[key]:.3f}" for key, words in SHOWN_LOGS if key in epoch.logs]
    left = duration(epoch.seconds / epoch.number * (epoch.total - epoch.number))
    last = f"at most {left} left" if epoch.number < epoch.total else "the last one"
    return ", ".join([f"epoch {epoch.number}/{epoch.total}", *logs, last])


def duration(seconds: float) -> str:
    """Return a time span in words.

    Examples
    --------
    >>> duration(0.42), duration(75), duration(7260)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
