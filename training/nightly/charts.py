"""Plots as SVG inside a page: no script, no link, every word escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _ROW = 640, 150, 28
_HEIGHT, _TOP, _BOTTOM, _MARGIN = 220, 16, 34, 44
_INK, _LINE, _GOOD, _BAD = "#444", "#2f5fa8", "#2e7d4f", "#b3412e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its interval, each a share of one."""

    name: str
    mean: float
    low: float
    high: float
    is_good: bool


def line_chart(values: Sequence[float], *, name: str, along: str) -> str:
    """A line through the values in their order, from zero up."""
    highest = max(values, default=0.0) or 1.0
    last = max(1, len(values) - 1)
    floor = _HEIGHT - _BOTTOM

    def at(number: int, value: float) -> str:
        x = _MARGIN + number / last * (_WIDTH - _MARGIN - 16)
        return f"{x:.1f},{_TOP + (1 - value / highest) * (floor - _TOP):.1f}"

    points = " ".join(at(number, value) for number, value in enumerate(values))
    return _svg(
        _HEIGHT,
        name,
        [
            _rule(_MARGIN, floor, _WIDTH - 16, floor),
            _rule(_MARGIN, _TOP, _MARGIN, floor),
            f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
            _word(_MARGIN - 6, _TOP + 8, f"{highest:.2f}", "end"),
            _word(_MARGIN - 6, floor, "0", "end"),
            _word(_WIDTH / 2, floor + 22, along, "middle"),
        ],
    )


def interval_chart(intervals: Sequence[Interval], *, name: str, ends: tuple[float, float] | None = None) -> str:
    """A row each: the interval as a line, the mean as a dot. The axis has these `ends`; without them it has 0 in its middle."""
    reach = max([abs(end) for each in intervals for end in (each.low, each.high)], default=0.0) or 0.01
    left, right = ends or (-reach, reach)
    height = _TOP + _ROW * len(intervals) + _BOTTOM

    def x(value: float) -> float:
        return _LEFT + (value - left) / (right - left) * (_WIDTH - _LEFT - 24)

    drawn = [_rule(x(0.0), _TOP, x(0.0), height - _BOTTOM)]
    for row, each in enumerate(intervals):
        y = _TOP + _ROW * (row + 0.5)
        colour = _GOOD if each.is_good else _BAD
        drawn += [
            _word(_LEFT - 10, y + 4, each.name, "end"),
            f'<line x1="{x(each.low):.1f}" y1="{y}" x2="{x(each.high):.1f}" y2="{y}" stroke="{colour}" stroke-width="3"/>',
            f'<circle cx="{x(each.mean):.1f}" cy="{y}" r="5" fill="{colour}"/>',
        ]
    marks = ((left, "start"), ((left + right) / 2, "middle"), (right, "end"))
    drawn += [_word(x(value), height - 12, f"{100 * value:.0f}", anchor) for value, anchor in marks]
    return _svg(height, name, drawn)


def bar_chart(counts: Sequence[tuple[str, int]], *, name: str) -> str:
    """A bar each, as long as its count."""
    most = max((count for _, count in counts), default=0) or 1
    drawn: list[str] = []
    for row, (word, count) in enumerate(counts):
        y = _TOP + _ROW * row
        width = count / most * (_WIDTH - _LEFT - 80)
        drawn += [
            _word(_LEFT - 10, y + 16, word, "end"),
            f'<rect x="{_LEFT}" y="{y + 4}" width="{width:.1f}" height="{_ROW - 10}" fill="{_LINE}"/>',
            _word(_LEFT + width + 6, y + 16, str(count), "start"),
        ]
    return _svg(_TOP + _ROW * len(counts), name, drawn)


def _svg(height: float, name: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}" font-size="12" '
        f'font-family="sans-serif"><title>{escape(name)}</title>{"".join(drawn)}</svg>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" stroke="#999"/>'


def _word(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'
