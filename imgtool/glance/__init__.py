"""Keystone and Glance: an image delivered as it was meant, or nothing.

multi_cloud.py     one image into several clouds
plan.py            an image and a request -> UploadPlan; where the image came from, as properties (pure)
properties.py      what an inspection says -> image properties, each with its reason (pure)
secure_boot.py     os_secure_boot: only where the image starts with it (pure)
scs.py             the same, by the names of the SCS Image Metadata standard (pure)
preflight.py       what a cloud would refuse, before it gets any byte
definitions.py     what a cloud's own rules say of properties: those it requires, values that it lists
describe.py        what a cloud says of itself, for `imgtool doctor`
upload.py          one upload: record, bytes, active, verified, named; or deleted again (rollback.py)
conflicts.py       what the project has of that name already, and what follows
concurrency.py     two runs that want the same name, on one machine or on two
sending.py         the bytes into a record, direct or by import
body.py            the bytes on their way: counted and hashed, sent once
web_download.py    Glance fetches a URL by itself; web_content.py: what is published of that
remembered.py      what clouds have shown of themselves, kept for the next run
suitable.py        the format that suits where an image goes (-O auto)
converted.py       what a Glance that converts imports makes of what was sent
copying.py         an image into further stores
verify.py          whether Glance's record is the image that was asked for and sent
finalize.py        the last steps, also of a run that was interrupted
retire.py          old versions of a name: decided (versions.py, pure), hidden and deleted (removal.py) where
                   nothing uses them (needs.py: Nova, Cinder, Glance); retention.py: after an upload
names.py           what an image is called before and after it has its name
upload_journal.py  what is not finished yet, on disk
attempts.py        which whole uploads are tried again; retry.py: which small requests
images.py, imports.py, stores.py, record.py
                   Glance's requests and answers, one typed function each
cloud.py           the authenticated session; openstacksdk is imported here, when it is needed
transport.py       answers within bounds of time and size
failures.py        what openstacksdk raises -> CloudError, without secrets
answer.py          what a server says, fit to be shown
preload.py         imports all that an upload needs, for a process that others are forked from
"""

from imgtool.glance.cloud import SEND_SECONDS, Cloud, connect
from imgtool.glance.copying import copy
from imgtool.glance.describe import describe
from imgtool.glance.finalize import recover
from imgtool.glance.multi_cloud import Destination, Outcome, check_each, connect_each, upload_to_each
from imgtool.glance.plan import plan_upload, provenance, source_hash
from imgtool.glance.properties import derive, given
from imgtool.glance.retire import retire
from imgtool.glance.scs import described
from imgtool.glance.upload import execute
from imgtool.glance.upload_journal import Journal
from imgtool.glance.web_content import WebContent

__all__ = [
    "SEND_SECONDS", "Cloud", "Destination", "Journal", "Outcome", "WebContent", "check_each", "connect",
    "connect_each", "copy", "derive", "describe", "described", "execute", "given", "plan_upload",
    "provenance", "recover", "retire", "source_hash", "upload_to_each",
]  # fmt: skip
