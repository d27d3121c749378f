import re

import pytest
from pydantic import ValidationError

from router.settings import RouterSettings


@pytest.mark.parametrize(("window", "answer"), [(1024, 1024), (1024, 513), (4096, 4000)])
def test_answer_that_leaves_no_room_for_a_prompt_is_refused_with_what_to_write(window: int, answer: int):
    with pytest.raises(ValidationError) as refused:
        RouterSettings(model_window_tokens=window, answer_max_tokens=answer)
    said = str(refused.value)
    most, least = re.findall(r"write (\d+) or less, or TANDEM_MODEL_WINDOW_TOKENS of (\d+) or more", said)[0]
    assert f"TANDEM_ANSWER_MAX_TOKENS={answer}" in said
    assert RouterSettings(model_window_tokens=window, answer_max_tokens=int(most)).answer_max_tokens == window - 512
    assert RouterSettings(model_window_tokens=int(least), answer_max_tokens=answer).answer_max_tokens == answer
