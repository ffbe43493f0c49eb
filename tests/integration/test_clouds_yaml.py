"""What is wrong with clouds.yaml, the OS_* variables or what they name, said by the real services."""

import os
import re
import subprocess
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openstack
import pytest
from support.cli import IMGTOOL, assert_clean_failure, imgtool
from support.cloud import Devcloud
from support.images import create

from imgtool.errors import CloudError
from imgtool.glance import Cloud, connect

WITHOUT_RIGHTS = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NO_PROJECT = "0" * 29 + "bad"


def told(error: BaseException) -> str:
    """All that a traceback of it could show."""
    hint = getattr(error, "hint", "")
    return hint + "".join(traceback.format_exception(error))


def connect_by(devcloud: Devcloud, cloud: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for variable in [variable for variable in os.environ if variable.startswith("OS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(devcloud.clouds_yaml))
    return connect(cloud)


def refused(cloud: Devcloud, monkeypatch: pytest.MonkeyPatch) -> CloudError:
    """The error that `connect` raises, which shows nothing secret."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml))
    with pytest.raises(CloudError) as caught:
        connect("devcloud")
    assert caught.value.hint
    assert "hunter2" not in told(caught.value)
    if cloud.clouds_yaml.read_text().startswith("{"):
        assert not any(secret in told(caught.value) for secret in cloud.secrets)
    return caught.value


def test_a_wrong_password(devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = devcloud.changed(
        tmp_path / "clouds.yaml", lambda cloud: cloud["auth"].update({"password": "hunter2-wrong"})
    )
    error = refused(changed, monkeypatch)
    assert "does not accept the credentials" in error.message
    assert "password" in error.hint


def test_an_unreachable_keystone(devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://user:hunter2-url@127.0.0.1:9/v3"
    changed = devcloud.changed(tmp_path / "clouds.yaml", lambda cloud: cloud["auth"].update(auth_url=url))
    error = refused(changed, monkeypatch)
    assert error.message == "devcloud: no connection: http://127.0.0.1:9: Connection refused"


def test_a_region_without_glance(devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = devcloud.changed(tmp_path / "clouds.yaml", lambda cloud: cloud.update(region_name="Mars"))
    error = refused(changed, monkeypatch)
    assert "no such image endpoint" in error.message
    assert "Mars" in error.message


def test_an_endpoint_that_is_not_glance(
    devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = devcloud.changed(
        tmp_path / "clouds.yaml",
        lambda cloud: cloud.update(image_endpoint_override=cloud["auth"]["auth_url"]),
    )
    assert "does not answer as Glance does" in refused(changed, monkeypatch).message


def test_a_project_that_does_not_exist(
    devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = devcloud.changed(
        tmp_path / "clouds.yaml", lambda cloud: cloud["auth"].update(project_name="no")
    )
    assert "does not accept the credentials" in refused(changed, monkeypatch).message


def test_credentials_without_a_project(
    devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = devcloud.changed(tmp_path / "clouds.yaml", lambda cloud: cloud["auth"].pop("project_name"))
    assert "project" in refused(changed, monkeypatch).message


def test_a_clouds_yaml_that_is_no_yaml_is_not_quoted(
    devcloud: Devcloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = tmp_path / "clouds.yaml"
    broken.write_text('clouds:\n  devcloud:\n    auth:\n      password: "hunter2\n  x: [}\n')
    error = refused(replace(devcloud, clouds_yaml=broken), monkeypatch)
    assert f"not valid YAML: {broken}, line" in error.message
    shown = capfd.readouterr()
    assert "hunter2" not in told(error) + shown.out + shown.err + caplog.text


def test_the_os_variables_do_as_well(devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = devcloud.document["clouds"]["devcloud-member"]
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    for key, value in (settings["auth"] | {"region_name": settings["region_name"]}).items():
        monkeypatch.setenv(f"OS_{key.upper()}", value)
    assert connect(None).project_id == connect_by(devcloud, "devcloud-member", monkeypatch).project_id


Change = Callable[[dict[str, Any]], object]
AUTH: dict[str, tuple[Change, str, str]] = {
    "no password": (
        lambda cloud: cloud["auth"].pop("password"),
        "credentials are not complete: password is a required attribute",
        "OS_PASSWORD",
    ),
    "https where http is spoken": (
        lambda cloud: cloud["auth"].update(auth_url=cloud["auth"]["auth_url"].replace("http:", "https:")),
        "no trusted connection: https://127.0.0.1:.*does not speak TLS",
        "http:// in place of https://",
    ),
    "a CA file that is not there": (
        lambda cloud: cloud.update(
            cacert="/none/ca.pem", auth={**cloud["auth"], "auth_url": "https://127.0.0.1:9/v3"}
        ),
        "/none/ca.pem",
        "check cacert",
    ),
    "an application credential that is not there": (
        lambda cloud: cloud.update(
            auth_type="v3applicationcredential",
            auth={
                "auth_url": cloud["auth"]["auth_url"],
                "application_credential_id": "c0ffee",
                "application_credential_secret": "hunter2-secret",
            },
        ),
        "Keystone does not know the credentials",
        "application_credential_id",
    ),
    "a path that leads nowhere": (
        lambda cloud: cloud.update(image_endpoint_override=cloud["auth"]["auth_url"] + "/image"),
        "does not answer as Glance does",
        "image endpoint",
    ),
}


@pytest.mark.parametrize("kind", AUTH)
def test_credentials_and_addresses(
    kind: str,
    devcloud: Devcloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    change, message, hint = AUTH[kind]

    def changed(cloud: dict[str, Any]) -> None:
        change(cloud)

    error = refused(devcloud.changed(tmp_path / "clouds.yaml", changed), monkeypatch)
    assert error.exit_status == 6
    assert re.search(message, error.message)
    assert hint in error.hint
    assert capfd.readouterr() == ("", "")


def test_an_application_credential_signs_in(
    devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with openstack.connect(cloud="devcloud-member") as there:
        made = there.identity.create_application_credential(there.current_user_id, name=tmp_path.parent.name)
    changed = devcloud.changed(
        tmp_path / "clouds.yaml",
        lambda cloud: cloud.update(
            auth_type="v3applicationcredential",
            auth={
                "auth_url": cloud["auth"]["auth_url"],
                "application_credential_id": made.id,
                "application_credential_secret": made.secret,
            },
        ),
    )
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(changed.clouds_yaml))
    assert connect("devcloud").project_id == made.project_id


@pytest.mark.parametrize(
    ("cloud", "hint"),
    [
        ("devclod", "did you mean devcloud? it names: devcloud, devcloud-member"),
        ("nowhere", "it names: devcloud, devcloud-member"),
    ],
)
def test_an_unknown_cloud(cloud: str, hint: str, devcloud: Devcloud) -> None:
    with pytest.raises(CloudError, match=rf"no clouds\.yaml names a cloud '{cloud}'") as caught:
        connect(cloud)
    assert caught.value.hint == hint


def test_no_cloud_is_named(devcloud: Devcloud) -> None:
    with pytest.raises(CloudError, match="no cloud is named") as caught:
        connect(None)
    assert caught.value.hint == "name one of clouds.yaml: --cloud devcloud, devcloud-member"


def test_no_configuration_at_all(devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    for cloud in (None, "devcloud"):
        with pytest.raises(CloudError) as caught:
            connect(cloud)
        assert caught.value.hint == f"OS_CLIENT_CONFIG_FILE names {tmp_path}/none.yaml, which does not exist"
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    with pytest.raises(CloudError) as caught:
        connect("devcloud")
    assert "/etc/openstack" in caught.value.hint


def test_a_folder_in_the_file_s_place(
    devcloud: Devcloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path))
    with pytest.raises(CloudError) as caught:
        connect("devcloud")
    assert caught.value.hint == f"{tmp_path} is a folder: it has to be a file"


def test_a_file_that_cannot_be_read(devcloud: Devcloud) -> None:
    """The cloud's own: its folder is nobody's but the owner's, so a user without rights sees a copy."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        image, secret = create(Path(folder) / "disk.qcow2"), Path(folder) / "secret.yaml"
        secret.write_bytes(devcloud.clouds_yaml.read_bytes())
        secret.chmod(0)
        named = ["env", f"OS_CLIENT_CONFIG_FILE={secret}", f"HOME={folder}"]
        command = [*WITHOUT_RIGHTS, *named, IMGTOOL, "upload", image, "--cloud", "devcloud"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert_clean_failure(run, 6, "no clouds.yaml names a cloud 'devcloud'", f"{secret} cannot be read")


def assert_says(run: "subprocess.CompletedProcess[str]", message: str, hint: str) -> None:
    assert run.returncode == 6, run.stderr
    *_, last, advice = run.stderr.splitlines()
    assert last.startswith("imgtool: error: ")
    assert message in last
    assert advice.startswith("imgtool: hint: ")
    assert hint in advice


def test_a_member_may_not_publish(devcloud: Devcloud, tmp_path: Path) -> None:
    image = create(tmp_path / "disk.qcow2")
    run = imgtool("upload", image, "--cloud", "devcloud-member", "--visibility", "public")
    assert_says(run, "this user may not make public images: HTTP 403", "--visibility private")


@pytest.mark.parametrize("option", ["--member", "--owner-project"])
def test_a_project_that_there_is_not(option: str, devcloud: Devcloud, tmp_path: Path) -> None:
    image = create(tmp_path / "disk.qcow2")
    run = imgtool("upload", image, "--cloud", "devcloud", option, NO_PROJECT)
    assert_says(run, f"devcloud has no project {NO_PROJECT}", f"{option} takes the id")
