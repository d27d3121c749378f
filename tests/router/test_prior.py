import time

from router.prior import starting_prior
from router.starting_policy import FOLDER
from tests.router.learned.made_up import asked


def by_heart(text: str) -> float:
    return starting_prior().outlook(asked(text), None).by_heart


def test_plain_fact_is_likelier_known_by_heart_than_a_chain_of_obscure_ones():
    chain = "Who is the spouse of the director of the film that the composer of Zenobia's Aria's brother wrote?"
    assert by_heart("Who wrote the play Romeo and Juliet?") > by_heart(chain) + 0.5


def test_its_say_is_bounded_whatever_the_message():
    for text in ("", "🎉", "x" * 4000, "Who? " * 800, "1 2 3"):
        assert -1.5 <= by_heart(text) <= 1.5


def test_it_is_small_enough_to_ship_and_holds_no_text_of_its_data():
    file = FOLDER / "policy.json"
    assert file.stat().st_size < 2_000_000
    assert "sun go down" not in file.read_text()


def test_it_decides_within_milliseconds_without_an_embedding():
    starting_prior()
    began = time.process_time()
    for number in range(100):
        by_heart(f"Who painted the Mona Lisa, and in which year of the {number}th century was it?")
    assert (time.process_time() - began) / 100 < 0.01
