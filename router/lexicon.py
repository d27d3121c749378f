"""The words by which a policy tells a general request from one about the team, and a vague one from both."""

import re

from router.words import content_words

POLITE = re.compile(
    r"^(?:\W|(?:hi|hey|hello|tandem|ok|okay|please|kindly|thanks|so|now|could you|can you|would you|will you|i want you to"
    r"|i(?:['’]d| would) like you to|help me(?: to)?)\b)+",
    re.IGNORECASE,
)
TASK = re.compile(
    r"^(?:write|compose|draft|translate|rewrite|rephrase|reword|paraphrase|summari[sz]e|shorten|correct|proofread|fix the grammar"
    r"|calculate|compute|solve|convert|multiply|divide|add up|brainstorm|invent|imagine|generate|create|make up|make it|spell"
    r"|(?:tell|give) me an? (?:\w+ )?(?:joke|riddle|story|poem|fact|fun fact|recipe|synonym|example|idea|limerick|haiku)"
    r"|suggest|name (?:a|an|some|\d|two|three|four|five|ten)|list (?:\d|two|three|four|five|ten|some)"
    r"|give me (?:\d|some|two|three|four|five|ten|an?)|roll a|flip a|say|count|sort|sing|recommend an?)\b",
    re.IGNORECASE,
)
EXPLAIN = re.compile(
    r"^(?:explain|define|describe|what does .{1,40} (?:mean|stand for)|what(?:['’]s| is| are) (?:an? |the )?(?:difference between"
    r"|meaning of|definition of|synonym|opposite of|plural of|past tense of)|how do you (?:say|spell|pronounce)|how would you"
    r"|who (?:wrote|invented|painted|discovered|won|sang|composed|directed|founded|was the first)"
    r"|what(?:['’]s| is) (?:the )?(?:capital|population|currency|square root|distance|speed of|boiling|height|area|tallest|largest"
    r"|longest|highest|fastest|chemical)|how (?:far|tall|deep|high|fast|old|big|heavy) (?:is|are|was|does)|what year|in (?:what|which) year"
    r"|why (?:is the sky|do (?:cats|dogs|people|birds)|does|are)|what causes|how does an? |what(?:['’]s| is| are) an? )",
    re.IGNORECASE,
)
DEFINE = re.compile(
    r"^what(?:['’]?s| is| are) (?!(?:the|our|my|your|this|that|it|next|new)\b)[\w -]{2,40}\??$", re.IGNORECASE
)
SUM = re.compile(
    r"\d\s*(?:[-+*/×÷^%]|plus|minus|times|divided by|to the power of|percent of|% of|squared|mod)\s*\(?\d?"
    r"|\d+ (?:\w+ )?(?:in|to|into) (?:\w+ )?(?:km|miles?|kilomet\w+|feet|met(?:er|re)s?|celsius|fahrenheit|kg|pounds?|euros?|dollars?|inches|cm"
    r"|hours|minutes|seconds|binary|hex\w*)\b",
    re.IGNORECASE,
)
CRAFT = re.compile(
    r"\b(?:python|javascript|typescript|java|rust|golang|c\+\+|sql|regex|regular expression|html|css|bash|git|linux|docker|algorithm"
    r"|mutex|recursion|api|json|yaml|function|class|array|list comprehension|thread|compiler|database index|http|tcp|big o|poem|haiku|limerick"
    r"|joke|riddle|recipe|synonym|planet|history of|french|german|spanish|italian|english|latin|japanese|metaphor|essay|equation|photosynthesis"
    r"|gravity|quantum|novel|movie|film|song|football|world cup|olympics|war|shakespeare)\b",
    re.IGNORECASE,
)
TEAM = re.compile(
    r"\b(?:we|our|ours|us|my (?:manager|supervisor|team|laptop|badge|pay\w*|leave|benefits|contract|project|timesheet|account|desk|phone|boss"
    r"|salary|hours)|this (?:team|company|office|organi[sz]ation)|the (?:team|company|office|organi[sz]ation|handbook|agency))\b",
    re.IGNORECASE,
)
ASKER = re.compile(
    r"\b(?:do|can|may|should|must|could|am|will) (?:i|employees?|staff|contractors?|people|someone|anyone)\b|\bi (?:need|have|want|am|get)\b",
    re.IGNORECASE,
)
WORKPLACE = frozenset(
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
GENERIC = frozenset(
    content_words(
        "do make thing stuff work help know tell explain happen mean go say talk show question answer issue problem use start stop change"
        " process policy rule form deadline link document status procedure limit step next date cost number update page detail"
        " info information option ask contact person somebody someone place here point way take allow apply find look send fill possible ok okay due approve need want right wrong part"
    )
)
DEICTIC = re.compile(r"\b(?:it|this|that|these|those|them|they|one|ones|he|she|there)\b", re.IGNORECASE)
EXPLETIVE = re.compile(
    r"\b(?:does it take|is it (?:ok|okay|possible|allowed|necessary|required|true|mandatory|fine)\b(?= to| that| if| for)"
    r"|it takes|it is|it['’]s|is there|are there|there (?:is|are|were)|this (?:team|company|year|month|week)|that (?:is|are|i|we|you))\b",
    re.IGNORECASE,
)
