"""Plots of a policy's figures, as SVG: calibration, quality against cost, and risk against coverage."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from router.learned.evaluation import ArmsFigures, LabelFigures

Point = tuple[float, float]

_WIDTH, _HEIGHT, _MARGIN = 480, 360, 56
_TICKS = 5
_COLOURS = ("#0b6e99", "#c2571a", "#3d7a2e")
_STYLE = "font-family:sans-serif;font-size:12px;fill:#222"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str
    points: Sequence[Point]
    dots: bool = False


def write_plots(figures: ArmsFigures | LabelFigures, folder: Path) -> list[Path]:
    """One file a plot, in a folder that is there."""
    plots = {
        "calibration.svg": _calibration(figures),
        "risk.svg": plot(
            "Wrong answers, the surest first",
            "share answered",
            "share wrong",
            [Line(name="policy", points=figures.risk_coverage)],
        ),
    }
    if isinstance(figures, ArmsFigures):
        plots["quality.svg"] = _quality(figures)
    for name, drawn in plots.items():
        (folder / name).write_text(drawn, encoding="utf-8")
    return [folder / name for name in plots]


def _calibration(figures: ArmsFigures | LabelFigures) -> str:
    what = "a direct answer is right" if isinstance(figures, ArmsFigures) else "the label is right"
    return plot(
        f"How often {what}",
        "probability told",
        "share that came true",
        [
            Line(name="as told", points=[(0, 0), (1, 1)]),
            Line(name="policy", points=[(each.predicted, each.observed) for each in figures.calibration], dots=True),
        ],
    )


def _quality(figures: ArmsFigures) -> str:
    alone = [Line(name=f"always {arm}", points=[(0, share), (4, share)]) for arm, share in figures.always.items()]
    by_cost = sorted((steps, accuracy) for _, steps, accuracy in figures.quality_cost)
    chosen = Line(name="as fitted", points=[(figures.mean_steps, figures.accuracy)], dots=True)
    return plot(
        "Right answers by what they cost",
        "mean searches a question",
        "share right",
        [Line(name="policy", points=by_cost), chosen, *alone],
    )


def plot(title: str, across: str, up: str, lines: Sequence[Line]) -> str:
    """Lines in one pair of axes that hold them all."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)

    def place(point: Point) -> Point:
        x = _MARGIN + (point[0] - left) / ((right - left) or 1) * (_WIDTH - 2 * _MARGIN)
        y = _HEIGHT - _MARGIN - (point[1] - low) / ((high - low) or 1) * (_HEIGHT - 2 * _MARGIN)
        return round(x, 1), round(y, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" style="{_STYLE}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        _text(title, _WIDTH / 2, 20, "middle"),
        _text(across, _WIDTH / 2, _HEIGHT - 12, "middle"),
        _text(up, _MARGIN, 38, "start"),
    ]
    for tick in range(_TICKS + 1):
        x, y = left + (right - left) * tick / _TICKS, low + (high - low) * tick / _TICKS
        (at_x, bottom), (edge, at_y) = place((x, low)), place((left, y))
        parts.append(f'<path d="M{edge} {at_y}H{_WIDTH - _MARGIN}" stroke="#ddd"/>')
        parts.append(_text(f"{x:.2g}", at_x, bottom + 18, "middle"))
        parts.append(_text(f"{y:.3g}", edge - 6, at_y + 4, "end"))
    for number, line in enumerate(lines):
        parts += _drawn(line, [place(point) for point in line.points], number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(line: Line, points: Sequence[Point], number: int) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    dashes = ' stroke-dasharray="5 4"' if number >= len(_COLOURS) else ""
    path = "L".join(f"{x} {y}" for x, y in points)
    dots = [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in points] if line.dots else []
    key = 52 + 15 * number
    return [
        f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>',
        *dots,
        f'<path d="M{_WIDTH - 150} {key - 4}h18" stroke="{colour}" stroke-width="2"{dashes}/>',
        _text(line.name, _WIDTH - 126, key, "start"),
    ]


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}">{escape(text)}</text>'
