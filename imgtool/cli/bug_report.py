"""The file that a user attaches when imgtool has a bug: what happened, on which versions, without secrets."""

import os
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence

from imgtool import __version__

_SECRET = re.compile(r"(?i)((?:password|passwd|secret|token|credential)[\w-]*\s*[=:]\s*)\S+")


def write_bug_report(error: BaseException, arguments: Sequence[str]) -> str:
    """Write it into the temporary folder; its path, or an empty text where even that fails."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="imgtool-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(redact(_report(error, arguments)))
    except OSError:
        return ""
    return path


def redact(text: str) -> str:
    """`text` with the values behind password=, token: and the like masked."""
    return _SECRET.sub(r"\1***", text)


def _report(error: BaseException, arguments: Sequence[str]) -> str:
    trace = "".join(traceback.format_exception(error))
    versions = f"imgtool {__version__}, Python {sys.version.split()[0]}, {platform.platform()}"
    return f"{versions}\narguments: {list(arguments)!r}\n\n{trace}"
