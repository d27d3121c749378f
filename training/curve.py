"""The loss of a run, step by step: as numbers, and drawn."""

import json
from collections.abc import Sequence
from pathlib import Path

from training.checkpoint import Course

NUMBERS = "losses.json"
DRAWING = "losses.svg"
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 320, 56, 24, 40
# Single steps jump about with the rows that are in them; the drawn line is a running mean, the dots are the steps.
_SMOOTHED_SHARE = 0.05


def write_curve(course: Course, out: Path) -> None:
    """Write losses.json (`steps`: the loss of each; `held_out`: pairs of step and loss) and losses.svg."""
    out.mkdir(parents=True, exist_ok=True)
    numbers = {"steps": course.losses, "held_out": course.held_out}
    (out / NUMBERS).write_text(json.dumps(numbers) + "\n", "utf-8")
    (out / DRAWING).write_text(draw(course), "utf-8")


def draw(course: Course) -> str:
    """An SVG of its own, with no script, font or link."""
    steps = list(enumerate(course.losses, 1))
    highest = max([loss for _, loss in (*steps, *course.held_out)], default=1.0) or 1.0
    last = max(2, len(steps))

    def at(step: float, loss: float) -> str:
        x = _LEFT + (step - 1) / (last - 1) * (_WIDTH - _LEFT - 16)
        y = _TOP + (1 - loss / highest) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    def line(points: Sequence[tuple[int, float]], colour: str) -> str:
        joined = " ".join(at(*point) for point in points)
        return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'

    def dot(step: int, loss: float, colour: str, radius: float) -> str:
        x, y = at(step, loss).split(",")
        return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"/>'

    def word(x: float, y: float, text: str, anchor: str = "middle", colour: str = "#444") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{text}</text>'

    floor = _HEIGHT - _BOTTOM
    drawn = [
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - 16}" y2="{floor}" stroke="#999"/>',
        f'<line x1="{_LEFT}" y1="{_TOP}" x2="{_LEFT}" y2="{floor}" stroke="#999"/>',
        *(dot(step, loss, "#b8cbe6", 1.5) for step, loss in steps),
        line(_smoothed(steps), "#2f5fa8"),
        line(course.held_out, "#c2571a"),
        *(dot(step, loss, "#c2571a", 3) for step, loss in course.held_out),
        word(_LEFT - 6, _TOP + 4, f"{highest:.2f}", "end"),
        word(_LEFT - 6, floor + 4, "0", "end"),
        word(_LEFT, floor + 18, "1"),
        word(_WIDTH - 16, floor + 18, str(last), "end"),
        word(_WIDTH / 2, floor + 18, "step"),
        word(_WIDTH - 16, _TOP, "loss", "end", "#2f5fa8"),
        word(_WIDTH - 16, _TOP + 16, "held out", "end", "#c2571a") if course.held_out else "",
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="Loss by step">\n' + "\n".join(filter(None, drawn)) + "\n</svg>\n"
    )


def _smoothed(steps: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    width = max(1, round(len(steps) * _SMOOTHED_SHARE))
    found: list[tuple[int, float]] = []
    for n in range(len(steps)):
        near = [loss for _, loss in steps[max(0, n - width) : n + width + 1]]
        found.append((n + 1, sum(near) / len(near)))
    return found
