import json
from pathlib import Path
from xml.etree import ElementTree as ET

from training.checkpoint import Course
from training.curve import DRAWING, NUMBERS, draw, write_curve

_COURSE = Course(steps=4, losses=[2.0, 1.5, 1.0, 0.5], held_out=[(2, 1.6), (4, 1.2)])


def test_numbers_and_drawing_hold_every_step(tmp_path: Path):
    write_curve(_COURSE, tmp_path)

    told = json.loads((tmp_path / NUMBERS).read_text())
    assert told == {"steps": [2.0, 1.5, 1.0, 0.5], "held_out": [[2, 1.6], [4, 1.2]]}
    drawn = ET.fromstring((tmp_path / DRAWING).read_text())
    dots = drawn.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(dots) == 6
    heights = [float(dot.attrib["cy"]) for dot in dots[:4]]
    assert heights == sorted(heights)


def test_runs_of_one_step_and_of_none_are_drawn():
    for course in (Course(), Course(steps=1, losses=[0.0])):
        assert ET.fromstring(draw(course)).tag.endswith("svg")
