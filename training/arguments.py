"""What the commands of this package take alike."""

import argparse


def number_of_questions(told: str) -> int:
    if not told.isdecimal() or int(told) == 0:
        raise argparse.ArgumentTypeError(f"{told} is no number of questions")
    return int(told)
