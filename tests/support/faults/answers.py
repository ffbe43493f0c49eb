"""Errors as Keystone's middleware and Glance's WSGI layer word them, connection closed or kept."""

import json
from http import HTTPStatus

WORDS = {
    400: "Provided image data size does not match the declared one.",
    401: "The request you have made requires authentication.",
    403: "You are not authorized to complete this action.",
    404: "No image found with that ID.",
    409: "Image status transition from saving to saving is not allowed",
    410: "The image was deleted while its data were on their way.",
    413: "Image storage media is full: there is not enough disk space on the image storage media.",
    415: "Image content does not match its disk_format.",
    500: "The server has either erred or is incapable of performing the requested operation.",
    502: "The proxy server received an invalid response from an upstream server.",
    503: "Image storage service is not available: timed out.",
}
"""What must be found again in imgtool's message."""

_PAGE = """\
<html>
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
  {words}<br /><br />


 </body>
</html>"""


def answer(status: int) -> bytes:
    """The whole answer: of 401 as keystonemiddleware says it, of others as a page of webob's."""
    phrase = HTTPStatus(status).phrase
    if status == HTTPStatus.UNAUTHORIZED:
        document = {"error": {"message": WORDS[status], "code": status, "title": phrase}}
        return _whole(status, json.dumps(document), "application/json", "WWW-Authenticate: Keystone\r\n")
    page = _PAGE.format(title=f"{status} {phrase}", words=WORDS[status])
    return _whole(status, page, "text/html; charset=UTF-8")


def _whole(status: int, content: str, kind: str, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(content.encode())}\r\n{more}\r\n"
    )
    return head.encode() + content.encode()
