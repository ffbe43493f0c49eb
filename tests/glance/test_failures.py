from pathlib import Path

import pytest

from imgtool.errors import CloudError
from imgtool.glance import connect
from imgtool.glance.failures import in_words


@pytest.mark.parametrize(
    ("variables", "name"),
    [({}, "token"), ({"OS_AUTH_TYPE": "token"}, "user_domain_id")],
    ids=["by password", "by token"],
)
def test_a_token_beside_a_users_domain(
    variables: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {
        "OS_AUTH_URL": "http://127.0.0.1:9/v3", "OS_TOKEN": "hunter2-token", "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_NAME": "p", "OS_CLIENT_CONFIG_FILE": str(tmp_path / "none.yaml"), **variables,
    }  # fmt: skip
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(CloudError, match=f"signing in this way takes no {name}") as caught:
        connect(None)
    assert f"OS_{name.upper()}" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_words_without_secrets() -> None:
    shown = in_words("no answer from http://joe:hunter2@host/v3\n with X-Auth-Token: hunter2")
    assert shown == "no answer from http://host/v3 with X-Auth-Token: ***"
