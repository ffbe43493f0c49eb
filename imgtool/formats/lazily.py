"""Modules that are loaded when they are first used; for libraries that load more than is needed."""

import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any


def load_lazily(name: str) -> None:
    """Make later imports of `name`, a module in a package, run it only when something in it is used."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    package, _, attribute = name.rpartition(".")
    setattr(sys.modules[package], attribute, module)  # `from package import attribute` then leaves it alone
    spec.loader.exec_module(module)


def load_if_needed(name: str, known: Mapping[str, object]) -> None:
    """Make later imports of `name` give a module that has what is `known`, and is loaded for all else.

    For a module of which no more than that is used as a rule, by what runs when its importer is loaded.
    """
    if name not in sys.modules:
        sys.modules[name] = _Deferred(name, known)


class _Deferred(ModuleType):
    """Stands for a module; what it does not know it asks of the real one, which is loaded then."""

    def __init__(self, name: str, known: Mapping[str, object]) -> None:
        super().__init__(name)
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks whether it is a package
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)
