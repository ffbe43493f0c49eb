"""One throwaway server: started from the image, watched by its console, asked by its agent, and deleted.

What proves the image: Nova shows it ACTIVE, its console reaches a login prompt or the end of cloud-init, and,
where the image claims an agent (hw_qemu_guest_agent), the agent sets a password when Nova asks it to, and
freezes the file systems for a snapshot where the image requires that of it (os_require_quiesce).
"""

import re
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgtool.boot.diagnosis.diagnose import cloud_init_of, diagnose, login_prompt, stages_of
from imgtool.boot.diagnosis.stages import plain_lines
from imgtool.compute import journal, snapshot
from imgtool.compute.journal import ServerNote
from imgtool.compute.servers import Flavor, Server, Servers, smallest
from imgtool.errors import CloudError, ImgtoolError, InterruptedByUserError, UsageError
from imgtool.glance import Cloud, images
from imgtool.glance.record import Record
from imgtool.model.boot import CloudInitRun, Diagnosis, StageTime
from imgtool.model.cloud_boot import NOT_TRIED, CloudBoot, CloudBootOptions, SnapshotOutcome
from imgtool.model.delivery import UploadResult
from imgtool.model.facts import Fact, Known, Unknown
from imgtool.model.nova_properties import is_on
from imgtool.util.notes import Page
from imgtool.util.progress import Progress
from imgtool.util.text import printable, shell_word

NAME = "imgtool-boot-"
"""How its servers are called, before a random part."""
POLL_SECONDS = 3.0
DELETE_SECONDS = 180.0
COMING_SECONDS = 10.0
"""How long a server may take to appear whose making got no answer."""
SETTLE_SECONDS = 30.0
"""After a login prompt: how long cloud-init may say nothing before nothing more is expected of it."""
MIN_MEMORY_MIB = 512
MIN_GROWTH_BYTES = 512 << 20
"""How much larger than the image a disk has to be: the root gets what other partitions leave of it."""
TAIL_LINES = 40
TRY_AGAIN = "on a busy hypervisor, or without KVM, boot it again: a wait in the guest may have been too short"
_AGENT = "hw_qemu_guest_agent"
USER_DATA = """#cloud-config
runcmd:
- [sh, -c, 'echo "imgtool: root of $(($(stat -f -c %b*%S /))) bytes"']
"""
"""What cloud-init does in its last stage, whose output is on the console: it tells how large the root is."""
_ROOT = re.compile(r"imgtool: root of ([0-9]{1,20}) bytes")


def boot_in_cloud(
    cloud: Cloud, image: str, options: CloudBootOptions, folder: Path, progress: Progress
) -> CloudBoot:
    """Start a server from `image`, an id or a name of the project's images, and delete it, whatever happens.

    `folder` is that of unfinished uploads. Raises CloudError, UsageError.
    """
    servers = Servers(cloud)
    recover(servers, folder, progress)
    record = _image(cloud, image)
    disk = max(1, record.min_disk_gib or 0)
    memory = max(MIN_MEMORY_MIB, record.min_ram_mib or 0)
    flavor = smallest(servers.flavors(), memory, disk, options.flavor)
    if options.network not in {"auto", "none"}:
        options = replace(options, network=servers.network(options.network))
    progress.stage("server", f"{record.name} ({record.id}) in {cloud.name}, flavor {flavor.name}")
    with _throwaway(servers, folder) as name:
        return _Watch(servers, record, flavor, options, progress).run(name)


def tried_in_cloud(
    cloud: Cloud, uploaded: UploadResult, options: CloudBootOptions, folder: Path, progress: Progress
) -> CloudBoot:
    """Do so with an image that was uploaded just now: what the cloud refuses is what it showed."""
    try:
        found = boot_in_cloud(cloud, uploaded.image_id, options, folder, progress)
    except (CloudError, UsageError) as error:
        progress.stage("server", f"it could not be tried in {cloud.name}: {error.message}")
        found = CloudBoot(
            cloud=cloud.name,
            image_id=uploaded.image_id,
            image_name=uploaded.plan.wanted.name,
            server_id=None,
            flavor=options.flavor or "",
            status=NOT_TRIED,
            seconds=0.0,
            problem=f"no server could be tried: {error.message}",
        )
    image = shell_word(uploaded.image_id) or "ID"
    return replace(found, delete_command=f"openstack {cloud.option}image delete {image}")


