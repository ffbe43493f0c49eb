"""Modules that are loaded when they are first used; for libraries that load more than is needed."""

import importlib.util
import sys


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
