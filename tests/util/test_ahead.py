"""Modules that are loaded by a thread."""

import sys
import threading
from pathlib import Path

import pytest

from imgtool.util import ahead


def joined() -> None:
    for thread in threading.enumerate():
        if thread.name == "imgtool-ahead":
            thread.join(10)


def test_what_cannot_be_loaded_keeps_nothing_else_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "ahead_broken.py").write_text("raise OSError('no')")
    (tmp_path / "ahead_sound.py").write_text("")
    try:
        ahead.load(["ahead_missing", "ahead_broken", "ahead_sound"])
        joined()
        assert "ahead_sound" in sys.modules
        with pytest.raises(OSError, match="no"):  # its importer hears of it
            __import__("ahead_broken")
    finally:
        sys.modules.pop("ahead_sound", None)