def recover(servers: Servers, folder: Path, progress: Progress) -> None:
    """Delete the servers that killed runs left in this cloud and project. What cannot be now stays noted."""
    for note, page in journal.abandoned(folder, servers.address, servers.cloud.project_id):
        try:
            found = _delete(servers, note.name, COMING_SECONDS - page.age_seconds())
        except ImgtoolError as error:
            progress.stage("recover", f"server {note.name} of an interrupted run stays: {error.message}")
            continue
        page.remove()
        if found:
            progress.stage("recover", f"an interrupted run's server {note.name} is deleted")


def _image(cloud: Cloud, wanted: str) -> Record:
    """The image of that id, else the one that is called so. Raises CloudError, UsageError."""
    shown = printable(wanted)
    named = images.meant(cloud, wanted)
    active = [one for one in named if one.status == "active" and (one.id == wanted or not one.hidden)]
    if not active:
        why = f"it is {named[0].status}, not active" if named else "there is no such image in this project"
        raise UsageError(f"{cloud.name}: {shown}: {why}", hint="upload it first: imgtool prepare")
    if len(active) > 1:
        ids = ", ".join(one.id for one in active)
        raise UsageError(f"{cloud.name} has {len(active)} images named {shown}", hint=f"name an id: {ids}")
    return active[0]


@contextmanager
def _throwaway(servers: Servers, folder: Path) -> Iterator[str]:
    """The name that the server is to have; all servers of that name are gone when the block has ended."""
    name = f"{NAME}{uuid.uuid4()}"
    note = ServerNote(name, servers.address, servers.cloud.project_id)
    with journal.noted(folder, note) as page:
        try:
            yield name
        except BaseException as failure:
            _clean_up(servers, name, page, failure, coming_seconds=COMING_SECONDS)
            raise
        _clean_up(servers, name, page, None, coming_seconds=0)


def _clean_up(
    servers: Servers, name: str, page: Page, failure: BaseException | None, *, coming_seconds: float
) -> None:
    """Delete the server and its note. Raises an error that names the server where it stays, with the note.

    The first interruption does not end this, wherever it comes; the second does.
    """
    try:
        _delete(servers, name, coming_seconds=coming_seconds)
        page.remove()
    except KeyboardInterrupt as interruption:
        if not isinstance(failure, KeyboardInterrupt):
            _clean_up(servers, name, page, interruption, coming_seconds=coming_seconds)
            raise
        raise InterruptedByUserError(f"interrupted; {_left(servers, name)}") from failure
    except ImgtoolError as error:
        before = f"{failure.message}; " if isinstance(failure, ImgtoolError) else ""
        raise CloudError(f"{before}{_left(servers, name)}: {error.message}") from (failure or error)


def _left(servers: Servers, name: str) -> str:
    command = f"openstack {servers.cloud.option}server delete {name}"
    cloud = servers.cloud.name
    return f"server {name} could not be deleted from {cloud}; the next run tries again, or: {command}"


def _delete(servers: Servers, name: str, coming_seconds: float = 0.0) -> bool:
    """Whether there was one; there is none any more, nor a snapshot. Raises CloudError where one stays."""
    began, seen = time.monotonic(), False
    while True:
        there = servers.named(name)
        for one in there:
            servers.delete(one)
        for made in images.named(servers.cloud, name):
            images.delete(servers.cloud, made.id)
        seen = seen or bool(there)
        waited = time.monotonic() - began
        if not there and (seen or waited >= coming_seconds):
            return seen
        if waited > DELETE_SECONDS:
            raise CloudError(f"{servers.cloud.name}: Nova has not deleted it within {DELETE_SECONDS:g} s")
        time.sleep(min(1.0, POLL_SECONDS))


