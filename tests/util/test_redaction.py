import json
import re
import time
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imgtool.util.redaction import MASK, names_secret, redact, secrets_of, without_credentials

S = "hunter2-Zq9"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n{}\n-----END RSA PRIVATE KEY-----"

ANY_NAME = [
    "password", "OS_PASSWORD", "passwd", "db_passwd_2", "passphrase", "passcode", "api_key", "apikey",
    "api-key", "secret", "client_secret", "token", "X-Auth-Token", "X-Subject-Token", "access_key",
    "private_key", "adminPass", "application_credential_secret", "authorization", "Cookie",
]  # fmt: skip

TO_THE_END = [
    "{name}: {secret}", "  {name}: {secret}\nuser: joe", "{name} = {secret}\n[x]",
    "{name}:\n  {secret}\nuser: x", "{name}: |\n  {secret}\n  {secret}\nuser: x", "{name}: >-\n    {secret}",
    "'{name}={secret}'", "> {name}: {secret}",
]  # fmt: skip
"""Forms in which a secret may have blanks."""
WITHOUT_BLANKS = [
    "{name}={secret}", "x={name}=>{secret}", "a {name}={secret} b", "?{name}={secret}",
    "--os-{name} {secret}",
    "{name}%3D{secret}", "%22{name}%22%3A%22{secret}", "://joe:{secret}@host/path", "https://{secret}@host/",
    "http%3A%2F%2Fjoe%3A{secret}%40host",
]  # fmt: skip


def quoted(text: str) -> list[str]:
    """As Python, JSON and YAML write it between quotes."""
    return [repr(text), json.dumps(text), json.dumps(text, ensure_ascii=False), f'"""{text}"""']


IN_QUOTES = [
    "{name}={value}", "'{name}': {value}, 'user': 'joe'", '{{"{name}": {value}}}', "b'{name}': b{value}",
    "('{name}', {value})", "['--os-{name}', {value}]", "{name} => {value}", "x['{name}'] = {value}",
    '"{name}":\n    {value}', "{name}: {value}",
]  # fmt: skip

QUOTES = "'\""
"""Where a secret that is not in quotes begins with one nobody can say where it ends."""

secrets = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).map(lambda text: f"{text}{S}")
plain = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(
    lambda text: f"{text}{S}"
)


@given(st.sampled_from(ANY_NAME), st.sampled_from(TO_THE_END), secrets)
def test_no_secret_survives_to_the_end_of_its_line(name: str, form: str, secret: str) -> None:
    secret = " ".join(secret.replace("'", "").split())
    assume(secret.isprintable() and secret[0] not in QUOTES)
    assert S not in redact(form.format(name=name, secret=secret))


@given(st.sampled_from(ANY_NAME), st.sampled_from(WITHOUT_BLANKS), plain)
def test_no_secret_survives_as_a_word(name: str, form: str, secret: str) -> None:
    assume(secret[0] not in QUOTES)
    if "@" in form:
        secret = quote(secret, safe="@") if "joe" in form else quote(secret, safe="")
    assert S not in redact(form.format(name=name, secret=secret))


@given(st.sampled_from(ANY_NAME), st.sampled_from(IN_QUOTES), secrets, st.integers(0, 3), st.booleans())
def test_no_secret_survives_in_quotes(name: str, form: str, secret: str, kind: int, nested: bool) -> None:
    secret = secret.replace('"""', "")
    text = form.format(name=name, value=quoted(secret)[kind])
    assert S not in redact(json.dumps(text) if nested else text)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {S}",
        f"Authorization=Basic {S}",
        f"{{'Authorization': 'Basic {S}', 'Accept': '*/*'}}",
        f"curl -H 'X-Auth-Token: {S}' http://x",
        f'"{{\\"password\\": \\"{S}\\"}}"',
        f"<adminPass>x</adminPass><password>{S}</password>",
        PEM.format(S),
        repr(PEM.format(S)),
        quote(PEM.format(S)),
        PEM.format(S)[:60],
        f"gAAAAABm{S.replace('-', '_')}aaaaaaaaaaaaaaaaaaaaaaa",
        f"eyJhbGciOiJI.eyJ1c2Vy{S}.x",
        f"password = {S} and blanks {S}",
        f"'--property', 'admin_password=a b {S}', 'x'",
    ],
)
def test_other_forms(text: str) -> None:
    assert S not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"password": "x", "user": "joe"}', '{"password": ***, "user": "joe"}'),
        ("password=x user=joe", "password=*** user=joe"),
        ("https://joe:x@host/v3 is down", "https://***host/v3 is down"),
        ("password: ***\nuser: joe", "password: ***\nuser: joe"),
    ],
)
def test_what_stands_around_it_stays(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(st.text(st.sampled_from("abcdefghij ,.;:=/'\"()[]{}\\\n-0123456789äß漢")))
def test_ordinary_text_survives(text: str) -> None:
    """None of the names can be spelt with these letters, and no URL has a user."""
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9292/v2/images: Connection refused",
        "http://127.0.0.1:5000/v3/auth/tokens: Connection refused",
        "no secrets were found; the tokens of a policy are its words",
        '  File "/usr/lib/python3/x.py", line 3, in y\n    raise ZeroDivisionError("a bug")',
        "Basic functionality, Bearer of news: joe@example.org",
        "2.7 GiB written to /tmp/x.qcow2, key=value; keyboard: us",
    ],
)
def test_ordinary_sentences_survive(text: str) -> None:
    assert redact(text) == text


@given(secrets, st.integers(0, 4))
def test_a_known_value_is_masked_wherever_it_stands(secret: str, form: int) -> None:
    forms = [secret, repr(secret), json.dumps(secret), quote(secret), json.dumps({"a": repr(secret)})]
    shown = redact(f"they say {forms[form]}, plainly", [secret])
    assert re.sub(r"\W", "", S) not in re.sub(r"\W", "", shown)


def test_a_short_value_is_masked_as_a_word_only() -> None:
    assert redact("cat a hat (a)", ["a"]) == "cat *** hat (***)"


def test_each_line_of_a_known_value() -> None:
    assert redact("line two here", ["line one\nline two\n"]) == "*** here"


def test_which_variables_hold_secrets() -> None:
    found = {"OS_PASSWORD": "a", "OS_TOKEN": "b", "OS_APPLICATION_CREDENTIAL_SECRET": "c", "OS_PASSCODE": "",
             "OS_AUTH_URL": "d", "OS_USERNAME": "e", "PASSWORD": "f"}  # fmt: skip
    assert set(secrets_of(found)) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("admin_password", True), ("api-key", True), ("img_signature", False), ("name", False)],
)
def test_names_of_secrets(name: str, expected: bool) -> None:
    assert names_secret(name) is expected


def test_a_url_without_its_credentials() -> None:
    assert (
        without_credentials("at http://joe:p@ss@host:80/x and ftp://t@h") == "at http://host:80/x and ftp://h"
    )


@pytest.mark.parametrize(
    "text",
    ["password" * 3_000, "'" * 50_000, "password='" + "\\" * 50_000, "://" * 3_000, "a" * 100_000 + "=",
     "<password " * 5_000, "password: |\n" * 5_000, "token=" + " " * 50_000, "'token" * 30_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_it_takes_linear_time(text: str) -> None:
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 3
