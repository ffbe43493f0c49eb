"""Keystone and Glance: an image delivered as it was meant, or nothing.

properties.py  what an inspection says -> image properties, each with its reason (pure)
plan.py        an image and what is wanted -> UploadPlan (pure)
upload.py      the story of one upload: record, bytes, active, verified; or deleted again
images.py      Glance's requests, one typed function each
body.py        the bytes on their way: counted and hashed, sent once
verify.py      what Glance has against what was sent
cloud.py       the authenticated session; openstacksdk is imported here, when it is needed
failures.py    what openstacksdk raises -> CloudError, without secrets
answer.py      what a server says, fit to be shown
"""

from imgtool.glance.cloud import Cloud, connect
from imgtool.glance.plan import plan_upload
from imgtool.glance.properties import derive
from imgtool.glance.upload import execute

__all__ = ["Cloud", "connect", "derive", "execute", "plan_upload"]
