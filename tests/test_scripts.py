"""The scripts: what they promise to those who run them."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from debian_image import cache
from debian_image.cli import TOOLS, TOOLS_FOR

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
NOT_ROOT = ["unshare", "--user"]  # no id is mapped there: whoever calls has an effective id of 65534


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = ("PYTEST_", "IMGTOOL_TEST_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    everything = kept | environment
    return subprocess.run(command, capture_output=True, text=True, env=everything, cwd=ROOT, check=False)


def listed_packages() -> set[str]:
    lines = (SCRIPTS / "debian-packages").read_text().splitlines()
    return {line.split()[1] for line in lines if line and not line.startswith("#")}


# ---------------------------------------------------------------- setup


def test_setup_is_quick_where_all_is_there():
    run(SCRIPTS / "setup")
    start = time.monotonic()
    done = run(SCRIPTS / "setup")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 2
    assert "ready" in done.stderr


def test_setup_tells_those_who_are_not_root_what_to_run(tmp_path: Path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPTS / "setup", tmp_path / "scripts")
    (tmp_path / "scripts/debian-packages").write_text("image  no-such-package  # none\nruntime  tar\n")
    done = run(*NOT_ROOT, tmp_path / "scripts/setup", "--image")
    assert done.returncode == 4
    assert "run: sudo apt-get install --yes --no-install-recommends no-such-package\n" in done.stderr


def test_setup_refuses_an_option_that_it_does_not_know():
    assert run(SCRIPTS / "setup", "--everything").returncode == 2


@pytest.mark.parametrize("tool", sorted({*TOOLS, *(tool for tools in TOOLS_FOR.values() for tool in tools)}))
def test_a_listed_package_has_each_tool_of_build_image(tool: str):
    """dpkg knows a program by the place it had before /bin and /usr/bin became one."""
    owners = run("dpkg-query", "--search", f"*bin/{tool}").stdout.splitlines()
    essential = run("dpkg-query", "--show", "--showformat=${Essential} ${Package}\n").stdout
    packages = {line.split(":")[0] for line in owners if line.endswith(f"/{tool}")}
    assert packages & (
        listed_packages() | {line.split()[1] for line in essential.splitlines() if line[:3] == "yes"}
    )


# ---------------------------------------------------------------- build-image


def test_build_image_explains_itself():
    assert "--fault" in run(SCRIPTS / "build-image", "--help").stdout


@pytest.mark.parametrize(
    "options", [["--suite=nonsense"], ["--generator=dracut", "--fault=initramfs-without-virtio"], ["extra"]]
)
def test_build_image_refuses_what_makes_no_sense(options: list[str]):
    assert run(SCRIPTS / "build-image", *options).returncode == 2


def test_build_image_needs_root_for_loop_devices(tmp_path: Path):
    done = run(*NOT_ROOT, SCRIPTS / "build-image", "--root=btrfs", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 4
    assert "run this as root" in done.stderr


def test_build_image_leaves_nothing_when_mmdebstrap_fails(tmp_path: Path):
    done = run(SCRIPTS / "build-image", "--mirror=file:///nonexistent", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 4
    assert "mmdebstrap" in done.stderr
    assert {path.suffix for path in (tmp_path / "imgtool/images").iterdir()} <= {".lock"}


def test_only_the_first_of_two_makes_what_both_want(tmp_path: Path):
    target, made = tmp_path / "target", []

    def make(text: str) -> None:
        with cache.made_once(target) as fresh:
            if fresh:
                time.sleep(0.1)
                fresh.write_text(text)
                made.append(text)

    with ThreadPoolExecutor() as pool:
        list(pool.map(make, "abcd"))
    assert [target.read_text()] == made


def test_what_fails_half_way_is_not_there(tmp_path: Path):
    target = tmp_path / "target"
    with pytest.raises(OSError, match="full"), cache.made_once(target) as fresh:
        fresh.write_text("half")
        raise OSError("full")
    assert {path.name for path in tmp_path.iterdir()} == {"target.lock"}


# ---------------------------------------------------------------- test


def test_test_passes_arguments_on_and_ends_as_pytest_does():
    done = run(SCRIPTS / "test", "tests/util/test_text.py", "-k", "no_such_test", "--numprocesses=0")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout + done.stderr
    assert "deselected in " in done.stdout.splitlines()[-1]


def pytest_on(source: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest with the plugin on a test module of that source, as scripts/test does."""
    module = tmp_path / "test_it.py"
    module.write_text(source)
    as_owner = ["sh", "-c", 'IMGTOOL_TEST_OWNER=$$; export IMGTOOL_TEST_OWNER; exec "$@"', "sh"]
    plugins = ["-p", "support.tidiness", "-p", "no:cacheprovider", "--numprocesses=1"]
    options = [*plugins, f"--rootdir={tmp_path}", "-c", os.devnull]
    command = [*as_owner, sys.executable, "-m", "pytest", *options, module]
    return run(*command, PYTHONPATH=str(ROOT / "tests"), **environment)


def test_a_skipped_test_fails_in_ci(tmp_path: Path):
    source = "import pytest\ndef test_it(): pytest.skip('no such tool')\n"
    assert "1 skipped" in pytest_on(source, tmp_path, CI="").stdout
    done = pytest_on(source, tmp_path, CI="true")
    assert done.returncode == 1
    assert "1 failed" in done.stdout.splitlines()[-1]
    assert "no such tool" in done.stdout


def test_a_module_that_skips_itself_fails_in_ci(tmp_path: Path):
    done = pytest_on("import pytest\npytest.importorskip('no_such_module')\n", tmp_path, CI="true")
    assert done.returncode not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert "1 error" in done.stdout.splitlines()[-1]


def marked(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """The TMPDIR of a run as scripts/test would make it, and the environment that says so."""
    own = tmp_path / "own"
    own.mkdir()
    return own, {"TMPDIR": str(own), "IMGTOOL_TEST_RUN": str(own)}


def test_a_file_left_behind_fails_the_run(tmp_path: Path):
    own, environment = marked(tmp_path)
    source = "import tempfile\ndef test_it(): tempfile.mkstemp(prefix='imgtool-left-')\n"
    done = pytest_on(source, tmp_path, **environment)
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout.splitlines()[-1]
    assert f"file {own}/imgtool-left-" in done.stdout
    assert not own.exists()


def test_a_process_left_behind_fails_the_run(tmp_path: Path):
    source = "import subprocess\ndef test_it(): subprocess.Popen(['sleep', '20'], start_new_session=True)\n"
    done = pytest_on(source, tmp_path, **marked(tmp_path)[1])
    assert done.returncode == 1
    assert "sleep 20" in done.stdout


def test_a_tidy_run_passes(tmp_path: Path):
    own, environment = marked(tmp_path)
    source = "def test_it(tmp_path): (tmp_path / 'imgtool-kept').touch()\n"
    done = pytest_on(source, tmp_path, **environment)
    assert done.returncode == 0, done.stdout
    assert not own.exists()