@dataclass(slots=True)
class _Seen:
    """What the console showed so far, and when it was looked at."""

    text: str = ""
    lines: list[tuple[float, str]] = field(default_factory=list)

    def add(self, seconds: float, text: str) -> None:
        """Note what is new: Nova gives all of it, or the end of it, each time."""
        new = text[len(self.text) :] if text.startswith(self.text) else text
        if new:
            self.lines.append((seconds, new))
        self.text = text


def _until_asked(
    servers: Servers, name: str, image: Record, flavor: Flavor, options: CloudBootOptions
) -> str:
    """Return the id that Nova gave the server."""
    return servers.create(name, image.id, flavor, options, USER_DATA)


class _Watch:
    """One server, from the request to its end."""

    def __init__(
        self,
        servers: Servers,
        image: Record,
        flavor: Flavor,
        options: CloudBootOptions,
        progress: Progress,
    ) -> None:
        self._servers, self._image, self._flavor = servers, image, flavor
        self._options, self._progress = options, progress
        self._began = time.monotonic()
        self._seen = _Seen()
        self._told: set[str] = set()
        self._login_at: float | None = None
        self._active_at: float | None = None
        self._agent: Fact[bool] = Unknown("it was not asked")
        self._snapshot: Fact[SnapshotOutcome] = Unknown("it came to none")

    def run(self, name: str) -> CloudBoot:
        """Start it, and watch it until it has proven what it can."""
        options = self._options
        server_id = _until_asked(self._servers, name, self._image, self._flavor, options)
        server = self._until_active(server_id)
        if server is None or server.status != "ACTIVE":
            return self._result(server_id, server, problem=self._not_active(server))
        self._tell("active", f"ACTIVE after {self._seconds():.0f} s")
        stopped = self._until_up(server_id)
        if stopped is not None:
            return self._result(server_id, server, diagnosis=stopped, problem=f"{stopped.cause}")
        self._agent = self._ask_agent(server_id)
        problem = _without_agent(self._agent)
        if problem is None:
            self._snapshot = self._take_snapshot(server_id, name)
            problem = _without_snapshot(self._snapshot)
        return self._result(server_id, server, problem=problem)

    def _until_active(self, server_id: str) -> Server | None:
        while True:
            server = self._servers.find(server_id)
            if server is None or server.status in {"ACTIVE", "ERROR", "DELETED"} or self._is_over():
                if server is not None and server.status == "ACTIVE":
                    self._active_at = self._seconds()
                return server
            time.sleep(POLL_SECONDS)

    def _not_active(self, server: Server | None) -> str:
        if server is None:
            return "somebody deleted the server"
        if server.status == "ERROR":
            return f"Nova could not start it: {server.fault or 'it does not say why'}"
        return f"it is {server.status} after {self._seconds():.0f} s, not ACTIVE"

    def _until_up(self, server_id: str) -> Diagnosis | None:
        """None once it is up, or where there is no console to look at; else why it does not come up."""
        while True:
            text = self._servers.console(server_id)
            if text is not None:
                self._look(text)
            if self._is_up() or (text is None and self._is_over()):
                return None
            found = diagnose(self._seen.text, answered=False, timed_out=self._is_over())
            if found is not None:
                return advised(found)
            time.sleep(POLL_SECONDS)

    def _look(self, text: str) -> None:
        self._seen.add(self._seconds(), text)
        for one in self._stages():
            self._tell(one.stage, f"{one.stage} after {one.seconds:.0f} s")
        if self._login_at is None and login_prompt(text):
            self._login_at = self._seconds()

    def _is_up(self) -> bool:
        """cloud-init has ended; or there is a login prompt, and cloud-init says nothing."""
        run = self._cloud_init()
        if isinstance(run, Known):
            return run.value.done
        return self._login_at is not None and self._seconds() - self._login_at > SETTLE_SECONDS

    def _ask_agent(self, server_id: str) -> Fact[bool]:
        """Let it set a random password, of a server that nobody can reach and that goes in a moment."""
        if not is_on(self._image.properties, _AGENT):
            return Unknown(f"the image does not claim one ({_AGENT})")
        self._progress.stage("server", "waiting for the guest agent")
        while True:
            why = self._servers.set_password(server_id, secrets.token_urlsafe(24))
            if not why:
                self._tell("agent", f"agent after {self._seconds():.0f} s")
                return Known(value=True, evidence="it set a password, asked by Nova")
            if self._is_over():
                return Known(value=False, evidence=f"Nova says: {why}")
            time.sleep(POLL_SECONDS)

    def _take_snapshot(self, server_id: str, name: str) -> Fact[SnapshotOutcome]:
        frozen = snapshot.required(self._image.properties)
        if not (frozen if self._options.snapshot is None else self._options.snapshot):
            return Unknown("it was not asked for")
        self._progress.stage("server", "waiting for a snapshot of it")
        deadline = self._began + self._options.timeout_seconds
        made = snapshot.take(self._servers, server_id, name, deadline, frozen=frozen)
        if isinstance(made, Known):
            self._tell("snapshot", f"snapshot {made.value} after {self._seconds():.0f} s")
        return made

    def _tell(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._progress.stage("server", message)

    def _stages(self) -> tuple[StageTime, ...]:
        return stages_of(self._seen.lines)

    def _cloud_init(self) -> Fact[CloudInitRun]:
        return cloud_init_of(self._seen.text)

    def _root_grown(self) -> Fact[bool]:
        """Whether the root became larger than the whole image was: the flavor's disk has room for it."""
        size, told = self._image.virtual_size_bytes, _ROOT.search(self._seen.text)
        if told is None:
            return Unknown("cloud-init did not tell the root's size on the console")
        if size is None or self._flavor.disk_gib << 30 < size + MIN_GROWTH_BYTES:
            return Unknown("the flavor's disk is no larger than the image")
        return Known(int(told[1]) > size, f"{told[0]}, on a disk of {self._flavor.disk_gib} GiB")

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _is_over(self) -> bool:
        return self._seconds() > self._options.timeout_seconds

    def _result(
        self,
        server_id: str,
        server: Server | None,
        *,
        diagnosis: Diagnosis | None = None,
        problem: str | None = None,
    ) -> CloudBoot:
        if problem is None and self._active_at is not None and not self._seen.text:
            problem = "Nova gives no console of it, and no agent answered" if not _yes(self._agent) else None
        return CloudBoot(
            cloud=self._servers.cloud.name,
            image_id=self._image.id,
            image_name=self._image.name,
            server_id=server_id,
            flavor=self._flavor.name,
            status=server.status if server is not None else "DELETED",
            seconds=self._seconds(),
            active_seconds=self._active_at,
            hypervisor=server.hypervisor if server is not None else None,
            stages=self._stages(),
            login=self._login_at is not None,
            cloud_init=self._cloud_init(),
            agent=self._agent,
            snapshot=self._snapshot,
            root_grown=self._root_grown(),
            diagnosis=diagnosis,
            log=tuple(plain_lines(self._seen.text)[-TAIL_LINES:]),
            problem=problem,
        )


def advised(found: Diagnosis) -> Diagnosis:
    """Say of a wait that was over that the hypervisor may have had no time: that is not seen from here."""
    return replace(found, remedy=f"{found.remedy}; {TRY_AGAIN}") if found.timed else found


def _yes(fact: Fact[bool]) -> bool:
    return isinstance(fact, Known) and fact.value


def _without_agent(agent: Fact[bool]) -> str | None:
    if isinstance(agent, Known) and not agent.value:
        return f"the image claims a guest agent, and none answered. {agent.evidence}"
    return None


def _without_snapshot(made: Fact[SnapshotOutcome]) -> str | None:
    if isinstance(made, Known) and made.value == "failed":
        return f"Nova makes no snapshot of the server. {made.evidence}"
    return None
