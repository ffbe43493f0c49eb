"""Directories of units made from a seed: the same seed gives the same ones, on every machine."""

import random

from support.guest_tree import Content, Link
from support.units import ETC, LIB, SYSTEM

SERVICES = ("a.service", "b.service", "c.service", "d-e-f.service", "g@x.service", "h@.service")
OTHERS = ("a.socket", "t.timer", "p.path", "x.target", "y.target", "i.slice")
TARGETS = ("multi-user.target", "basic.target", "sockets.target", "graphical.target", "sysinit.target")
NAMES = (*SERVICES, *OTHERS, "h@one.service", "gone.service", "alias.service", "k@1.service")
DEPENDENCIES = (
    *("Wants", "Wants", "Wants", "Requires", "Requires", "BindsTo", "Requisite", "PartOf", "Upholds"),
    *("OnFailure", "Conflicts", "Before", "RequiresOverridable"),
)
DIRECTORIES = (ETC, ETC, LIB, "/usr/local/lib/systemd/system")


def units_of(seed: int) -> dict[str, Content]:
    """SYSTEM with a few units, links, aliases, masks and drop-ins more."""
    return _Maker(random.Random(seed)).files()  # noqa: S311 - the same each time


class _Maker:
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._files: dict[str, Content] = dict(SYSTEM)

    def files(self) -> dict[str, Content]:
        for name in self._dice.sample((*SERVICES, *OTHERS), self._dice.randint(3, 7)):
            self._files[f"{self._dice.choice(DIRECTORIES)}/{name}"] = self._unit(name)
        for _ in range(self._dice.randint(3, 9)):
            self._dice.choice(
                (self._link, self._link, self._link, self._alias, self._mask, self._drop_in, self._drop_in)
            )()
        return self._files

    def _unit(self, name: str) -> str:
        lines = ["[Unit]", *self._unit_lines(self._dice.randint(0, 3))]
        kind = name.rpartition(".")[2]
        if kind == "service":
            lines += ["[Service]", *self._service_lines()]
        elif kind == "socket":
            lines += ["[Socket]", "ListenStream=99", *self._maybe("Accept=yes", "Service=b.service")]
        elif kind == "timer":
            lines += ["[Timer]", self._dice.choice(("OnBootSec=30", "OnCalendar=daily"))]
            lines += self._maybe("Unit=c.service", "Unit=gone.service")
        elif kind == "path":
            lines += ["[Path]", "PathExists=/etc", *self._maybe("Unit=b.service")]
        return "\n".join(lines) + "\n"

    def _maybe(self, *lines: str) -> list[str]:
        return [self._dice.choice(lines)] if self._dice.random() < 0.4 else []

    def _unit_lines(self, count: int) -> list[str]:
        lines = []
        for _ in range(count):
            names = " ".join(self._dice.choice(NAMES) for _ in range(self._dice.choice((1, 1, 2))))
            lines.append(f"{self._dice.choice(DEPENDENCIES)}={names}")
        if self._dice.random() < 0.2:
            lines.append(self._dice.choice(("DefaultDependencies=no", "Requires=", "Wants=h@%i.service")))
        if self._dice.random() < 0.2:
            name = self._dice.choice(NAMES)
            lines += [f"BindsTo={name}", f"After={name}"]
        return lines

    def _service_lines(self) -> list[str]:
        """One command at least: without any, imgtool leaves the judgement to who asks for a command."""
        lines = ["ExecStart=/bin/true"]
        lines += self._maybe(
            *(
                "Type=oneshot",
                "Type=dbus",
                f"BusName=a.b{self._dice.randint(0, 10**9)}",
                "Type=nonsense",
                "Type=notify",
                "Type=idle",
            ),
        )
        lines += self._maybe(
            *(
                "ExecStart=/bin/true",
                "ExecStart=\nExecStart=/bin/true",
                "Restart=always",
                "RemainAfterExit=yes",
            ),
            *(
                "Sockets=a.socket",
                "ExecStop=/bin/true",
                "ExecStart=/bin/true ; /bin/false",
                "ExecStart=relative/x",
            ),
            *(
                "ExecReload=/bin/true",
                "USBFunctionDescriptors=/x",
                "RuntimeMaxSec=1\nType=oneshot",
            ),
        )
        return lines

    def _link(self) -> None:
        by = self._dice.choice((*TARGETS, *TARGETS, *NAMES, "default.target", "service"))
        kind = self._dice.choice(("wants", "wants", "wants", "requires", "upholds"))
        name = self._dice.choice(NAMES)
        directory = self._dice.choice(DIRECTORIES)
        targets = (
            f"{LIB}/{name}",
            f"../{name}",
            f"/lib/systemd/system/{name}",
            "/gone/x.service",
            "/dev/null",
        )
        content: Content = Link(self._dice.choice((*targets, *targets[:3])))
        if self._dice.random() < 0.08:
            content = ""
        self._files[f"{directory}/{by}.{kind}/{name}"] = content

    def _alias(self) -> None:
        name, target = self._dice.choice(NAMES), self._dice.choice(NAMES)
        if self._dice.random() < 0.5:
            name = "alias.service"
        place = self._dice.choice((LIB, ETC, "/lib/systemd/system", "/opt"))
        self._files[f"{self._dice.choice(DIRECTORIES)}/{name}"] = Link(f"{place}/{target}")

    def _mask(self) -> None:
        path = f"{self._dice.choice(DIRECTORIES)}/{self._dice.choice(NAMES)}"
        self._files[path] = self._dice.choice((Link("/dev/null"), Link("../../../../dev/null"), ""))

    def _drop_in(self) -> None:
        below = self._dice.choice(
            (*NAMES, *TARGETS, "d-.service", "d-e-.service", "service", "target", "g@.service")
        )
        path = f"{self._dice.choice(DIRECTORIES)}/{below}.d/{self._dice.choice(('1', '2'))}.conf"
        lines = ["[Unit]", *self._unit_lines(self._dice.randint(1, 2))]
        if below.endswith("service"):
            lines += ["[Service]", *self._service_lines()[1:]]
            lines = [
                line for line in lines if not line.startswith("BusName")
            ]  # two services cannot share one
        broken = self._dice.random()
        if broken < 0.05:
            lines.insert(self._dice.randint(0, 1), "[Unit")
        elif broken < 0.1:
            lines.insert(1, self._dice.choice(("no assignment", "=x", "Wants", "# Wants=a.service \\")))
        content: Content = "\n".join(lines) + "\n"
        if self._dice.random() < 0.1:
            content = Link("/dev/null")
        self._files[path] = content
