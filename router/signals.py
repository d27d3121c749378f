"""What a policy can see in a message, its thread and the passages found: plain figures, most in [0, 1]."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.documents import Passage
from router.queries import refers_back, standalone
from router.questions import Question
from router.smalltalk import social_part
from router.words import content_words

_TOP = 3
_POLITE = re.compile(
    r"^(?:\W|(?:hi|hey|hello|tandem|ok|okay|please|kindly|thanks|so|now|could you|can you|would you|will you|i want you to"
    r"|i(?:['’]d| would) like you to|help me(?: to)?)\b)+",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"^(?:write|compose|draft|translate|rewrite|rephrase|reword|paraphrase|summari[sz]e|shorten|correct|proofread|fix the grammar"
    r"|calculate|compute|solve|convert|multiply|divide|add up|brainstorm|invent|imagine|generate|create|make up|make it|spell"
    r"|(?:tell|give) me an? (?:\w+ )?(?:joke|riddle|story|poem|fact|fun fact|recipe|synonym|example|idea|limerick|haiku)"
    r"|suggest|name (?:a|an|some|\d|two|three|four|five|ten)|list (?:\d|two|three|four|five|ten|some)"
    r"|give me (?:\d|some|two|three|four|five|ten|an?)|roll a|flip a|say|count|sort|sing|recommend an?)\b",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(
    r"^(?:explain|define|describe|what does .{1,40} (?:mean|stand for)|what(?:['’]s| is| are) (?:an? |the )?(?:difference between"
    r"|meaning of|definition of|synonym|opposite of|plural of|past tense of)|how do you (?:say|spell|pronounce)|how would you"
    r"|who (?:wrote|invented|painted|discovered|won|sang|composed|directed|founded|was the first)"
    r"|what(?:['’]s| is) (?:the )?(?:capital|population|currency|square root|distance|speed of|boiling|height|area|tallest|largest"
    r"|longest|highest|fastest|chemical)|how (?:far|tall|deep|high|fast|old|big|heavy) (?:is|are|was|does)|what year|in (?:what|which) year"
    r"|why (?:is the sky|do (?:cats|dogs|people|birds)|does|are)|what causes|how does an? |what(?:['’]s| is| are) an? )",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"\d\s*(?:[-+*/×÷^%]|plus|minus|times|divided by|to the power of|percent of|% of|squared|mod)\s*\(?\d?"
    r"|\d+ (?:\w+ )?(?:in|to|into) (?:\w+ )?(?:km|miles?|kilomet\w+|feet|met(?:er|re)s?|celsius|fahrenheit|kg|pounds?|euros?|dollars?|inches|cm"
    r"|hours|minutes|seconds|binary|hex\w*)\b",
    re.IGNORECASE,
)
_CRAFT = re.compile(
    r"\b(?:python|javascript|typescript|java|rust|golang|c\+\+|sql|regex|regular expression|html|css|bash|git|linux|docker|algorithm"
    r"|mutex|recursion|api|json|yaml|function|class|array|list comprehension|thread|compiler|database index|http|tcp|big o|poem|haiku|limerick"
    r"|joke|riddle|recipe|synonym|planet|history of|french|german|spanish|italian|english|latin|japanese|metaphor|essay|equation|photosynthesis"
    r"|gravity|quantum|novel|movie|film|song|football|world cup|olympics|war|shakespeare)\b",
    re.IGNORECASE,
)
_TEAM = re.compile(
    r"\b(?:we|our|ours|us|my (?:manager|supervisor|team|laptop|badge|pay\w*|leave|benefits|contract|project|timesheet|account|desk|phone|boss"
    r"|salary|hours)|this (?:team|company|office|organi[sz]ation)|the (?:team|company|office|organi[sz]ation|handbook|agency))\b",
    re.IGNORECASE,
)
_ASKER = re.compile(
    r"\b(?:do|can|may|should|must|could|am|will) (?:i|employees?|staff|contractors?|people|someone|anyone)\b|\bi (?:need|have|want|am|get)\b",
    re.IGNORECASE,
)
_WORKPLACE = frozenset(
    content_words(
        "policy policies handbook office employee staff contractor manager supervisor hr payroll salary pay raise bonus vacation"
        " holiday leave sick parental reimbursement expense travel laptop badge onboarding offboarding benefits insurance pension"
        " wifi vpn password login account cafeteria canteen lunch parking gym printer meeting room desk ceo cto director founder"
        " company team department headcount revenue budget client customer contract vendor procurement purchase timesheet telework"
        " remote hybrid interview candidate hiring recruit promotion performance review training conference certification equipment"
        " monitor phone dress code pet dog office hours approval approve request submit deadline form ticket helpdesk support slack"
        " calendar standup sprint release deploy production security incident acquisition agreement partner overtime stipend"
        " allowance relocation visa sabbatical probation resignation harassment complaint union mentor buddy offsite party birthday"
        " share stock option equity 401k retirement commute shuttle childcare maternity paternity bereavement jury schedule"
    )
)
_GENERIC = frozenset(
    content_words(
        "do make thing stuff work help know tell explain happen mean go say talk show question answer issue problem use start stop change"
        " process policy rule form deadline link document status procedure limit step next date cost number update page detail"
        " info information option way take allow apply find look send fill possible ok okay due approve need want right wrong part"
    )
)
_DEICTIC = re.compile(r"\b(?:it|this|that|these|those|them|they|one|ones|he|she|there)\b", re.IGNORECASE)
_EXPLETIVE = re.compile(
    r"\b(?:does it take|is it (?:ok|okay|possible|allowed|necessary|required|true|mandatory|fine)\b(?= to| that| if| for)"
    r"|it takes|it is|it['’]s|is there|are there|there (?:is|are|were)|this (?:team|company|year|month|week)|that (?:is|are|i|we|you))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """`similarity` is the best passage's cosine, `breadth` the mean of the best three, `coverage` the share of the
    question's content words that stand in those three. All 0 where nothing was searched or found.
    """  # noqa: D205

    searched: bool
    similarity: float
    breadth: float
    coverage: float
    team: float
    general: float
    vague: float
    social: float
    social_core: float
    length: float
    is_empty: bool


def read_signals(question: Question, passages: Sequence[Passage] | None) -> Signals:
    """`passages` is None where the documents were not searched."""
    text = question.text.strip()
    whole = standalone(question)
    social = social_part(text)
    found = sorted((passage.similarity for passage in passages or ()), reverse=True)[:_TOP]
    return Signals(
        searched=passages is not None,
        similarity=found[0] if found else 0.0,
        breadth=sum(found) / len(found) if found else 0.0,
        coverage=coverage(whole, passages or ()),
        team=_team(whole),
        general=_general(text, whole),
        vague=_vague(question),
        social=social.share,
        social_core=social.core,
        length=min(1.0, (len(text) + len(text.split())) / 400),
        is_empty=not any(letter.isalnum() for letter in text),
    )


def coverage(text: str, passages: Sequence[Passage]) -> float:
    """The share of the text's content words that stand in the best passages."""
    asked = set(content_words(text)) - _GENERIC or set(content_words(text))
    best = sorted(passages, key=lambda passage: passage.similarity, reverse=True)[:_TOP]
    held = {word for passage in best for word in content_words(f"{passage.title} {passage.section} {passage.text}")}
    return len(asked & held) / len(asked) if asked else 0.0


