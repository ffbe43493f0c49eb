"""What became of one input: its outcome, or a find."""

import re
import traceback
from pathlib import Path

from fuzz import limits
from fuzz.model import Case, Find, Seed, Target
from fuzz.mutant import Mutant
from imgtool.sandbox import SandboxFailedError

_MAX_OUTCOME = 300
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_DETAIL_LINES = 40


def outcome(target: Target, seed: Seed, case: Case) -> str | Find:
    """Run the input in this process. A message's numbers and quotations do not make a new outcome."""
    try:
        with limits.cpu_limit():
            found = target.run(Mutant(seed, case.edits))
    except SandboxFailedError as error:  # expected of a gate, but then something broke in its sandbox
        return _find(target, case, "raised", error)
    except target.expected as error:
        found = f"{type(error).__name__}: {error}"
    except limits.SlowError as error:
        return _find(target, case, "slow", error)
    except AssertionError as error:
        return _find(target, case, "wrong", error)
    except BaseException as error:
        return _find(target, case, "raised", error)
    return _QUOTED.sub("'", _NUMBERS.sub("#", found))[:_MAX_OUTCOME]


def _find(target: Target, case: Case, kind: str, error: BaseException) -> Find:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/imgtool/" in frame.filename and "/fuzz/" not in frame.filename]
    frame = (ours or list(frames))[-1]
    name = type(error).__name__ if kind == "raised" else kind
    where = f"{name} in {Path(frame.filename).name}:{frame.name}"
    if kind == "wrong":
        where = f"wrong: {_NUMBERS.sub('#', str(error))[:120]}"
    lines = traceback.format_exception(error)
    return Find(target.name, case, kind, where, "".join(lines)[-_DETAIL_LINES * 100 :])
