"""How an upload into one cloud or several leaves: what is shown, and with which exit status."""

from collections.abc import Callable, Mapping
from typing import Any

from imgtool.cli import console
from imgtool.errors import EXIT_OK
from imgtool.model.result import ImageResult
from imgtool.pipeline.failures import failed
from imgtool.report import as_json
from imgtool.report.as_text import result as as_text
from imgtool.report.as_text.verdict import Detail


def leave(
    result: ImageResult,
    output: str,
    document: Callable[[ImageResult], Mapping[str, Any]],
    detail: Detail = "attention",
) -> int:
    """Show the result, with so much of its judgement; the exit status.

    Where none of several clouds, or not all, got the image, the result is shown all the same, and the error
    after it: on stderr, and in JSON as the result's key `error`. Raises the error of an only cloud.
    """
    error = failed(result)
    if error is not None and len(result.uploads) == 1:
        raise error
    if output == "json":
        console.show(as_json.to_text({**document(result), **(as_json.error(error) if error else {})}))
    else:
        console.tell(as_text.prepared(result, console.paint, detail=detail))
    return console.show_error(error, json_output=False) if error else EXIT_OK
