"""Ways to write a unit, and what a running systemd 252 makes of each: its load state, or `runs`."""

TEXT = (
    "[Unit]\nDefaultDependencies=no\n"
    "[Service]\nType=oneshot\nRemainAfterExit=yes\nEnvironment=A=b\nExecStart=/bin/true\n"
)
FAILS = "ExecStartPre=/bin/false\n"
FORMS: dict[str, tuple[bytes, str]] = {
    "carriage returns alone": (TEXT.replace("\n", "\r").encode(), "runs"),
    "carriage returns and newlines": (TEXT.replace("\n", "\r\n").encode(), "runs"),
    "continued, with carriage returns": (
        TEXT.replace("A=b", "A=b \\\nB=c").replace("\n", "\r\n").encode(),
        "runs",
    ),
    "a byte order mark": (f"\ufeff{TEXT}".encode(), "runs"),
    "UTF-16": (TEXT.encode("utf-16"), "error"),
    "Latin-1": (b"[Unit]\nDescription=caf\xe9\n" + TEXT.encode(), "error"),
    "Latin-1 in a comment": (b"# caf\xe9\n" + TEXT.encode(), "runs"),
    "NUL": (TEXT.replace("[Service]", "\0[Service]").encode(), "runs"),
    "no newline at the end": (TEXT.rstrip("\n").encode(), "runs"),
    "empty": (b"", "masked"),
    "a comment": (b"# nothing\n", "bad-setting"),
    "a section in small letters": (TEXT.replace("[Service]", "[service]").encode(), "bad-setting"),
    "a section with blanks": (TEXT.replace("[Service]", "[ Service ]").encode(), "bad-setting"),
    "no section": (TEXT.replace("[Service]\n", "").encode(), "bad-setting"),
    "a section without an end": (TEXT.replace("[Service]", "[Service").encode(), "error"),
    "a comment behind a section": (TEXT.replace("[Service]", "[Service] # x").encode(), "error"),
    "a key in small letters": (TEXT.replace("ExecStart", "execstart").encode(), "bad-setting"),
    "blanks around the equals sign": (TEXT.replace("ExecStart=", "ExecStart = ").encode(), "runs"),
    "a colon": (TEXT.replace("ExecStart=", "ExecStart:").encode(), "bad-setting"),
    "a section of others": (f"{TEXT}[X-Own]\n{FAILS}".encode(), "runs"),
    "of another section": (f"{TEXT}[Unit]\n{FAILS}".encode(), "runs"),
    "a comment with a semicolon": (f"{TEXT};{FAILS}".encode(), "runs"),
    "a comment is not continued": (f"{TEXT}# x \\\n{FAILS}".encode(), "fails"),
    "a blank behind the backslash": (f"{TEXT}Environment=A=b \\ \n{FAILS}".encode(), "fails"),
    "two backslashes": (f"{TEXT}Environment=A=b \\\\\n{FAILS}".encode(), "fails"),
    "continued": (f"{TEXT}Environment=A=b \\\n{FAILS}".encode(), "runs"),
    "continued over a comment": (f"{TEXT}Environment=A=b \\\n# x\n{FAILS}".encode(), "runs"),
    "continued with nothing": (f"{TEXT}Environment=A=b \\\n\n{FAILS}".encode(), "fails"),
}
