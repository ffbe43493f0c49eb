"""The file that a user attaches when imgtool has a bug: what happened, on which versions, without secrets."""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence

from imgtool import __version__
from imgtool.util.redaction import redact, secrets_of


def write_bug_report(error: BaseException, arguments: Sequence[str]) -> str:
    """Write it into the temporary folder; its path, or an empty text where even that fails."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="imgtool-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(redact(_report(error, arguments), secrets_of(os.environ)))
    except OSError:
        return ""
    return path


def _report(error: BaseException, arguments: Sequence[str]) -> str:
    trace = "".join(traceback.format_exception(error))
    versions = f"imgtool {__version__}, Python {sys.version.split()[0]}, {platform.platform()}"
    return f"{versions}\narguments: {list(arguments)!r}\n\n{trace}"
