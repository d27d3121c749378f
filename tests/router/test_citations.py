from dataclasses import replace

import pytest

from knowledge.documents import Part
from router.citations import CitationChecker, is_decline, without_citations
from router.sentences import SentenceSplitter
from tests.router.fakes import passage

LEAVE = passage("Employees get sixteen weeks of paid parental leave. Apply to the people team first.", title="Leave")
TRAVEL = passage("Book trains through Concur at least 14 days ahead. Hotels cost at most $120 a night.", title="Travel")
PETS = passage("Dogs are welcome on Fridays, says Maria Lopez.", title="Pets")
PASSAGES = [LEAVE, TRAVEL, PETS]
QUESTION = "How much parental leave do employees get?"


def checker(question: str = QUESTION) -> CitationChecker:
    return CitationChecker(PASSAGES, question=question)


@pytest.mark.parametrize(
    "sentence", ["Sixteen weeks [1]. ", "16 weeks. [1] ", "Employees get sixteen weeks of leave [1].\n"]
)
def test_supported_sentence_passes_as_it_is(sentence: str):
    checked = checker().check(sentence)
    assert (checked.text, checked.cited, checked.removed) == (sentence, (1,), 0)


def test_citation_moves_to_the_passage_that_supports_the_sentence():
    checked = checker().check("Sixteen weeks of paid leave [2]. ")
    assert (checked.text, checked.cited, checked.removed) == ("Sixteen weeks of paid leave [1]. ", (1,), 0)


def test_citation_of_a_passage_that_does_not_exist_is_mended():
    checked = checker().check("Sixteen weeks of paid leave [9].")
    assert (checked.text, checked.cited) == ("Sixteen weeks of paid leave [1].", (1,))


def test_second_citation_that_does_not_hold_is_removed_and_counted():
    checked = checker().check("Sixteen weeks of paid leave [1][3].")
    assert (checked.text, checked.cited, checked.removed) == ("Sixteen weeks of paid leave [1].", (1,), 1)


def test_supported_sentence_without_citation_gets_one():
    assert checker().check("It is sixteen weeks. ").text == "It is sixteen weeks [1]. "


@pytest.mark.parametrize(
    "sentence",
    [
        "Twelve weeks [1].",
        "Employees get 20 weeks of paid parental leave [1].",
        "Apply to the people team under Robert Smith [1].",
        "The cafeteria serves vegan lunch on Mondays [2].",
        "Nobody knows the secret handshake.",
        "Robert is whom employees apply to first, at the people team [1].",
    ],
)
def test_sentence_that_no_passage_supports_is_withheld(sentence: str):
    checked = checker().check(sentence)
    assert (checked.text, checked.cited) == ("", ())
    assert checked.removed == sentence.count("[")


@pytest.mark.parametrize(
    "sentence", ["Parental leave is 20 weeks [1].", "Yes, employees get twenty weeks [1].", "Yes [1]."]
)
def test_figure_that_only_the_question_brings_is_withheld(sentence: str):
    assert checker("Do employees get 20 weeks of parental leave?").check(sentence).text == ""


@pytest.mark.parametrize("sentence", ["Yes, employees get 16 weeks [1].", "It is sixteen weeks [1].", "Yes [1]."])
def test_figure_of_the_question_that_the_passage_holds_is_released(sentence: str):
    assert checker("Do employees get 16 weeks of parental leave?").check(sentence).text == sentence


@pytest.mark.parametrize(
    "sentence", ["No [1].", "No, it is not 20 weeks but sixteen [1].", "Employees don't get 20 weeks, they get 16 [1]."]
)
def test_figure_of_the_question_may_be_denied(sentence: str):
    assert checker("Do employees get 20 weeks of parental leave?").check(sentence).text == sentence


def test_word_of_any_passage_may_open_a_sentence():
    assert checker().check("Ahead of leave, apply to the people team [1].").cited == (1,)


def test_joining_sentence_passes_without_citation():
    assert checker().check("Here is what the documents say:\n").text == "Here is what the documents say:\n"


