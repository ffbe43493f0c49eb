"""In processes of their own: what this one has loaded is not loaded once more."""

import subprocess
import sys


def _answer(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LUKS = """
import sys
from imgtool.formats import inspector
content = b"LUKS\\xba\\xbe\\0" + bytes([{version}]) + b"aes".ljust(32, b"\\0") + bytes(1 << 20)
verdict = inspector.detect(lambda offset, length: content[offset : offset + length], len(content))
try:
    inspector.check_safety(verdict)
    print(verdict.format, "safe", end=" ")
except Exception as error:
    print(verdict.format, error, end=" ")
print([name for name in ("cryptography", "_hashlib", "oslo_utils.strutils") if name in sys.modules])
"""


def test_a_luks_volume_is_told_without_what_could_decrypt_it():
    assert _answer(LUKS.format(version=1)) == "luks safe ['oslo_utils.strutils']"
    said = "OpenStack refuses it: LUKS version 2 is not supported"
    assert _answer(LUKS.format(version=2)) == f"luks {said} ['oslo_utils.strutils']"


DEFERRED = """
import sys
from imgtool.formats.lazily import load_if_needed
load_if_needed("email.quoprimime", {"known": 1})
from email import quoprimime as module
def loaded(): return "re" in vars(sys.modules["email.quoprimime"])
print(module.known, hasattr(module, "__path__"), loaded(), end=" ")
print(module.body_encode is sys.modules["email.quoprimime"].body_encode, module.known, end=" ")
print(loaded(), hasattr(module, "nothing"))
"""


def test_what_is_asked_of_a_module_that_is_not_loaded_loads_it():
    assert _answer(DEFERRED) == "1 False False True 1 True False"


LOADED = """
import sys, email.quoprimime
from imgtool.formats.lazily import load_if_needed
load_if_needed("email.quoprimime", {})
print("re" in vars(sys.modules["email.quoprimime"]))
"""


def test_a_module_that_is_loaded_stays():
    assert _answer(LOADED) == "True"
