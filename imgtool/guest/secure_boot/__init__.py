"""Whether Secure Boot lets the disk start: who signed each program of the boot, and who verifies it.

chain.py         firmware, shim, boot loader, kernel: each verified by the one before
authenticode.py  a PE file's signatures, and the hash that they sign
pkcs7.py         one signature: whether it is true, and which certificates lead up from it
authorities.py   the certificates that firmware has
lists.py         lists of certificates and hashes: shim's own, and the image's update of dbx
sbat.py          generations of components, and which of them shim takes no longer
"""
