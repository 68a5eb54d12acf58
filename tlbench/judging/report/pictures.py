"""The small picture of a cell: both arms' learning curves, drawn without matplotlib, for a page may hold hundreds."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from tlbench.curve import LearningCurve
from tlbench.judging import stats
from tlbench.judging.stats import Floats
from tlbench.judging.verdict import CellRecords, Verdict, higher_is_better

WIDTH, HEIGHT = 440, 230  # in the picture's own units
LEFT, RIGHT, TOP, BOTTOM = 48, 46, 10, 40  # its edges
TICKS = 5
KEYS = (("own", "the arm"), ("base", "scratch"))


@dataclass(frozen=True)
class Frame:
    """What the axes span: steps from 0, and scores, with the scores that are marked."""

    steps: int
    low: float
    high: float
    ticks: tuple[float, ...]

    def path(self, steps: Floats, scores: Floats) -> str:
        """Points of a path, whole units: it is small."""
        across, down = self.across(steps), self.down(scores)
        return "L".join(f"{a:.0f} {b:.0f}" for a, b in zip(across, down, strict=True))

    def across(self, steps: Floats) -> Floats:
        """Places of steps."""
        return LEFT + steps / max(self.steps, 1) * (WIDTH - LEFT - RIGHT)

    def down(self, scores: Floats) -> Floats:
        """Places of scores."""
        share = (np.clip(scores, self.low, self.high) - self.low) / (self.high - self.low)
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def curves(cell: CellRecords, verdict: Verdict) -> Markup:
    """Mean validation score by steps with its 95 % t interval, the arm against scratch; where either was run on."""
    both = {name: arm.curves() for name, arm in (("own", cell.own), ("base", cell.base))}
    if not any(both.values()):
        return Markup("<p>No learning curves: this arm is not trained by steps.")
    bands = {name: stats.band(np.array([c.validation_score for c in own])) for name, own in both.items() if own}
    frame = _frame(both, bands)
    shown = f"{'' if higher_is_better([cell]) else 'minus '}validation {verdict.metric}"
    drawn = [_axes(frame, shown)]
    drawn += [_line(name, frame, both[name][0], band) for name, band in bands.items()]
    runs = {"own": verdict.run_on, "base": verdict.baseline_run_on}
    drawn += [_run_on(name, factor, frame, bands[name][0][-1]) for name, factor in runs.items() if name in bands]
    return Markup(
        '<figure class="curves"><svg class="curve" viewBox="0 0 {} {}" role="img" aria-label="{} by steps">{}</svg>'
        "<figcaption>{}: {}, mean with its 95 % t interval over seeds.{}</figcaption></figure>"
    ).format(WIDTH, HEIGHT, shown, Markup("").join(drawn), _key(both), shown, _run_on_said(runs))


def _frame(both: dict[str, list[LearningCurve]], bands: dict[str, tuple[Floats, Floats, Floats]]) -> Frame:
    steps = max(curve.steps[-1] for own in both.values() for curve in own)
    scores = np.concatenate([np.concatenate(band) for band in bands.values()])
    within = all(0 <= mean <= 1 for band in bands.values() for mean in band[0])
    low, high = (float(end) for end in (np.nanmin(scores), np.nanmax(scores)))
    ticks = _ticks(max(low, 0.0), min(high, 1.0)) if within else _ticks(low, high)
    return Frame(steps, ticks[0], ticks[-1], ticks)


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from below the lowest to above the highest."""
    span = max(high - low, 1e-6)
    rough = span / TICKS
    unit = 10 ** np.floor(np.log10(rough))
    step = float(next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return tuple(round(step * k, 9) for k in range(first, max(last, first + 1) + 1))


def _axes(frame: Frame, shown: str) -> Markup:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    rules = [
        Markup('<path class="frame" d="M{} {:.0f}H{}"/><text x="{}" y="{:.0f}" text-anchor="end">{:g}</text>').format(
            LEFT, y, right, LEFT - 5, y + 4, score
        )
        for score, y in zip(frame.ticks, frame.down(np.array(frame.ticks)), strict=True)
    ]
    steps = [0, frame.steps // 2, frame.steps]
    marks = [
        Markup('<text x="{:.0f}" y="{}" text-anchor="middle">{}</text>').format(x, bottom + 15, step)
        for step, x in zip(steps, frame.across(np.array(steps)), strict=True)
    ]
    names = Markup(
        '<text x="{}" y="{}" text-anchor="middle">steps</text>'
        '<text transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>'
    ).format((LEFT + right) // 2, HEIGHT - 8, (TOP + bottom) // 2, shown)
    return Markup("").join([*rules, *marks, names])


def _line(name: str, frame: Frame, curve: LearningCurve, band: tuple[Floats, Floats, Floats]) -> Markup:
    steps, (mean, low, high) = np.array(curve.steps, dtype=np.float64), band
    around = f"M{frame.path(steps, high)}L{frame.path(steps[::-1], low[::-1])}Z"
    return Markup('<path class="{0} band" d="{1}"/><path class="{0}" d="M{2}"/>').format(
        name, around, frame.path(steps, mean)
    )


def _run_on(name: str, factor: float | None, frame: Frame, end: float) -> Markup:
    """An arrow from a curve's end to where its arm went on, out of the picture."""
    if not _went_on(factor):
        return Markup("")
    x, y = WIDTH - RIGHT, float(frame.down(np.array(end)))
    return Markup(
        '<path class="{0}" d="M{1} {2:.0f}h12m-4 -3l4 3l-4 3"/><text class="{0}" x="{3}" y="{4:.0f}">x{5:.3g}</text>'
    ).format(name, x, y, x + 15, y + 4, factor)


def _went_on(factor: float | None) -> bool:
    return factor is not None and factor > 1


def _key(both: dict[str, list[LearningCurve]]) -> Markup:
    return Markup(", ").join(
        Markup('<b class="{}">{}</b> (n={})').format(name, called, len(both[name]))
        for name, called in KEYS
        if both[name]
    )


def _run_on_said(runs: dict[str, float | None]) -> str:
    """Why an arm's score is not where its curve ends."""
    return " Arrows: run on beyond the budget, by this mean factor." if any(map(_went_on, runs.values())) else ""
