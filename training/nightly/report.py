"""The night as one page: what came in, what was left out and why, how training went, and the verdict check by check."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from training.nightly.charts import Interval, bar_chart, interval_chart, line_chart

Json = dict[str, Any]
Outcomes = Mapping[str, Json]

_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.figure { text-align: right; white-space: nowrap } .yes { color: #2e7d4f } .no { color: #b3412e } svg { width: 100%; height: auto }
""".strip()
_DAY_HEADS = ("what", "how many")
_COIN = 0.5


def report_page(day: date, outcomes: Outcomes) -> str:
    """HTML in one file, without scripts and without anything from elsewhere. All text in it is escaped."""
    sections = [
        _section("What came in", _came_in(outcomes.get("export", {}))),
        _section("What was learnt", _learnt(outcomes.get("curate", {}), outcomes.get("train", {}))),
        _section("The verdict", _verdict(outcomes.get("gate", {}), outcomes.get("promote", {}))),
        _section("The router", _router(outcomes.get("refit", {}))),
    ]
    title = f"Tandem's night of {day.isoformat()}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(headline(outcomes))}</p>{''.join(sections)}</body></html>\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The night in a few lines. `adapter` is what people may put into service instead, and `says` what that would be."""

    title: str
    headline: str
    lines: tuple[str, ...]
    page: str
    adapter: str = ""
    says: str = ""


def summary_of(day: date, outcomes: Outcomes, *, page: str) -> Summary:
    adapter, says = _instead(outcomes)
    return Summary(
        title=f"The night of {day.isoformat()}",
        headline=headline(outcomes),
        lines=tuple(_lines(outcomes)),
        page=page,
        adapter=adapter,
        says=says,
    )


def _instead(outcomes: Outcomes) -> tuple[str, str]:
    """Back to the adapter before, where there was one; or the challenger all the same, unless it gave a secret away."""
    gate, promoted = outcomes.get("gate", {}), outcomes.get("promote", {})
    if promoted.get("is_promoted"):
        before = str(gate["champion"])
        return (before, f"Back to {before}") if "@" in before else ("", "")
    checks = {check["name"]: check["passed"] for check in gate.get("checks", ())}
    return (str(gate["adapter"]), "Promote it all the same") if checks.get("leaks") else ("", "")


def _lines(outcomes: Outcomes) -> Iterator[str]:
    export, train = outcomes.get("export", {}), outcomes.get("train", {})
    rows, withheld = sum(export.get("rows", {}).values()), export.get("withheld", {})
    if rows or withheld:
        why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(withheld.items()))
        yield f"{rows} rows came in; left out: {why or 'nothing'}."
    if "last_loss" in train:
        yield f"The loss went from {train['first_loss']:.2f} to {train['last_loss']:.2f}."
    for check in outcomes.get("gate", {}).get("checks", ()):
        yield f"{'✓' if check['passed'] else '✗'} {check['name']}: {check['says']}"
    if outcomes.get("refit", {}).get("reason"):
        yield f"The router: {outcomes['refit']['reason']}"


def headline(outcomes: Outcomes) -> str:
    """What came of the night, in a sentence or two for people."""
    for stage, outcome in outcomes.items():
        if "failed" in outcome and stage != "refit":
            return f"The night ended at its stage “{stage}”, and nothing changed in service. {outcome['failed']}"
    promoted = outcomes.get("promote", {})
    if promoted.get("is_promoted"):
        return f"{promoted['in_service']} is in service: it passed every check."
    if "is_better" in outcomes.get("gate", {}):
        failed = sum(not check["passed"] for check in outcomes["gate"]["checks"])
        return f"The champion stays: the challenger failed {failed} of {len(outcomes['gate']['checks'])} checks."
    ended = next((outcome["ended"] for outcome in outcomes.values() if "ended" in outcome), "")
    return ended or "Nothing was trained."


def _came_in(export: Json) -> str:
    dropped = sorted(export.get("withheld", {}).items(), key=lambda each: -each[1])
    rows = sorted(export.get("rows", {}).items())
    told = _paragraph(_problem(export))
    if rows:
        told += _table(_DAY_HEADS, [(f"rows in {name}", str(count)) for name, count in rows])
    if dropped:
        told += "<h3>Left out, and why</h3>" + bar_chart(
            [(reason.replace("_", " "), count) for reason, count in dropped], name="Exchanges left out, by reason"
        )
    return told or _paragraph("Nothing new was said.")


def _learnt(curate: Json, train: Json) -> str:
    told = _paragraph(_problem(curate)) + _paragraph(_problem(train))
    if curate.get("rows"):
        told += _paragraph(f"{curate['rows']} rows to learn from.")
    if "last_loss" in train:
        seconds = float(train.get("seconds", 0))
        told += _paragraph(
            f"The loss went from {train['first_loss']:.3f} to {train['last_loss']:.3f} in {train['steps']} steps, "
            f"{seconds / 60:.1f} minutes."
        )
    if train.get("losses"):
        told += line_chart(train["losses"], name="The loss, step by step", along="steps")
    return told or _paragraph("Nothing was trained.")


def _verdict(gate: Json, promote: Json) -> str:
    told = _paragraph(_problem(gate)) + _paragraph(_problem(promote))
    checks: Sequence[Json] = gate.get("checks", ())
    if not checks:
        return told or _paragraph("There was no challenger.")
    told += _paragraph(f"{gate['adapter']} was asked beside {gate['champion']}.")
    told += "<table><tr><th>check</th><th></th><th>what was measured</th></tr>"
    for check in checks:
        mark, word = ("yes", "passed") if check["passed"] else ("no", "failed")
        told += (
            f'<tr><td>{escape(check["name"])}</td><td class="{mark}">{word}</td><td>{escape(check["says"])}</td></tr>'
        )
    told += "</table>"
    differences = [_interval(check) for check in checks if check["difference"]]
    return told + interval_chart(
        differences, name="Challenger less champion, in points, with 95% intervals; of the win rate, less a half"
    )


def _interval(check: Json) -> Interval:
    """On one axis with the others, a win rate is counted from a coin's."""
    mean, low, high, _ = check["difference"]
    shift = _COIN if check["name"] == "win rate" else 0.0
    return Interval(
        name=check["name"], mean=mean - shift, low=low - shift, high=high - shift, is_good=bool(check["passed"])
    )


def _router(refit: Json) -> str:
    told = _paragraph(_problem(refit)) + _paragraph(str(refit.get("reason", "")))
    if refit.get("loss_before") is not None and refit.get("loss_after") is not None:
        told += _table(
            ("log loss on held-out feedback", ""),
            [("before", f"{refit['loss_before']:.4f}"), ("after", f"{refit['loss_after']:.4f}")],
        )
    if refit.get("by_arm"):
        told += bar_chart(sorted(refit["by_arm"].items()), name="Judged answers, by route")
    return told or _paragraph("It was not refitted.")


def _problem(outcome: Json) -> str:
    return str(outcome.get("failed") or outcome.get("ended") or "")


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _table(heads: Iterable[str], rows: Iterable[tuple[str, str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f'<tr><td>{escape(what)}</td><td class="figure">{escape(count)}</td></tr>' for what, count in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