def _team(text: str) -> float:
    """Whether the message asks about this team and its workplace."""
    words = set(content_words(text))
    workplace = min(1.0, len(words & _WORKPLACE) / 2)
    return min(1.0, 0.7 * bool(_TEAM.search(text)) + 0.3 * bool(_ASKER.search(text)) + 0.7 * workplace)


def _general(text: str, whole: str) -> float:
    """Whether the message asks for general knowledge, for a text or for a sum."""
    own = _shape(text)
    return own if text == whole else max(own, 0.8 * _shape(whole))


def _shape(text: str) -> float:
    asked = _POLITE.sub("", text)
    return min(
        1.0,
        0.8 * bool(_TASK.match(asked))
        + 0.45 * bool(_EXPLAIN.match(asked))
        + 0.9 * bool(_SUM.search(asked))
        + 0.35 * bool(_CRAFT.search(asked)),
    )


def _vague(question: Question) -> float:
    """Whether the message says too little to be answered, and no thread says the rest."""
    if any(turn.speaker == "user" for turn in question.thread):
        return 0.0
    text = _EXPLETIVE.sub(" ", question.text)
    telling = set(content_words(text)) - _GENERIC
    points = bool(_DEICTIC.search(text)) or not content_words(text)
    if not telling:
        return 1.0 if points or refers_back(question.text) else 0.85
    return 0.7 if points and len(telling) == 1 else 0.35 if len(question.text.split()) == 1 else 0.0
