"""`tandem route fit` and `tandem route eval`: policies learned from examples, and measured on others."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.command_line import AsJson, fail, plainly
from bot.printing import print_json, print_line, print_policy_figures, progress_bar
from bot.settings import load_settings
from bot.shapes import Json
from knowledge.settings import KnowledgeSettings

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="JSONL: `question`, and per arm (`none`, `single`, `multi`) whether it was right in `acc` or `em`; or a `label`.",
    ),
]


def fit(
    data: Data,
    *,
    out: Annotated[Path, typer.Option("--out", help="The policy's folder.")],
    steps: Annotated[float, typer.Option("--steps", min=0, help="Searches that a question may take on average.")] = 1.6,
    risk: Annotated[
        float, typer.Option("--risk", min=0, max=1, help="Share of answers that may be wrong where it may decline.")
    ] = 0.4,
    seed: Annotated[int, typer.Option(help="Decides how the examples are split.")] = 0,
    embed: Annotated[bool, typer.Option("--embed/--no-embed", help="Weigh the question's embedding too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Fit a policy on examples, and write it as plain numbers."""
    if find_spec("sklearn") is None:
        fail("fitting a policy needs scikit-learn: install tandem[training]")
    told = plainly(lambda: _fit(data, out, steps=steps, risk=risk, seed=seed, embed=embed))
    print_json(told) if as_json else print_line(f"policy fitted on {told['questions']} questions, in {told['policy']}")


def evaluate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The policy's folder.")],
    data: Data,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where figures and plots are written. Default: DIR/evaluation.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a policy on examples: right answers, true odds, time; with plots beside the figures."""
    figures = plainly(lambda: _evaluate(directory, data, out or directory / "evaluation"))
    print_json(figures) if as_json else print_policy_figures(figures)


def _fit(data: Path, out: Path, *, steps: float, risk: float, seed: int, embed: bool) -> Json:
    from router.datasets.examples import read_examples
    from router.learned.fits import fit_policy
    from router.learned.fitting_arms import Aims
    from router.learned.policy_file import write_policy

    examples = read_examples(data)
    settings = load_settings(KnowledgeSettings)
    facts, embedding = _gather(examples, settings, embed=embed)
    file = fit_policy(examples, facts, embedding=embedding, aims=Aims(mean_steps=steps, risk=risk), seed=seed)
    return {"policy": str(write_policy(file, out)), "questions": len(examples), "embedding": embedding}


def _evaluate(directory: Path, data: Path, out: Path) -> Json:
    from router.datasets.examples import read_examples
    from router.errors import PolicyUnreadable
    from router.learned.experiment import evaluate as measure
    from router.learned.plots import write_plots
    from router.learned.policy_file import read_policy

    file = read_policy(directory)
    examples = read_examples(data)
    facts, embedding = _gather(examples, load_settings(KnowledgeSettings), embed=bool(file.embedding))
    if embedding != file.embedding:
        raise PolicyUnreadable(
            f"The policy weighs embeddings of {file.embedding}, and {embedding} is set: look at TANDEM_EMBEDDING_MODEL"
        )
    measured = measure(file, examples, facts)
    out.mkdir(parents=True, exist_ok=True)
    figures = {**asdict(measured), "plots": [str(plot) for plot in write_plots(measured, out)]}
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


def _gather(examples: Sequence[Any], settings: KnowledgeSettings, *, embed: bool) -> tuple[Sequence[Any], str]:
    """The examples with their vectors, and the name of the model that made them."""
    from knowledge.embedding import open_embedding
    from router.learned.experiment import gather

    if not embed:
        return gather(examples), ""
    embedding = open_embedding(settings)
    with progress_bar() as bar:
        task = bar.add_task("embedding", total=len(examples))
        facts = gather(
            examples,
            lambda texts: embedding.get_text_embedding_batch(list(texts)),
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    return facts, settings.embedding_name