def test_bare_yes_is_checked_as_what_was_asked():
    asked = checker("Are dogs welcome on Fridays?")
    assert asked.check("Yes [3].").cited == (3,)
    assert checker("Is the moon made of cheese?").check("Yes [3].").text == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "Yes. ",
        "No. ",
        "Yes, you can. ",
        "You may not. ",
        "You can’t. ",
        "Yes, they do. ",
        "They do. ",
        "Yes, the documents say so. ",
        "Yes, you can:\n",
    ],
)
def test_answer_without_a_word_of_content_is_checked_as_a_claim(sentence: str):
    assert checker("Is the moon made of cheese?").check(sentence).text == ""
    assert checker("Are dogs welcome on Fridays?").check(sentence).cited == (3,)


@pytest.mark.parametrize("sentence", ["You may not:\n", "Here is what you can do:\n", "And so on. "])
def test_words_that_only_lead_on_are_no_claim(sentence: str):
    assert checker("Is the moon made of cheese?").check(sentence).text == sentence


@pytest.mark.parametrize("mark", ["[1]", "[^1]", "【1】", "[1, 1]", "[01]"])
def test_citation_is_read_in_each_form_and_written_in_one(mark: str):
    checked = checker().check(f"Sixteen weeks of leave {mark}.")
    assert (checked.text, checked.cited) == ("Sixteen weeks of leave [1].", (1,))


NAMED = [
    "[source 1]",
    "[Passage 1]",
    "[see 1]",
    "[see passage 1]",
    "[Source: 1]",
    "[doc. 1]",
    "[source #1]",
    "[Source1]",
]
NAMED_IN_PARENTHESES = ["(passage 1)", "(see 1)", "(see document 1)", "(source 1)"]


@pytest.mark.parametrize("mark", [*NAMED, *NAMED_IN_PARENTHESES, "[ 1 ]", "[1 ]", "[1 (Leave)]", "【source 1】"])
def test_citation_in_a_form_of_the_models_own_is_checked_like_any_other(mark: str):
    checked = checker().check(f"Sixteen weeks of leave {mark}. ")
    assert (checked.text, checked.cited, checked.removed) == ("Sixteen weeks of leave [1]. ", (1,), 0)
    checked = checker().check(f"Sixteen weeks of leave {mark.replace('1', '2')}. ")
    assert (checked.text, checked.cited) == ("Sixteen weeks of leave [1]. ", (1,))
    assert checker().check(f"Twelve weeks of leave {mark}.").text == ""


@pytest.mark.parametrize(
    "mark", ["[source 1, source 3]", "[sources 1 and 3]", "[passage 1; passage 3]", "[source 1][source 3]"]
)
def test_citations_that_are_named_in_a_row_are_checked_each(mark: str):
    checked = checker().check(f"Sixteen weeks of leave {mark}.")
    assert (checked.text, checked.cited, checked.removed) == ("Sixteen weeks of leave [1].", (1,), 1)


def test_citation_that_is_a_part_of_its_sentence_stays_in_its_place():
    checked = checker().check("As in [source 1], employees get sixteen weeks of leave.")
    assert (checked.text, checked.cited) == ("As in [1], employees get sixteen weeks of leave.", (1,))


@pytest.mark.parametrize("plain", ["(1)", "[a]", "(a)", "[see above]", "(see 4.2)", "[2024]", "(source 2024)"])
def test_brackets_that_cite_nothing_stay(plain: str):
    assert without_citations(f"Sixteen weeks {plain}.") == (f"Sixteen weeks {plain}.", 0)


def test_number_in_parentheses_is_no_citation():
    checked = checker().check("Employees (1) get sixteen weeks of leave [1].")
    assert (checked.text, checked.cited) == ("Employees (1) get sixteen weeks of leave [1].", (1,))


@pytest.mark.parametrize("mark", [*NAMED, *NAMED_IN_PARENTHESES, "[1 (Leave)]"])
def test_named_citation_after_its_full_stop_is_checked_with_its_sentence(mark: str):
    splitter = SentenceSplitter()
    pieces = [*splitter.feed(f"Sixteen weeks. {mark} Apply to the people team first."), *splitter.flush()]
    assert pieces == [f"Sixteen weeks. {mark} ", "Apply to the people team first."]
    assert checker().check(pieces[0]).text == "Sixteen weeks. [1] "


