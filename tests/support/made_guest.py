"""A guest for tests of what talks to one: a program in QEMU's place, on whose words the test decides.

Arguments: the two descriptors, console and channel. Then a script, line by line on the command line:
`console TEXT`, `channel TEXT`, `answer` (a well behaved agent, until the channel is closed), `wait SECONDS`,
`stderr TEXT`, `exit STATUS`. Texts are Python literals.
"""

import ast
import json
import os
import sys
import time

RETURNS = {
    "guest-ping": {},
    "guest-info": {"version": "9.9", "supported_commands": []},
    "guest-fsfreeze-status": "thawed",
}


def answer(channel: int) -> None:
    """As qemu-ga does: what it does not know is refused."""
    unread = b""
    while chunk := os.read(channel, 4096):
        *lines, unread = (unread + chunk).split(b"\n")
        for line in lines:
            request = json.loads(line.lstrip(b"\xff"))
            name = request["execute"]
            if name == "guest-sync-delimited":
                reply = b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode()
            elif name in RETURNS:
                reply = json.dumps({"return": RETURNS[name]}).encode()
            else:
                reply = json.dumps({"error": {"desc": f"{name} is not known\x1b[2J"}}).encode()
            os.write(channel, reply + b"\n")


def main() -> None:
    """Play the script."""
    console, channel = map(int, sys.argv[1:3])
    for step in sys.argv[3:]:
        verb, _, rest = step.partition(" ")
        value = ast.literal_eval(rest) if rest else None
        if verb == "answer":
            answer(channel)
        elif verb == "wait":
            time.sleep(value)
        elif verb == "exit":
            sys.exit(value)
        else:
            place = {"console": console, "channel": channel, "stderr": 2}[verb]
            os.write(place, value if isinstance(value, bytes) else value.encode())


if __name__ == "__main__":
    main()
