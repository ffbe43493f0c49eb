"""The bytes of a disk, whatever file they are kept in.

To convert: base.py is the architecture, two small tables of operations. engine.py carries pieces of a disk
from one of sources/ to one of sinks/; clone.py shares blocks instead; native.py chooses these for a plan.
incoming.py opens what the user named, output.py makes files that appear only when they are complete.

To send: payload.py gives the bytes of an image, as its file is or in another format that is made while the
disk is read, in order (ordered.py), with no file in between; payloads/ are the kinds.

To look inside: access.py gives any image's disk as one seekable stream; usage.py tells where its file keeps
data, for a picture; consistency.py whether its tables agree, sound.py whether its clusters can be inflated.

temporary.py makes the folders for what is kept only as long as a command runs.
"""
