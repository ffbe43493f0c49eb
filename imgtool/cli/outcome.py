"""How an upload into one cloud or several leaves: what is shown, and with which exit status."""

from collections.abc import Callable

from imgtool.cli import console
from imgtool.errors import (
    EXIT_OK,
    CloudError,
    ConversionError,
    ImageUnreadableError,
    ImgtoolError,
    UsageError,
    VerificationError,
)
from imgtool.model.delivery import UploadFailure
from imgtool.model.result import ImageResult
from imgtool.report import as_json
from imgtool.report.as_text import result as as_text

_KINDS: dict[str, type[ImgtoolError]] = {
    kind.code: kind
    for kind in (CloudError, VerificationError, ImageUnreadableError, ConversionError, UsageError)
}


def failed(result: ImageResult) -> ImgtoolError | None:
    """The first failure as an error, which says of how many clouds; None where there is none."""
    failures = [one for one in result.uploads if isinstance(one, UploadFailure)]
    if not failures:
        return None
    first = failures[0]
    if len(result.uploads) == 1:
        return _kind(first)(first.message, hint=first.hint)
    count = f"{len(failures)} of {len(result.uploads)} clouds did not get the image"
    return _kind(first)(f"{count}: {_with_cloud(first)}", hint=first.hint)


def leave(result: ImageResult, output: str, document: Callable[[ImageResult], as_json.Object]) -> int:
    """Show the result; the exit status.

    Where none of several clouds, or not all, got the image, the result is shown all the same, and the error
    after it: on stderr, and in JSON as the result's key `error`. Raises the error of an only cloud.
    """
    error = failed(result)
    if error is not None and len(result.uploads) == 1:
        raise error
    if output == "json":
        console.show(as_json.to_text({**document(result), **(as_json.error(error) if error else {})}))
    else:
        console.show(as_text.prepared(result, console.paint))
    return console.show_error(error, json_output=False) if error else EXIT_OK


def _with_cloud(failure: UploadFailure) -> str:
    """Return its message, which often begins with the cloud's name already."""
    cloud, message = failure.plan.cloud, failure.message
    return message if not cloud or message.startswith(cloud) else f"{cloud}: {message}"


def _kind(failure: UploadFailure) -> type[ImgtoolError]:
    """Name it by its code; where that and the exit status do not agree, by the status."""
    kind = _KINDS.get(failure.code, CloudError)
    if kind.exit_status == failure.exit_status:
        return kind
    return next((one for one in _KINDS.values() if one.exit_status == failure.exit_status), CloudError)
