"""What an upload into one cloud or several failed with, as one error."""

from imgtool.errors import (
    CloudError,
    ConversionError,
    ImageUnreadableError,
    ImgtoolError,
    UsageError,
    VerificationError,
)
from imgtool.model.delivery import UploadFailure
from imgtool.model.result import ImageResult

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
