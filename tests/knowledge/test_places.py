from knowledge.places import MARKER, marked_text, with_places


def mark(page: int) -> str:
    return MARKER.format(page_num=page)


def test_a_page_is_named_below_each_heading_and_where_it_begins() -> None:
    marked = f"{mark(1)}# Travel\n\nBook early.\n{mark(2)}Keep receipts.\n\n## Trains\n\nSecond class."
    assert with_places(marked, "Page") == (
        "# Travel\n\n###### Page 1\n\nBook early.\n\n###### Page 2\n\nKeep receipts.\n\n"
        "## Trains\n\n###### Page 2\n\nSecond class."
    )


def test_a_page_without_text_is_not_named() -> None:
    assert (
        with_places(f"{mark(1)}One\n{mark(2)}{mark(3)}Three", "Page")
        == "###### Page 1\n\nOne\n\n###### Page 3\n\nThree"
    )


def test_a_heading_of_the_lowest_level_stays_above_its_page() -> None:
    assert "##### Deep\n\n###### Page 1" in with_places(f"{mark(1)}###### Deep\n\nText\n{mark(2)}More", "Page")


def test_a_document_cannot_forge_a_page() -> None:
    nodes = [
        {"content": {"node_type": "paragraph", "text": text}, "page": page}
        for page, text in enumerate(["\ue0009\ue001", "b"], 1)
    ]
    assert with_places(marked_text(nodes), "Page") == "###### Page 1\n\n9\n\n###### Page 2\n\nb"


def test_a_line_that_looks_like_markup_opens_no_heading_and_no_code() -> None:
    nodes = [{"content": {"node_type": "paragraph", "text": text}, "page": 1} for text in ["# 5 items", "```"]]
    assert with_places(marked_text(nodes), "Page") == "\\# 5 items\n\n\\```"


def test_a_word_cut_at_a_line_end_is_whole_again() -> None:
    nodes = [{"content": {"node_type": "paragraph", "text": "rea-\nsoning at 9-\n17 h"}, "page": 1}]
    assert with_places(marked_text(nodes), "Page") == "reasoning at 9- 17 h"


def test_a_table_keeps_its_rows_and_columns() -> None:
    cells = [("Grade", 0, 0), ("Days|week", 0, 1), ("A", 1, 0), ("25", 1, 1)]
    grid = {"rows": 2, "cols": 2, "cells": [{"content": c, "row": row, "col": col} for c, row, col in cells]}
    nodes = [{"content": {"node_type": "table", "grid": grid}, "page": 1}]
    assert marked_text(nodes).strip().endswith("| Grade | Days\\|week |\n| --- | --- |\n| A | 25 |")
