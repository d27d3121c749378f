"""Keys, tokens and passwords in a text, by the forms in which they are issued."""

import math
import re
from collections import Counter

# What is issued under a prefix of its own, or in a frame of its own.
_ISSUED = re.compile(
    r"""
    \b(?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AROA|AIPA|ANPA)[A-Z0-9]{16}\b        # Amazon
    | \bgh[pousr]_[A-Za-z0-9]{36,} | \bgithub_pat_[A-Za-z0-9_]{50,}      # GitHub
    | \bglpat-[A-Za-z0-9_-]{20,}                                         # GitLab
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,} | \bxapp-\d-[A-Za-z0-9-]{10,}     # Slack
    | \bhooks\.slack\.com/services/T[A-Za-z0-9_/]{20,}
    | \bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,}                    # model vendors
    | \bhf_[A-Za-z0-9]{30,}
    | \b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}                             # Stripe
    | \bAIza[A-Za-z0-9_-]{35} | \bya29\.[A-Za-z0-9_-]{20,}               # Google
    | \bnpm_[A-Za-z0-9]{36} | \bpypi-[A-Za-z0-9_-]{50,}
    | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}                       # SendGrid
    | \bdop_v1_[a-f0-9]{64}
    | \beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}    # a signed JSON token
    | -----BEGIN[ ][A-Z ]{0,30}PRIVATE[ ]KEY
    | \b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,64}:[^\s/@]{1,128}@          # a password in an address
    """,
    re.VERBOSE,
)
_NAMED = re.compile(
    r"""(?i)\b(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[ _-]?key|access[ _-]?key|private[ _-]?key|bearer)\b
    (?:\s+is\s+|\s*[:=]\s*|\s+)["'“„`]?([^\s"'”“`<>,;]{8,128})""",
    re.VERBOSE,
)
# Most texts hold none of these, which is found out forty times as fast as by the patterns.
_ISSUED_MARKS = (
    *(
        "A3T",
        "AKIA",
        "ASIA",
        "AGPA",
        "AROA",
        "AIPA",
        "ANPA",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "xapp-",
        "hooks.slack",
        "sk-",
        "hf_",
    ),
    *("k_live", "k_test", "AIza", "ya29", "npm_", "pypi-", "SG.", "dop_v1_", "eyJ", "PRIVATE KEY", "://"),
)
_NAMED_MARKS = ("pass", "pwd", "secret", "token", "key", "bearer")
# A word of a language has 2 to 3.2 bits a letter at these lengths, a random one more.
_RANDOM_BITS = 3.2


def holds_credential(text: str) -> bool:
    if any(mark in text for mark in _ISSUED_MARKS) and _ISSUED.search(text):
        return True
    lower = text.lower()
    return any(mark in lower for mark in _NAMED_MARKS) and any(map(_looks_random, _NAMED.findall(text)))


def _looks_random(value: str) -> bool:
    """A word behind “password” is mostly prose; one with digits among its letters, or of many letters, is none."""
    value = value.rstrip(".:!?)]")
    mixed = any(letter.isdigit() for letter in value) and any(letter.isalpha() for letter in value)
    if len(value) < 8 or not (mixed or len(value) >= 16):  # noqa: PLR2004 — shorter ones are prose more often than not
        return False
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
    return bits >= _RANDOM_BITS or (mixed and any(not letter.isalnum() for letter in value))
