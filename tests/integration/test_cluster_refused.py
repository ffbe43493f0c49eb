"""Clusters and workers that a batch does not use, and what it says of them; and TLS, which it does use."""

import datetime
import ipaddress
import json
import signal
import socket
from pathlib import Path

import pytest
from cluster_demo.processes import Cluster
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.cli import assert_clean_failure, imgtool
from support.clusters import Start, workers_of
from support.images import create

from imgtool.batch import dask_checks, dask_client, task_runner
from imgtool.errors import ToolFailedError

OTHER_VERSION = "import imgtool\nimgtool.__version__ = '0.0.9'\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two images to convert."""
    for name in ("a", "b"):
        create(tmp_path / f"{name}.raw", "raw", "2M")
    (tmp_path / "out").mkdir()
    path = tmp_path / "m.yaml"
    path.write_text(json.dumps({"defaults": {"clouds": [], "output": "out/"}, "images": ["*.raw"]}))
    return path


def made(manifest: Path) -> list[str]:
    return sorted(path.name for path in manifest.parent.joinpath("out").iterdir())


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:8786", "192.0.2.1:8786", "ws://127.0.0.1:1"])
def test_an_open_network_is_refused_before_anything_is_sent(address: str, manifest: Path) -> None:
    done = imgtool("batch", manifest, "--scheduler", address)
    assert_clean_failure(done, 2, "must use TLS or be on this machine", "--protocol tls")
    assert made(manifest) == []


def test_jobs_are_not_for_a_cluster(manifest: Path) -> None:
    done = imgtool("batch", manifest, "--scheduler", "127.0.0.1:1", "--jobs", "2")
    assert_clean_failure(done, 2, "--jobs cannot be used with --scheduler")


def test_where_nobody_listens_it_says_so(manifest: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = imgtool("batch", manifest, "--scheduler", f"127.0.0.1:{port}")
    assert_clean_failure(done, 4, f"127.0.0.1:{port}: no scheduler answers", "is it running")
    assert made(manifest) == []


def test_one_that_listens_and_never_answers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_client, "CONNECT_SECONDS", 1.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ToolFailedError, match="no scheduler"),
    ):
        connect(f"tcp://127.0.0.1:{silent.getsockname()[1]}", tmp_path)


def connect(address: str, work: Path) -> dask_client.Cluster:
    return dask_client.connect(address, task_runner.Settings(work, 1 << 32), lambda _task, _event: None)


def test_without_a_worker_or_without_a_disk_nothing_is_begun(manifest: Path, start_cluster: Start) -> None:
    started = start_cluster()
    done = imgtool("batch", manifest, "--scheduler", started.address)
    assert_clean_failure(
        done, 4, "the scheduler has no workers", f"dask worker {started.address} --resources disk=1"
    )
    started.add_worker("bare", resources="")
    started.wait_for()
    done = imgtool("batch", manifest, "--scheduler", started.address)
    assert_clean_failure(done, 4, "no worker has the resource `disk`", "--resources disk=1")
    assert made(manifest) == []


def test_workers_without_a_disk_get_nothing_and_the_others_one_at_a_time(
    manifest: Path, start_cluster: Start
) -> None:
    started = start_cluster()
    started.add_worker("bare", resources="")
    started.add_worker("w1")
    started.wait_for()
    done = imgtool("batch", manifest, "--scheduler", started.address)
    assert done.returncode == 0, done.stderr
    assert "2 images, 1 at a time" in done.stderr
    assert set(workers_of(manifest.with_name("m.yaml.journal")).values()) == {"w1"}


def test_a_worker_with_another_imgtool_is_named(manifest: Path, start_cluster: Start, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(OTHER_VERSION)
    started = start_cluster()
    started.add_worker("w1")
    started.add_worker("old", "--preload", str(tmp_path / "other.py"))
    started.wait_for()
    done = imgtool("batch", manifest, "--scheduler", started.address)
    assert_clean_failure(done, 4, "worker old: it has imgtool 0.0.9, and not ", "the same imgtool")
    assert "worker w1" not in done.stderr
    assert made(manifest) == []


def test_a_worker_that_hangs_is_not_waited_for(
    start_cluster: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_checks, "ANSWER_SECONDS", 2.0)
    started = start_cluster()
    worker = started.add_worker("w1")
    started.wait_for()
    worker.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ToolFailedError, match="did not all answer within 2 seconds"):
            connect(started.address, tmp_path)
    finally:
        worker.send_signal(signal.SIGCONT)


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem, which is its own authority, and key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "imgtool tests")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - day, now + day
    )
    authority = x509.BasicConstraints(ca=True, path_length=None)
    signed = builder.add_extension(names, critical=False).add_extension(authority, critical=True)
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(signed.sign(key, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder


@pytest.fixture
def encrypted(certificate: Path, start_cluster: Start) -> tuple[Cluster, dict[str, str]]:
    """A cluster by TLS with one worker, and the environment that a client of it needs."""
    files = {"ca-file": "cert.pem", "cert": "cert.pem", "key": "key.pem"}
    options = [text for key, name in files.items() for text in (f"--tls-{key}", str(certificate / name))]
    started = start_cluster(*options)
    started.add_worker("w1")
    started.wait_for()
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    cert, key = str(certificate / "cert.pem"), str(certificate / "key.pem")
    return (
        started,
        {f"{prefix}CA_FILE": cert, f"{prefix}CLIENT__CERT": cert, f"{prefix}CLIENT__KEY": key},
    )


def test_tls_is_used_with_the_certificates_of_dasks_configuration(
    encrypted: tuple[Cluster, dict[str, str]], manifest: Path
) -> None:
    started, environment = encrypted
    assert started.address.startswith("tls://")
    without = imgtool("batch", manifest, "--scheduler", started.address)
    assert_clean_failure(without, 4, "no scheduler answers", "certificates")
    done = imgtool("batch", manifest, "--scheduler", started.address, env=environment)
    assert done.returncode == 0, done.stderr
    assert made(manifest) == ["a.qcow2", "b.qcow2"]
