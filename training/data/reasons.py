"""Why an exchange gives no row, in the words of a manifest."""

from typing import Literal

Reason = Literal[
    "switch_off",
    # who may read it, and who agreed
    "not_public",
    "overheard",
    "overheard_passage",
    "opted_out",
    # what people said about it
    "edited_question",
    "no_feedback",
    "divided_feedback",
    "correction_waits",
    "correction_is_fact",
    "wrong_route",
    "poor_retrieval",
    # what there is to learn
    "no_prompt",
    "no_completion",
    "too_long",
    "no_words",
    "repeats_itself",
    "unsupported_citation",
    "foreign_link",
    # what must not be learnt
    "secret",
    "personal_data",
    # among all others
    "little_agreement",
    "exact_duplicate",
    "near_duplicate",
    "between_splits",
    "person_cap",
]
