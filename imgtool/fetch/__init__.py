"""Files from http(s), each proven to be the one that was meant.

urls.py        which URLs are taken, and how they are shown
web.py         a URL opened by http(s) and nothing else
transfer.py    its bytes in order, continued where a connection broke
download.py    an image into a file, compared with its hashes
checksums.py   lists of hashes as publishers have them: SHA256SUMS, CHECKSUM, NAME.sha256
"""
