"""The command line: run, start, stop."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from devcloud import lifecycle, parts
from devcloud.ceph_files import CONF
from devcloud.environment import Environment, ready_environment
from devcloud.errors import DevcloudError
from devcloud.nova_environment import ready_nova

CHECKOUT = Path(__file__).resolve().parents[3]
EXIT_OWN_FAILURE = 125
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127
EXIT_SIGNAL_BASE = 128
DEFAULT_SIZE_CAP_BYTES = 1 << 40

DESCRIPTION = """\
A real Keystone and a real Glance on loopback, in a temporary folder: for tests, and for trying things out.

Its clouds.yaml has two clouds: `devcloud`, an administrator, and `devcloud-member`, an ordinary member of
another project. Glance has two stores, fast and slow. Passwords and ports are random.

The first use installs Keystone and Glance below ${XDG_CACHE_HOME:-~/.cache}/imgtool, in about half a minute.
"""

EPILOG = f"""\
{parts.HELP}
examples:
  devcloud run -- imgtool upload debian.qcow2 --cloud devcloud
  devcloud run --with conversion -- imgtool prepare debian.qcow2 --cloud devcloud --method import
  devcloud run --with nova -- openstack server create --image debian --flavor m1.tiny --wait one
  devcloud start && export OS_CLIENT_CONFIG_FILE=...    (start prints the line)

exit status: that of COMMAND (128+N if signal N ended it); 125 if the cloud itself failed.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line asks; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _require_store(parser, options)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)
    try:
        status: int = options.action(options)
    except DevcloudError as error:
        print(f"devcloud: {error}", file=sys.stderr)
        return EXIT_OWN_FAILURE
    except KeyboardInterrupt:
        return EXIT_SIGNAL_BASE + signal.SIGINT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "devcloud", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(required=True, metavar="{run,start,stop}")
    run = actions.add_parser("run", help="start a cloud, run COMMAND with it, stop it")
    run.add_argument("--keep", action="store_true", help="leave the cloud's folder (logs, images) for a look")
    run.add_argument("command", metavar="COMMAND", nargs="+", help="what to run, after --")
    start = actions.add_parser("start", help="start a cloud and leave it running")
    start.add_argument("--owner", type=int, metavar="PID", help="stop it when this process has ended")
    stop = actions.add_parser("stop", help="stop it and remove its folder")
    for action in (start, stop):
        where = lifecycle.default_folder()
        action.add_argument("--dir", type=Path, default=where, help="default: %(default)s")
    for action in (run, start):
        action.add_argument(
            "--image-size-cap", type=int, metavar="BYTES", default=DEFAULT_SIZE_CAP_BYTES,
            help="the largest image that Glance takes (default: %(default)s)",
        )  # fmt: skip
        action.add_argument(
            "--limits", action="store_true", help="let Glance ask Keystone for limits of its projects"
        )
        action.add_argument(
            "--default-store", metavar="NAME", default=parts.STORES[0],
            help="where Glance keeps an image for which no store is named (default: %(default)s)",
        )  # fmt: skip
        action.add_argument(
            "--with", dest="parts", metavar="NAME[,NAME]", type=_parts, default=frozenset(),
            help="switch on parts of a cloud that are listed below",
        )  # fmt: skip
    run.set_defaults(action=_run)
    start.set_defaults(action=_start)
    stop.set_defaults(action=_stop)
    return parser


def _require_store(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    wanted, there = getattr(options, "default_store", None), parts.stores(getattr(options, "parts", ()))
    if wanted is not None and wanted not in there:
        parser.error(f"no store is called {wanted}: there are {', '.join(there)}")


def _parts(text: str) -> frozenset[str]:
    try:
        return parts.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(options: argparse.Namespace) -> int:
    environment = ready_environment(_say)
    nova = _ready_nova(environment, options)
    folder = Path(tempfile.mkdtemp(prefix="imgtool-devcloud-"))
    try:
        lifecycle.start(
            folder,
            environment,
            image_size_cap=options.image_size_cap,
            limits=options.limits,
            parts=options.parts,
            nova=nova,
            default_store=options.default_store,
            owner=os.getpid(),
            keep=options.keep,
        )
        return _run_command(options.command, folder)
    finally:
        lifecycle.stop(folder)
        if options.keep:
            _say(f"kept: {folder}")
        elif folder.exists():
            lifecycle.remove_remains(folder)


def _ready_nova(environment: Environment, options: argparse.Namespace) -> Path | None:
    """The cached folder of Nova, if the cloud is to have one."""
    return ready_nova(environment, _say).folder if parts.NOVA in options.parts else None


def _run_command(command: list[str], folder: Path) -> int:
    """Runs COMMAND in this terminal. What ends this process is passed on to COMMAND first."""
    try:
        process = subprocess.Popen(command, env=_environment(folder))
    except FileNotFoundError:
        _say(f"{command[0]}: no such command")
        return EXIT_NOT_FOUND
    except OSError as error:
        _say(f"{command[0]}: {error.strerror}")
        return EXIT_NOT_EXECUTABLE
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches COMMAND by itself; the cloud ends after it
    status = process.wait()
    return status if status >= 0 else EXIT_SIGNAL_BASE - status


def _start(options: argparse.Namespace) -> int:
    environment = ready_environment(_say)
    nova = _ready_nova(environment, options)
    folder = options.dir.absolute()
    lifecycle.prepare_folder(folder)
    lifecycle.start(
        folder,
        environment,
        image_size_cap=options.image_size_cap,
        limits=options.limits,
        parts=options.parts,
        nova=nova,
        default_store=options.default_store,
        owner=options.owner,
    )
    exports = "".join(f"  export {name}={value}\n" for name, value in _way_to_it(folder).items())
    print(
        f"Keystone and Glance answer{_named(options.parts)}. Use them in this shell:\n"
        f"{exports}"
        f"  imgtool upload IMAGE --cloud devcloud            (administrator)\n"
        f"  imgtool upload IMAGE --cloud devcloud-member     (ordinary member)\n"
        f"Stop them:\n"
        f"  {CHECKOUT / 'scripts/devcloud'} stop --dir {folder}"
    )
    return 0


def _named(switched_on: frozenset[str]) -> str:
    return f", with {', '.join(sorted(switched_on))}" if switched_on else ""


def _stop(options: argparse.Namespace) -> int:
    folder = options.dir.absolute()
    if not lifecycle.stop(folder):
        raise DevcloudError(f"no cloud in {folder}")
    lifecycle.remove_remains(folder)
    return 0


def _environment(folder: Path) -> dict[str, str]:
    """The caller's environment without its OS_*: COMMAND must not reach a cloud in earnest by mistake.

    The imgtool of the checkout is found where no other is.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    path = os.pathsep.join((kept.get("PATH") or os.defpath, str(CHECKOUT / ".venv/bin")))
    return kept | {"PATH": path} | _way_to_it(folder)


def _way_to_it(folder: Path) -> dict[str, str]:
    """The variables that clients find the cloud by, and `rbd` and `ceph` its cluster, if it has one."""
    cluster = folder / "ceph" / CONF
    ceph = {"CEPH_CONF": str(cluster)} if cluster.exists() else {}
    return {"OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml"), **ceph}


def _exit_on_signal(number: int, _frame: object) -> NoReturn:
    sys.exit(EXIT_SIGNAL_BASE + number)


def _say(words: str) -> None:
    print(f"devcloud: {words}", file=sys.stderr, flush=True)
