"""What the commands print: answers and findings on standard output, progress and failures on standard error."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.shapes import Json

_LEAST_WEIGHT = 0.1
_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)


def say(line: str) -> None:
    _err.print(line, markup=False)


def say_failure(line: str) -> None:
    _err.print(f"[red]tandem:[/] {escape(line)}")


def progress_bar() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), console=_err, transient=True
    )  # fmt: skip


def describe(bar: Progress, task: Any) -> Callable[[str], None]:
    return lambda text: bar.update(task, description=text)


def print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_line(line: str) -> None:
    _out.print(line, markup=False)


def print_mapping(data: Json) -> None:
    _out.print_json(data=data)


def print_answer(answer: Json) -> None:
    _out.print(answer["answer"], markup=False)
    for source in answer["sources"]:
        _out.print(f"\n[{source['n']}] {source['title']}  {source['uri']}", markup=False, style="bold")
        _out.print(f"    {source['quote']}", markup=False, style="dim")
    _out.print(f"\n{answer['route']}: {answer['reason']}", markup=False, style="dim")


def print_decision(decision: Json) -> None:
    _out.print(f"{decision['arm']}: {' '.join(decision['reasons'])}", markup=False)
    for arm, chance in sorted(decision["odds"].items(), key=lambda item: -item[1]):
        _out.print(f"  {arm:10} {chance:6.1%}", markup=False)
    if told := ", ".join(
        f"{name} {by:+.1f}" for name, by in decision["contributions"].items() if abs(by) >= _LEAST_WEIGHT
    ):
        _out.print(f"over the next best: {told}", markup=False)
    seen = ", ".join(f"{name} {value:g}" for name, value in decision["features"].items())
    _out.print(f"policy {decision['policy']}; {seen}", markup=False, style="dim")


def print_releases(releases: Sequence[Json]) -> None:
    table = Table("released", "policy", "adapter", box=None, pad_edge=False)
    for each in releases:
        told = (each["released_at"][:16], each["policy"] or "rules", each["adapter"] or "none")
        table.add_row(*map(escape, told))
    _out.print(table if releases else "nothing was released yet")


def print_passages(found: Sequence[Json]) -> None:
    for passage in found:
        _out.print(f"[bold]{escape(passage['title'])}[/]  {escape(passage['uri'])}")
        _out.print(escape(passage["text"].strip()), style="dim")
        _out.print()
    if not found:
        _out.print("nothing found")


def print_ingested(result: Json) -> None:
    told = result["error"] or f"{result['chunks']} passage{'' if result['chunks'] == 1 else 's'}"
    _out.print(f"{result['status']:10} {result['uri']}  {told}", markup=False)


def print_retrieval(figures: Json) -> None:
    modes = figures["modes"]
    measures = [name for name in next(iter(modes.values())) if name != "latency_ms"]
    table = Table("mode", *measures, "p50 ms", "p95 ms", box=None, pad_edge=False)
    for mode, of_mode in modes.items():
        latency = of_mode["latency_ms"]
        values = [f"{of_mode[name]:.3f}" for name in measures]
        table.add_row(mode, *values, f"{latency['p50']:.1f}", f"{latency['p95']:.1f}")
    _out.print(table)
    _out.print(
        f"{figures['queries']} questions, {figures['documents']} documents in {figures['passages']} passages, "
        f"{figures['store']} index; times include embedding the question",
        style="dim",
    )


def print_policy_figures(figures: Json) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in figures.items():
        if value is None or isinstance(value, (int, float)):
            table.add_row(name, "not known" if value is None else str(round(value, 4)))
    latency = figures["latency"]
    table.add_row("decision", f"{latency['p50_ms']} ms, 95% within {latency['p95_ms']} ms, embedding left out")
    _out.print(table)
    _out.print("\n".join(figures["plots"]), markup=False, style="dim")


def print_comparison(figures: Json) -> None:
    arms: Json = figures["arms"]
    measures = [name for name, value in next(iter(arms.values())).items() if not isinstance(value, float)]
    table = Table(
        "", *(name.replace("_", " ") for name in measures), "p50 ms", "tokens in, out", box=None, pad_edge=False
    )
    for arm, of_arm in arms.items():
        shares = [_interval(of_arm[name]) for name in measures]
        tokens = f"{of_arm['prompt_tokens']:.0f}, {of_arm['completion_tokens']:.0f}"
        table.add_row(arm, *shares, f"{of_arm['latency_p50_ms']:.0f}", tokens)
    _out.print(table)
    _out.print(
        f"{figures['questions']} questions, {figures['answerable']} of them answerable, {figures['documents']} documents, "
        f"adapter {figures['adapter']}; percent with 95% intervals; {figures['at_once']} questions at once",
        style="dim",
        markup=False,
    )
    _out.print(_waited(figures["corrections"]), style="dim", markup=False)


def _waited(corrections: Json) -> str:
    """How long it took from a correction to answers that follow it."""
    told = f"{corrections['corrections']} corrections were given, {corrections['followed']} of them are followed by answers"
    if not corrections["followed"]:
        return told
    return f"{told}, {corrections['p50_hours']} hours later (median), {corrections['longest_hours']} at most"


def _interval(measured: Json | None) -> str:
    if measured is None:
        return "–"
    return f"{100 * measured['mean']:.0f} ({100 * measured['low']:.0f}–{100 * measured['high']:.0f})"


def print_documents(found: Sequence[Json]) -> None:
    table = Table("number", "title", "passages", "read", "added by", "audience", "link", box=None, pad_edge=False)
    for each in found:
        told = (str(each["number"]), each["title"], str(each["chunks"]), each["read_at"][:10])
        table.add_row(*map(escape, (*told, each["added_by"] or "command line", each["audience"], each["uri"])))
    _out.print(table if found else "no documents")


def print_set_aside(found: Sequence[Json]) -> None:
    table = Table("title", "tried", "audience", "channel", "place", "why", box=None, pad_edge=False)
    for each in found:
        told = (each["title"], each["tried_at"][:10], each["audience"], each["channel"], each["place"], each["reason"])
        table.add_row(*map(escape, told))
    _out.print(table if found else "no documents are set aside")


def print_lineage(told: Json) -> None:
    """The adapter, what it was trained with, then each exchange with the people and documents behind its rows."""
    start = f", from {told['start']}" if told["start"] else ""
    _out.print(f"{told['adapter']}: {told['recipe']} on {told['base']}{start}", markup=False, style="bold")
    _out.print(f"recipe {told['recipe_sha256'][:12]}, rows {told['data_sha256'][:12]}", markup=False, style="dim")
    for window in told["windows"]:
        _out.print(f"  export {window['day']}  {window['manifest_sha256'][:12]}", markup=False, style="dim")
    kinds: dict[tuple[str, str], int] = {}
    for row in told["rows"]:
        key = (row["exchange_id"], row["kind"])
        kinds[key] = kinds.get(key, 0) + 1
    for exchange in told["exchanges"]:
        rows = ", ".join(f"{n} {kind}" for (of, kind), n in kinds.items() if of == exchange["exchange_id"])
        _out.print(f"  {exchange['exchange_id']}  {rows or 'by the adapter before'}", markup=False)
        for name in ("people", "feedback", "documents", "before"):
            if exchange[name]:
                _out.print(f"    {name}: {', '.join(exchange[name])}", markup=False, style="dim")
    for kind, count in ((kind, n) for (of, kind), n in kinds.items() if not of):
        _out.print(f"  {count} {kind} rows, of no person", markup=False)
    for document in told["documents"]:
        rows = sum(document["id"] in row["documents"] for row in told["rows"])
        count = f"{rows} rows" if rows else "rows of the adapter before"
        _out.print(f"  {document['uri']}  shown in {count}", markup=False)
    if not told["is_whole"]:
        _out.print("  not all is known, so it counts as one that learnt from everything", style="red")


def print_proof(proof: Json) -> None:
    table = Table("place", "found", "left", box=None, pad_edge=False)
    for place, counts in proof["places"].items():
        left = f"[red]{counts['left']}[/]" if counts["left"] else "0"
        table.add_row(escape(place), str(counts["found"]), left)
    _out.print(table)
    _out.print(f"withdrawn: {', '.join(proof['withdrawn']) or 'no adapter'}", markup=False)
    _out.print(f"in service: {proof['in_service'] or 'no adapter, the base model answers'}", markup=False)
    for each in proof["not_reached"]:
        _out.print(f"not reached: {each}", markup=False, style="dim")


def print_findings(findings: Sequence[Json]) -> None:
    table = Table("part", "state", "what to do", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding["part"], "[green]ok[/]" if finding["ok"] else "[red]wrong[/]", escape(finding["text"]))
    _out.print(table)
