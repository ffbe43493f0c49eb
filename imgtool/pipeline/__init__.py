"""One image, from what the operator named to its result.

request.py       PrepareRequest: what the operator asked for
route.py         how the image gets to Glance, decided once: as it is, streamed, or converted first
guest_reader.py  reads a guest in the sandbox
inspect.py       what the image is, and what is inside
judge.py         the verdict, with a boot where one is asked for; a refusal is a finding
prepare.py       inspect, check, convert, upload, verify; and the upload of an image as it is
failures.py      what several clouds failed with, as one error
"""
