"""Recognises greetings, thanks and the like, and answers them from prepared text."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Social(StrEnum):
    THANKS = "thanks"
    BYE = "bye"
    HOW_ARE_YOU = "how are you"
    WHO_ARE_YOU = "who are you"
    WHAT_CAN_YOU_DO = "what can you do"
    COMPLAINT = "complaint"
    SORRY = "sorry"
    PRAISE = "praise"
    GREETING = "greeting"
    AGREED = "agreed"


# In the order in which they decide what a message with several of them is answered with.
_PHRASES: dict[Social, str] = {
    Social.COMPLAINT: r"thanks for nothing|(?:you(?:['’]re| are)|that(?:['’]s| is| was)|this is|it(?:['’]s| is)|(?:wrong|bad) answer) (?:(?:so|very|really|just"
    r"|completely|totally) )*(?:wrong|useless|terrible|bad|stupid|incorrect|nonsense|rubbish|(?:not|no) (?:right|correct|helpful|true|help))|(?:wrong|bad) (?:answer|bot)",
    Social.WHAT_CAN_YOU_DO: r"what (?:can|could|do) you (?:do|help(?: me)? with|know(?: about)?)|what can i ask(?: you)?"
    r"|how (?:can|could) you help(?: me)?|how do you work|what are you (?:for|good at|capable of)"
    r"|what (?:kinds? of |types? of |sorts? of |categories of )?(?:questions|things|stuff)? ?(?:can|may|could|should|am) (?:i|we)(?: allowed to)? ask"
    r"(?: (?:you|the (?:ai|bot)))?|what (?:kinds? of |types? of )?(?:questions|things) (?:can|do|could) you (?:answer|know|do)|^help(?: me)?(?: please)?$",
    Social.WHO_ARE_YOU: r"who (?:are|r) (?:you|u)|what are you|what(?:['’]s| is) your name|are you (?:a |an )?(?:bot|robot|human"
    r"|person|machine|real(?: person)?|ai|alive|there)|who (?:made|built|created) you|introduce yourself|how old are you"
    r"|(?:where|when) (?:are|were) you (?:from|born|made|created)|where do you (?:come|hail) from|(?:what|who|which) (?:company |firm )?(?:made|built"
    r"|created|designed|trained) you|who (?:is|was) your (?:maker|designer|creator|manufacturer)|(?:were you|you were) (?:made|created|designed|built)(?: by)?"
    r"|do you have (?:any )?(?:pets|hobbies|feelings|animals|a name)|what (?:pets|hobbies|animals) do you (?:have|keep)|(?:what(?:['’]?s| is| are|was) )?your"
    r" (?:name|age|birthday|hobb(?:y|ies))|(?:if )?you (?:are|were|be) (?:a |an )?(?:real|robot|bot|human|person|machine|ai)(?: person)?",
    Social.HOW_ARE_YOU: r"how(?:['’]?s| are| r)? (?:are )?(?:you|u|ya|things|we)(?: are)?(?: doing| doin| feeling| been)?|how(?:['’]s| is) (?:it|everything|life|your day|things)"
    r"(?: going| hanging)?|how do you do|how have you been|what(?:['’]?s| is) up|how['’]ve you been|wassup|sup|you ok(?:ay)?|hope you(?:['’]re| are) (?:well|ok)",
    Social.THANKS: r"thank(?:s| you| u)+|thx|ty|cheers|much appreciated|i appreciate (?:it|that|you|your help)|appreciate (?:it|that)"
    r"|appreciated|i owe you(?: one)?|(?:i(?:['’]m| am) )?thankful(?: for)?|many thanks|tysm|merci|danke|gracias|you(?:['’]re| are) a life ?saver",
    Social.BYE: r"good ?bye|bye(?:[ -]bye)?|see (?:you|ya|u)|good ?night|talk (?:to you )?(?:later|soon)|farewell|ciao|take care"
    r"|until (?:tomorrow|next time)|have a (?:good|great|nice|lovely) (?:day|night|evening|weekend|one)|(?:i(?:['’]m| am) )?signing off",
    Social.SORRY: r"(?:i(?:['’]m| am) )?(?:so |very )?sorry|my (?:bad|mistake)|apologies|never ?mind|forget (?:it|that)|oops",
    Social.GREETING: r"hi+|hello+|hey+o?|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)|morning|afternoon|evening"
    r"|welcome(?: back)?|nice to (?:meet|see) you|happy (?:monday|friday|new year)|hola|bonjour|hallo|guten (?:tag|morgen)|salut",
    Social.PRAISE: r"(?:you(?:['’]re| are) )?(?:great|awesome|amazing|brilliant|perfect|excellent|nice|cool|wonderful|fantastic|the best)"
    r"(?: (?:job|work|bot|answer|one))?|well done|good (?:job|work|bot)|that(?:['’]s| was| is) (?:really |very )?(?:helpful|great|useful|perfect)"
    r"|(?:you(?:['’]re| are)|that(?:['’]s| was| is)) (?:(?:so|very|really|too|quite|pretty) )*(?:funny|hilarious|clever|smart|witty|kind(?: of you)?"
    r"|sweet|cute|quick|fast|thoughtful|impressive|a genius|a star)|love (?:it|you)|i love (?:it|you)|you rock|very helpful|that helped|lol|haha+",
    Social.AGREED: r"ok(?:ay)?|got it|understood|sure|great|will do|sounds good|makes sense|i see|alright|all right|noted",
}
_FORMS = {kind: re.compile(rf"\b(?:{phrases})(?!\w)", re.IGNORECASE) for kind, phrases in _PHRASES.items()}
_FILLER = re.compile(
    r"\b(?:tandem|there|all|everyone|everybody|team|folks|friend|buddy|mate|bot|so|very|much|a lot|lots|a million|again|today|tonight"
    r"|tomorrow|for|the|your|that|this|it|help|helping|answer|quick|and|oh|ah|well|just|really|to|you|u|me|now|then|later|with"
    r"|from|in|my|dear|please|i|who|what|tell|know|would|like|could|if|exactly|actually|by|any|are|is|ai|whats|was|day|going|doing|out|of|have|had|good|nice|great|lovely|already)\b|[^\w\s]|_|\d",
    re.IGNORECASE,
)
LONGEST = 120

_REPLIES: dict[Social, tuple[str, ...]] = {
    Social.GREETING: (
        "Hello! What would you like to know?",
        "Hi there! Ask me anything, about the team's documents or beyond them.",
        "Good to see you. What can I look up or write for you?",
    ),
    Social.THANKS: ("You're welcome!", "Glad to help.", "Any time. Just ask in this thread if there is more."),
    Social.BYE: ("Goodbye!", "See you!", "Take care. I'll be here."),
    Social.HOW_ARE_YOU: (
        "All well here, thank you. What can I do for you?",
        "Running smoothly, thanks for asking. What would you like to know?",
    ),
    Social.WHO_ARE_YOU: (
        "I'm Tandem, this team's assistant: a program that answers from the team's documents, or from its own model.",
        "I'm Tandem, a bot. I look things up in the team's documents and say where I found them.",
    ),
    Social.WHAT_CAN_YOU_DO: (
        (
            "Ask me about anything in the team's documents and I'll answer with sources. I can also write, explain, "
            "translate or calculate. With /ingest you can show me a new document."
        ),
        (
            "I answer questions from the team's documents and cite them, and I help with texts and general questions. "
            "Reply in a thread to go on; the buttons under an answer tell me how it was."
        ),
    ),
    Social.COMPLAINT: (
        "I am sorry. 👎 under an answer opens a form for what it should have said, and I learn from it.",
        "Sorry about that. Tell me by 👎 under the answer what was wrong, or ask again in other words.",
    ),
    Social.SORRY: ("No problem at all.", "No worries. Ask whenever you like."),
    Social.PRAISE: ("Thank you, that's good to hear.", "Happy that it helped!"),
    Social.AGREED: ("Good. I'm here if there is more.", "All right. Just ask if anything else comes up."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialPart:
    """`share` is the part of the words that is small talk or goes with it, `core` that of the letters in its phrases."""

    kind: Social | None = None
    share: float = 0.0
    core: float = 0.0


@lru_cache(maxsize=256)
def social_part(text: str) -> SocialPart:
    """How much of a message is small talk."""
    if len(text) > LONGEST:
        return SocialPart()
    rest, first = text, None
    for kind, form in _FORMS.items():
        shorter = form.sub(" ", rest)
        if shorter != rest:
            first = first or kind
            rest = shorter
    if first is None:
        return SocialPart()
    left = len(_FILLER.sub(" ", rest).split()) / len(text.split())
    core = 1 - sum(map(str.isalnum, rest)) / max(1, sum(map(str.isalnum, text)))
    return SocialPart(kind=first, share=max(0.0, 1 - left), core=core)


def reply_to(text: str, thread_length: int, kind: Social | None = None) -> str:
    """A short prepared answer of that kind, or of the text's; which one depends on the words and on how far the thread is."""
    replies = _REPLIES[kind or social_part(text).kind or Social.GREETING]
    pick = hashlib.sha256(text.strip().lower().encode("utf-8", "replace")).digest()[0] + thread_length
    return replies[pick % len(replies)]
