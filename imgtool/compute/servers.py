"""Nova's requests and answers: https://docs.openstack.org/api-ref/compute/ ."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from imgtool.errors import CloudError, UsageError
from imgtool.glance.answer import Answer
from imgtool.glance.cloud import Cloud
from imgtool.glance.images import GONE
from imgtool.model.cloud_boot import CloudBootOptions
from imgtool.util import misspelt
from imgtool.util.text import printable

API = {"OpenStack-API-Version": "compute 2.37"}
"""Of Newton: the first in which a server may ask for no network, or for whichever there is."""
TAG = "imgtool-boot"
MAX_CONSOLE_LINES = 4000
"""Nova itself gives the last 100 KiB."""


@dataclass(frozen=True, slots=True)
class Flavor:
    """What a server gets."""

    id: str
    name: str
    memory_mib: int
    disk_gib: int
    vcpus: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server as Nova shows it."""

    id: str
    status: str
    fault: str
    """What Nova says of an error; empty where there is none."""
    hypervisor: str | None
    """The host that it runs on, where this user may see it."""


class Servers:
    """Requests to one Nova, in one project. Each raises CloudError."""

    def __init__(self, cloud: Cloud) -> None:
        address = cloud.address_of("compute")
        if address is None:
            raise CloudError(
                f"{cloud.name}: Keystone's catalogue has no compute service",
                hint="check the region and the interface in clouds.yaml; see: openstack catalog list",
            )
        self.cloud = cloud
        self.address = address

    def create(
        self, name: str, image_id: str, flavor: Flavor, options: CloudBootOptions, user_data: str
    ) -> str:
        """Ask for a server; returns its id. The network is `auto`, `none`, or the id of a network."""
        network, keypair = options.network, options.keypair
        networks: object = network if network in {"auto", "none"} else [{"uuid": network}]
        wanted: dict[str, object] = {
            "name": name,
            "imageRef": image_id,
            "flavorRef": flavor.id,
            "networks": networks,
            "metadata": {TAG: "throwaway"},
            "user_data": base64.b64encode(user_data.encode()).decode(),
        }
        if keypair is not None:
            wanted["key_name"] = keypair
        answer = self._ask("POST", "/servers", {"server": wanted})
        return str(self._part(self._require(answer, "to start a server"), "server").get("id"))

    def find(self, server_id: str) -> Server | None:
        """Return the server; None once it is gone."""
        answer = self._ask("GET", f"/servers/{quote(server_id, safe='')}")
        if answer.status in GONE:
            return None
        found = self._part(self._require(answer, "to show the server"), "server")
        fault = found.get("fault")
        host = found.get("OS-EXT-SRV-ATTR:hypervisor_hostname")
        return Server(
            id=server_id,
            status=_shown(found.get("status")),
            fault=_shown(fault.get("message")) if isinstance(fault, dict) else "",
            hypervisor=_shown(host) if host else None,
        )

    def named(self, name: str) -> tuple[str, ...]:
        """Ids of the project's servers of exactly that name."""
        answer = self._require(self._ask("GET", f"/servers?name=^{quote(name)}$"), "to list servers")
        return tuple(str(one["id"]) for one in answer.rows("servers") if one.get("name") == name)

    def delete(self, server_id: str) -> None:
        """Ask for its end; nothing where it is gone."""
        answer = self._ask("DELETE", f"/servers/{quote(server_id, safe='')}")
        if answer.status not in GONE:
            self._require(answer, "to delete the server")

    def console(self, server_id: str) -> str | None:
        """Return what it wrote on its serial console; None where Nova has none, or not yet."""
        wanted = {"os-getConsoleOutput": {"length": MAX_CONSOLE_LINES}}
        answer = self._act(server_id, wanted)
        output = answer.mapping().get("output") if answer.ok else None
        return output if isinstance(output, str) else None

    def set_password(self, server_id: str, password: str) -> str:
        """Let the guest agent set the administrator's password; why it did not, or nothing where it did."""
        answer = self._act(server_id, {"changePassword": {"adminPass": password}})
        return "" if answer.ok else f"{answer}"

    def snapshot(self, server_id: str, name: str) -> str:
        """Ask for an image of it, called `name`; why Nova refuses, or nothing where it began."""
        answer = self._act(server_id, {"createImage": {"name": name, "metadata": {TAG: "throwaway"}}})
        return "" if answer.ok else f"{answer}"

    def last_failure(self, server_id: str, action: str) -> str:
        """What Nova tells an ordinary member of the last `action` on the server, as a sentence's end."""
        answer = self._ask("GET", f"/servers/{quote(server_id, safe='')}/os-instance-actions")
        rows = answer.rows("instanceActions") if answer.ok else []
        said = next((one.get("message") for one in rows if one.get("action") == action), None)
        return f"Nova gave it up: {_shown(said)}" if said else "Nova gave it up, and does not say why"

    def flavors(self) -> tuple[Flavor, ...]:
        """Return the flavors that this project may use."""
        answer = self._require(self._ask("GET", "/flavors/detail"), "to list flavors")
        return tuple(
            Flavor(
                str(one.get("id")),
                _shown(one.get("name")),
                *(_count(one.get(key)) for key in ("ram", "disk", "vcpus")),
            )
            for one in answer.rows("flavors")
        )

    def network(self, wanted: str) -> str:
        """Return the id of the network of that id or name. Raises UsageError where there is none."""
        address = self.cloud.address_of("network")
        if address is None:
            return wanted
        rows = self.cloud.ask("GET", f"{address}/v2.0/networks").rows("networks")
        for one in rows:
            if wanted in {one.get("id"), one.get("name")}:
                return str(one.get("id"))
        names = [_shown(one.get("name")) for one in rows]
        raise UsageError(
            f"{self.cloud.name} has no network {printable(wanted)}{_meant(wanted, names)}",
            hint=f"it has: {', '.join(names) or 'none'}; or give auto, or none",
        )

    def _act(self, server_id: str, action: Mapping[str, object]) -> Answer:
        return self._ask("POST", f"/servers/{quote(server_id, safe='')}/action", action)

    def _ask(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Answer:
        return self.cloud.ask(method, f"{self.address}{path}", json=document, headers=API)

    def _require(self, answer: Answer, what: str) -> Answer:
        if not answer.ok:
            raise CloudError(f"{self.cloud.name}: Nova was asked {what} and answered {answer}", hint=_HINT)
        return answer

    def _part(self, answer: Answer, name: str) -> Mapping[str, Any]:
        found = answer.mapping().get(name)
        if not isinstance(found, dict):
            raise CloudError(f"{self.cloud.name}: Nova's answer has no {name}", hint=_HINT)
        return found


_HINT = "ask the cloud's administrator what Nova's log says"


def smallest(flavors: tuple[Flavor, ...], memory_mib: int, disk_gib: int, wanted: str | None) -> Flavor:
    """Return the flavor of that name or id, else the smallest that fits. Raises UsageError for none.

    A flavor without a disk starts no server from an image where Nova's policy says so, and is passed over.
    """
    if wanted is not None:
        found = next((one for one in flavors if wanted in {one.name, one.id}), None)
        if found is None:
            names = [one.name for one in flavors]
            raise UsageError(
                f"there is no flavor {printable(wanted)}{_meant(wanted, names)}",
                hint=f"the cloud has: {', '.join(names) or 'none'}",
            )
        return found
    fits = [one for one in flavors if one.memory_mib >= memory_mib and one.disk_gib >= disk_gib]
    if not fits:
        raise UsageError(
            f"no flavor has {memory_mib} MiB of memory and a disk of {disk_gib} GiB",
            hint="name one by --flavor, or ask the cloud's administrator for one",
        )
    return min(fits, key=lambda one: (one.memory_mib, one.vcpus, one.disk_gib, one.name))


def _meant(wanted: str, names: Sequence[str]) -> str:
    alike = misspelt.closest(wanted, names)
    return f": did you mean {alike}?" if alike else ""


def _shown(value: object) -> str:
    return printable(str(value if value is not None else "")[:500])


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
