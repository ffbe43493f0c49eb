"""Keystone and Glance: an image delivered as it was meant, or nothing.

several.py     one image into several clouds
contradictions.py  what nobody can want (pure)
plan.py        an image and what is wanted -> UploadPlan (pure)
properties.py  what an inspection says -> image properties, each with its reason (pure)
provenance.py  where an image came from, as properties (pure)
preflight.py   what a cloud would refuse, before it gets any byte
description.py what a cloud tells of itself, for `imgtool doctor`
upload.py      the story of one upload: record, bytes, active, verified, named; or deleted again
own_id.py      an id that the operator chose: whose is it?
standing.py    what the project has of that name already, and what follows
sending.py     the bytes into a record, direct or by import
body.py        the bytes on their way: counted and hashed, sent once
verify.py      what Glance has against what was sent
finish.py      the last steps, also of a run that was interrupted
journal.py     what is not finished yet, on disk
attempts.py    which whole uploads are tried again
images.py, imports.py, members.py, stores.py, record.py
               Glance's requests and answers, one typed function each
cloud.py       the authenticated session; openstacksdk is imported here, when it is needed
retry.py       which small requests are repeated
failures.py    what openstacksdk raises -> CloudError, without secrets
answer.py      what a server says, fit to be shown
"""

from imgtool.glance.cloud import SEND_SECONDS, Cloud, connect
from imgtool.glance.description import describe
from imgtool.glance.finish import recover
from imgtool.glance.journal import Journal
from imgtool.glance.plan import plan_upload
from imgtool.glance.properties import derive
from imgtool.glance.provenance import provenance, source_sha256
from imgtool.glance.several import Destination, Outcome, check_each, connect_each, upload_to_each
from imgtool.glance.upload import execute

__all__ = [
    "SEND_SECONDS", "Cloud", "Destination", "Journal", "Outcome", "check_each", "connect", "connect_each",
    "derive", "describe", "execute", "plan_upload", "provenance", "recover", "source_sha256",
    "upload_to_each",
]  # fmt: skip
