"""One page with everything: self-contained, without scripts, for a screen of any width and for paper.

page.py      the results as values that the templates lay out
picture.py   the disk to scale: partitions, file systems, data
timeline.py  how long each stage of a boot took
markup.py    jinja2, set up so that no text of an image can become markup
templates/   page.html, and the parts that it includes; head.html is the beginning of every page
"""

from collections.abc import Sequence

from imgtool.model.result import ImageResult
from imgtool.report.as_html.markup import environment
from imgtool.report.as_html.page import make_page


def report(results: Sequence[ImageResult]) -> str:
    """`--report html=PATH`."""
    return environment().get_template("page.html").render(page=make_page(results)) + "\n"
