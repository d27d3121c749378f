"""Everything that looks like a credential or a person here is made up."""

from dataclasses import replace

import pytest

from tests.training.data.samples import PASSAGE, events, exchange
from training.data.credentials import holds_credential
from training.data.examples import Example, example_of
from training.data.personal_data import contact_data, holds_account_number
from training.data.privacy import private_part, private_question

_LETTERS = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1cD3"

# Put together here, so that no scanner takes this file for a leak.
CREDENTIALS = [
    "AKIA" + "IOSFODNN7EXAMPL3",
    "ghp" + "_" + _LETTERS,
    "xoxb" + "-123456789012-abcdefghijkl",
    "xapp" + "-1-A0123456-abcdef",
    "sk" + "-proj-" + _LETTERS,
    "hf" + "_" + _LETTERS,
    "AIza" + _LETTERS[:35],
    "glpat" + "-" + _LETTERS[:20],
    "eyJhbGciOiJIUzI1" + ".eyJzdWIiOiIxMjM0" + ".c2lnbmF0dXJlIQ",
    "-----BEGIN " + "RSA PRIVATE KEY-----",
    "-----BEGIN " + "PRIVATE KEY-----",
    "postgresql://tandem:" + "hunter2@db.example/prod",
    "the password is Tr0ub4dor&3",
    "API key: 9f86d081884c7d65",
    'token = "q8Zp2LxV0aTn"',
    "Bearer " + _LETTERS,
]
HARMLESS = [
    "Your password is reset by the help desk.",
    "The token expires after 30 days.",
    "Use the secret ingredient: cinnamon.",
    "The API key documentation is in section 4.",
    "See https://handbook.example/people/leave-policy for more.",
    "passwords must have twelve characters",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "He took the bus-stop keyboard to the skateboard park.",
]


@pytest.mark.parametrize("text", CREDENTIALS)
def test_credential_is_found_wherever_it_stands(text: str):
    assert holds_credential(text)
    assert holds_credential(f"Please write ({text}), thanks.\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_talk_about_credentials_is_none(text: str):
    assert not holds_credential(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "378282246310005",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "DE89370400440532013000 today",
        "123-45-6789",
    ],
)
def test_account_number_is_found(text: str):
    assert holds_account_number(text)
    assert holds_account_number(f"It is {text}.")


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "1234567890123456",
        "0000 0000 0000 0000",
        "DE89 3704 0044 0532 0130 01",
        "666-45-6789",
        "000-12-3456",
        "123-45-67890",
        "2026-03-01",
        "order 20260301123456789012345",
        "ISO 13616:2020",
        "v1.2.3-456-7890",
    ],
)
def test_number_without_its_check_is_none(text: str):
    assert not holds_account_number(f"It is {text}.")


@pytest.mark.parametrize(
    "contact",
    [
        "ada.lovelace@example.org",
        "ada+x@sub.example.co.uk",
        "+49 30 1234567",
        "+1 (415) 555-0132",
        "0049 30 123456",
        "030/123 45 67",
        "(415) 555-0132",
        "415-555-0132",
    ],
)
def test_address_or_telephone_number_is_found(contact: str):
    assert list(contact_data(f"Write to {contact}, or ask me.")) == [contact]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 12:30",
        "3.141592653589",
        "10,000,000 people",
        "192.168.100.200",
        "version 1.20.300.4000",
        "user@host",
        "@channel",
        "€1 200 300",
        "2024-2026",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_figures_and_mentions_are_no_contacts(text: str):
    assert list(contact_data(f"It says {text} there.")) == []


def learnt(**changes) -> str | None:
    asked = exchange("x1", **changes)
    example = example_of(asked, events("x1", ("U1", "vote_up", "")), {})
    assert isinstance(example, Example)
    return private_part(example, asked)


def test_credential_in_a_document_keeps_the_exchange_out():
    prompt = ({"role": "user", "content": f"[1] Leave\n{CREDENTIALS[0]}\n\nQuestion: How long?"},)
    assert learnt(prompt=prompt) == "secret"


def test_address_is_kept_out_but_for_one_that_the_passage_gives():
    desk = replace(PASSAGE, text="Write to desk@example.org.")
    assert learnt(completion="Write to desk@example.org [1].") == "personal_data"
    assert learnt(completion="Write to desk@example.org [1].", passages=(desk,)) is None
    assert learnt(question="I am ada@example.org. How long?", passages=(desk,)) == "personal_data"


def test_account_number_is_kept_out_though_a_passage_gives_it():
    number = "DE89 3704 0044 0532 0130 00"
    passage = replace(PASSAGE, text=f"Pay to {number}.")
    assert learnt(completion=f"Pay to {number} [1].", passages=(passage,)) == "personal_data"


def test_correction_is_looked_at_as_well():
    asked = exchange("x1")
    example = example_of(asked, events("x1", ("U1", "correction", "Ask ada@example.org")), {"x1-0": "know_how"})
    assert isinstance(example, Example)
    assert private_part(example, asked) == "personal_data"


@pytest.mark.parametrize(
    ("question", "found"), [("Why?", None), ("Call +49 30 1234567?", "personal_data"), (CREDENTIALS[1], "secret")]
)
def test_question_for_the_retrieval_queue_is_looked_at_by_itself(question: str, found: str | None):
    assert private_question(exchange("x1", question=question)) == found
