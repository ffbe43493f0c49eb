"""A comparison as a page: old and new side by side."""

from imgtool import __version__
from imgtool.model.difference import Difference
from imgtool.report.as_html.markup import environment
from imgtool.report.difference import ROLES, counted


def difference(found: Difference) -> str:
    """`--report html=PATH`."""
    template = environment().get_template("difference.html")
    return template.render(found=found, roles=ROLES, summary=counted(found), version=__version__) + "\n"