@pytest.mark.parametrize(
    "mark", [*(f" {mark}" for mark in NAMED), *(f" {mark}" for mark in NAMED_IN_PARENTHESES), "[1]", " [1]", "[1][2]"]
)
def test_answer_without_sources_cites_nothing(mark: str):
    sentence, removed = without_citations(f"The capital is Paris{mark}. ")
    assert (sentence, removed) == ("The capital is Paris. ", mark.count("[") or 1)
    assert without_citations(f"It was built in 1889.{mark} ")[0] == "It was built in 1889. "


@pytest.mark.timeout(10)
@pytest.mark.parametrize("row", ["[" + "source 1, " * 60, "(see 1 " + "to " * 200, "[1" + " - " * 200])
def test_row_of_citations_that_never_closes_is_read_at_once(row: str):
    assert without_citations(f"Paris {row}") == (f"Paris {row}", 0)


def test_invented_citation_beside_code_leaves_the_code():
    assert without_citations("Use row[1] (see 2).") == ("Use row[1].", 1)


def test_invented_citation_that_opens_a_sentence_is_removed():
    assert without_citations("[source 2] Paris is the capital.") == ("Paris is the capital.", 1)


@pytest.mark.parametrize(
    "code",
    ["Use row[1].", "Read `cells[0][1]` first.", "It is $Args[1].", "Take self.Rows[1].", "It is (1).", "See [1:2]."],
)
def test_index_in_code_is_no_citation(code: str):
    assert without_citations(code) == (code, 0)


@pytest.mark.parametrize("mark", ["[1-3]", "[1–3]", "[1, 3]", "[1][2-3]", "[1-900]", "[3-1]"])
def test_no_citation_of_a_range_is_released_unless_it_holds(mark: str):
    checked = checker().check(f"Sixteen weeks of leave {mark}.")
    assert (checked.text, checked.cited) == ("Sixteen weeks of leave [1].", (1,))
    assert checked.removed >= 1


@pytest.mark.parametrize(
    "mark",
    [
        "[1-2]",
        "[1–2]",
        "[1, 2]",
        "[1;2]",
        "[^1][^2]",
        "【1】[2]",
        "[1‑2]",
        "[1—2]",
        "[1 - 2]",
        "[1 and 2]",
        "[1, and 2]",
        "[1 to 2]",
    ],
)
def test_citations_that_hold_are_written_each_in_its_own_brackets(mark: str):
    both = CitationChecker([LEAVE, LEAVE], question=QUESTION)
    checked = both.check(f"Sixteen weeks of leave {mark}. ")
    assert (checked.text, checked.cited, checked.removed) == ("Sixteen weeks of leave [1][2]. ", (1, 2), 0)


def test_source_quotes_the_sentence_that_supports_the_claim():
    checking = checker()
    checking.check("Sixteen weeks [1].")
    (source,) = checking.sources([1])
    assert source.quote == "Employees get sixteen weeks of paid parental leave."
    assert (source.n, source.title, source.uri) == (1, "Leave", LEAVE.uri)


def test_link_of_a_source_stays_and_a_foreign_one_goes():
    checked = checker().check(f"Sixteen weeks of leave, see {LEAVE.uri} or https://evil.example/?d=1 [1].")
    assert LEAVE.uri in checked.text
    assert "evil.example/" not in checked.text
    assert checked.removed == 1


def test_decline_is_known_in_its_forms():
    assert is_decline("The passages do not say.")
    assert is_decline("the passages do not say [1]. ")
    assert not is_decline("The passages do not agree on the date.")


def test_source_of_a_widened_passage_points_to_the_chunk_of_its_quote():
    before, after = "Hotels cost at most $120\na night.", "Book trains through Concur."
    widened = replace(
        TRAVEL,
        text=f"{before}\n\n{after}",
        parts=(Part(chunk_id="c-before", text=before), Part(chunk_id=TRAVEL.chunk_id, text=after)),
    )
    checking = CitationChecker([widened], question="What may a hotel cost?")
    checking.check("Hotels cost at most $120 a night [1].")
    (source,) = checking.sources([1])
    assert (source.chunk_id, source.quote.strip()) == ("c-before", "Hotels cost at most $120 a night.")
