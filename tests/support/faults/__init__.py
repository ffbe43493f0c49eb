"""What may go wrong between a client and Glance, done to real requests by support.fault_proxy.

model.py     Route, Fault: which request is met, and by what; Seen: what a request was
wire.py      HTTP/1.1 on a socket, byte for byte (RFC 9112)
exchange.py  one request on its way to Glance, and its answer on the way back
answers.py   errors as Keystone's middleware and Glance word them
every.py     every fault of every request of an upload
kinds.py     one function per kind of fault
"""
