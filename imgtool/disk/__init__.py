"""To open what the user named, and to look inside of it.

open_source.py opens it, past the gate, whatever it comes from: a file, or by unpacked.py what is no plain
file, a compressed one (wrapped.py) or stdin.
access.py gives any image's disk as one seekable stream (stream.py, qcow2.py); usage.py tells where its file
keeps data, for a picture; request.py asks a sandbox for a disk; consistency.py whether its tables agree.

temporary.py makes the folders for what is kept only as long as a command runs.
"""
