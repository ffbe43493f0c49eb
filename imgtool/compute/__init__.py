"""Nova: a throwaway server from an image that is in Glance, and what it proves.

boot.py      one server: started, watched, asked, deleted
servers.py   Nova's requests and answers, one typed function each
snapshot.py  a snapshot of the server, which its agent has frozen
journal.py   servers that are not deleted yet, on disk
"""
