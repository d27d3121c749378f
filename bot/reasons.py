"""Why an answer came about as it did, step by step, told to the one person who asks and may read here."""

from bot.directory import Directory
from bot.membership import access
from bot.payloads import Json, inner, objects, optional
from bot.rendering import Page, context, escape, section
from router.decisions import Decision, Route, next_best
from router.errors import JournalUnavailable
from router.evidence import SearchStep
from router.exchanges import Exchange
from router.journal import Journal

_GONE = "This answer is no longer on record, so I cannot say any more how it came about."
_NOT_YOURS = "How this answer came about would name what you may not read, or I could not find out whether you may."
_LATER = "This cannot be looked up right now. Please try again in a minute."
_QUERY_CHARS = 200
_WAYS = {
    Route.DIRECT: "from memory",
    Route.RETRIEVE: "from the documents",
    Route.MULTI: "from the documents, searched more than once",
    Route.CLARIFY: "ask back",
    Route.ABSTAIN: "say that the documents do not hold it",
    Route.SMALLTALK: "small talk",
}
_KINDS = {"question": "the question", "part": "a part of it", "wording": "in other words"}
# What is worth telling of all that the policy saw; the rest are its own terms.
_TOLD = {
    "similarity": "nearness of the best passage",
    "coverage": "share of the question's words that the passages hold",
    "team": "how much it asks about the team",
    "general": "how much it asks for general knowledge or a text",
    "vague": "how little it says",
    "taught": "nearness to know-how that the model was taught",
    "guess_mean": "how sure the model was of a guess from memory (log-probability)",
}


# Why one way rather than the next best one: what the contributions are called among people.
_WEIGHED = {
    "usual": "documents are the default",
    "evidence": "what the documents hold on it",
    "team": "how much it asks about the team",
    "general": "how much it asks for general knowledge or a text",
    "by_heart": "how likely a model knows such things by heart",
    "taught": "what the model was taught",
    "hopeless": "how seldom such questions can be answered",
    "vague": "how little it says",
    "social": "how far it is small talk",
    "feedback": "feedback on earlier answers",
}
_MOST_WEIGHED = 3
_LEAST_WEIGHT = 0.1


class ReasonDesk:
    def __init__(self, *, journal: Journal, directory: Directory) -> None:
        self._journal = journal
        self._directory = directory

    async def told(self, body: Json) -> Page:
        """What a click on “Why this way?” is answered with; where it can't be told, it says why."""
        exchange_id = "".join(optional(clicked, "value") for clicked in objects(body, "actions")[:1])
        channel = optional(inner(body, "channel"), "id")
        try:
            exchange = await self._journal.exchange(exchange_id)
        except JournalUnavailable:
            return _page(_LATER)
        if exchange is None or exchange.channel != channel:
            return _page(_GONE)
        granted = await access(self._directory, channel=channel, user=optional(inner(body, "user"), "id"))
        # A search may hold the title words of any page that could be read then.
        if not exchange.scopes <= granted.audience.scopes:
            return _page(_NOT_YOURS)
        return why(exchange)


def why(exchange: Exchange) -> Page:
    """The reason and the odds, each search with what was thought of it, and by whom it was decided and written."""
    decision = exchange.decision
    blocks = [section(f"*Why this way?* {escape(decision.reason)}")]
    if decision.probabilities:
        blocks.append(section(f"*Odds*\n{_odds(decision)}"))
    if weighed := _weighed(decision):
        blocks.append(
            section(
                f"*What weighed most* (rather than: {_WAYS[next_best(decision.route, decision.probabilities)]})\n{weighed}"
            )
        )
    if seen := _seen(decision):
        blocks.append(section(f"*What was seen*\n{seen}"))
    blocks += [section(_step(number, step)) for number, step in enumerate(exchange.searches, 1)]
    blocks.append(context(_signed(exchange)))
    return Page(text=f"Why this way? {escape(decision.reason)}", blocks=blocks)


def _odds(decision: Decision) -> str:
    ranked = sorted(decision.probabilities.items(), key=lambda item: -item[1])
    return "\n".join(f"• {_WAYS[route]}: {chance:.0%}" for route, chance in ranked if chance >= 0.005)  # noqa: PLR2004 — else it reads 0%


def _weighed(decision: Decision) -> str:
    told = [(_WEIGHED.get(name, name), by) for name, by in decision.contributions.items() if abs(by) >= _LEAST_WEIGHT]
    return "\n".join(f"• {said}: {by:+.1f}" for said, by in told[:_MOST_WEIGHED])


def _seen(decision: Decision) -> str:
    return "\n".join(
        f"• {said}: {decision.features[name]:.2f}" for name, said in _TOLD.items() if decision.features.get(name)
    )


def _step(number: int, step: SearchStep) -> str:
    query = step.query if len(step.query) <= _QUERY_CHARS else f"{step.query[:_QUERY_CHARS]}…"
    judged = "enough" if step.is_enough else "not enough"
    return (
        f"*Search {number}* for “{escape(' '.join(query.split()))}” ({_KINDS.get(step.kind, step.kind)}): {step.found} passages, "
        f"nearness {step.similarity:.2f}, {step.coverage:.0%} of the words: {judged}"
    )


def _signed(exchange: Exchange) -> str:
    policy = exchange.decision.policy or "rules"
    written = f"written by {exchange.model}" if exchange.model else "no model was asked"
    return f"policy {policy} · {written} · exchange {exchange.exchange_id}"


def _page(sentence: str) -> Page:
    return Page(text=sentence, blocks=[section(sentence)])
