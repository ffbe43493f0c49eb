"""What in the cloud uses an image: servers, volumes, and images that were made from it.

https://docs.openstack.org/api-ref/compute/#list-servers and
https://docs.openstack.org/api-ref/block-storage/v3/#list-accessible-volumes-with-details

Nova needs the image of a server to rebuild, to unshelve, and to move a disk whose backing file it is. A
snapshot of a volume keeps its volume, so volumes tell of both. Clones in an image store are the store's to
tell: Glance does not delete what is in use there. Only an administrator is told of all projects.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from imgtool.errors import CloudError
from imgtool.glance.answer import Answer
from imgtool.glance.cloud import Cloud
from imgtool.util.text import printable

MAX_PAGES = 1_000
PAGE_ROWS = 1_000
_FORBIDDEN = frozenset({401, 403})
"""An application credential with access rules gets 401 from the services that it may not use."""
_BAD_REQUEST = 400
_VERSION = re.compile(r"/v\d+(\.\d+)?(/|$)")


@dataclass(frozen=True, slots=True)
class Need:
    """Why an image has to stay."""

    reason: str
    certain: bool = True
    """False: it may be needed, but a service that would know gave no answer."""


class Needs:
    """Asks one cloud. What cannot be asked there is noted, once."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._notes: dict[str, None] = {}
        self._volumes: Mapping[str, str] | None = None
        self._closed: set[str] = set()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not asked, or not everywhere."""
        return tuple(self._notes)

    def of(self, image_id: str) -> Need | None:
        """Return the first thing that uses the image; None where nothing is known to."""
        for what, ask in (("servers", self._server), ("volumes", self._volume), ("images", self._image)):
            try:
                user = ask(image_id)
            except CloudError as error:
                return Need(f"whether {what} need it is unknown: {error.message}", certain=False)
            if user is not None:
                return Need(user)
        return None

    def _server(self, image_id: str) -> str | None:
        address = self._service("compute", "servers", "/v2.1")
        if address is None:
            return None
        query = {"image": image_id, "limit": "1"}
        answer = self._cloud.ask("GET", f"{address}/servers", params={**query, "all_tenants": "1"})
        if answer.status in _FORBIDDEN:
            self._note("servers of this project only were asked about: all projects need an administrator")
            answer = self._cloud.ask("GET", f"{address}/servers", params=query)
        found = self._rows(answer, "compute", "servers")
        return f"server {_id(found[0])} was started from it" if found else None

    def _volume(self, image_id: str) -> str | None:
        if self._volumes is None:
            self._volumes = self._all_volumes()
        volume = self._volumes.get(image_id)
        return f"volume {volume} was made from it" if volume else None

    def _all_volumes(self) -> Mapping[str, str]:
        """The last volume that was seen of each image."""
        address = self._service("block-storage", "volumes", f"/v3/{self._cloud.project_id}")
        found: dict[str, str] = {}
        if address is None:
            return found
        if not self._cloud.is_admin():
            self._note("volumes of this project only were asked about: all projects need an administrator")
        query = {"all_tenants": "1", "limit": str(PAGE_ROWS)}
        for _ in range(MAX_PAGES):
            answer = self._cloud.ask("GET", f"{address}/volumes/detail", params=query)
            rows = self._rows(answer, "block-storage", "volumes")
            for one in rows:
                made_from = one.get("volume_image_metadata")
                if isinstance(made_from, dict) and isinstance(made_from.get("image_id"), str):
                    found[made_from["image_id"]] = _id(one)
            if not rows or "volumes_links" not in answer.mapping():
                return found
            query["marker"] = str(rows[-1].get("id"))
        raise CloudError(f"{self._cloud.name}: its list of volumes does not end")

    def _image(self, image_id: str) -> str | None:
        if not self._cloud.is_admin():
            self._note("images of other projects were not asked about, unless this project sees them")
        for hidden in ("false", "true"):
            query = {"base_image_ref": image_id, "os_hidden": hidden, "limit": "1"}
            answer = self._cloud.request("GET", "/v2/images", params={**query, "visibility": "all"})
            if answer.status == _BAD_REQUEST:  # before Train no such visibility could be asked for
                answer = self._cloud.request("GET", "/v2/images", params=query)
            if not answer.ok:
                raise _no_answer(answer)
            if found := answer.rows("images"):
                return f"image {_id(found[0])} was made from it"
        return None

    def _service(self, service_type: str, what: str, version: str) -> str | None:
        """Return its address with a version; None where it may not be asked."""
        if service_type in self._closed:
            return None
        address = self._cloud.address_of(service_type)
        if address is None:
            self._closed.add(service_type)
            self._note(f"no {service_type} service in the catalogue: {what} were not asked about")
            return None
        return address if _VERSION.search(address) else address + version

    def _rows(self, answer: Answer, service_type: str, what: str) -> list[dict[str, object]]:
        """Raises CloudError where the service does not say."""
        if answer.status in _FORBIDDEN:
            self._closed.add(service_type)
            self._note(
                f"the {service_type} service may not be asked (HTTP {answer.status}): {what} are unknown"
            )
            return []
        if not answer.ok or what not in answer.mapping():
            raise _no_answer(answer)
        return answer.rows(what)

    def _note(self, text: str) -> None:
        self._notes[text] = None


def _no_answer(answer: Answer) -> CloudError:
    return CloudError(f"{answer.source} was answered with {answer}")


def _id(row: Mapping[str, object]) -> str:
    return printable(str(row.get("id"))[:64])
