from pathlib import Path

import pytest

from knowledge.processor import has_fast_bfloat16


@pytest.mark.parametrize(
    ("cpuinfo", "fast"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx2 fma\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_chosen_only_where_the_processor_computes_in_it(cpuinfo: str, fast: bool, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)
    assert has_fast_bfloat16(file) is fast


def test_a_machine_that_says_nothing_of_its_processor_computes_in_float32(tmp_path: Path) -> None:
    assert has_fast_bfloat16(tmp_path / "absent") is False
