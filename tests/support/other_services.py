"""A compute and a block storage service that answer as their API references say, for look-ups of images.

https://docs.openstack.org/api-ref/compute/#list-servers
https://docs.openstack.org/api-ref/block-storage/v3/#list-accessible-volumes-with-details

They stand in the catalogue of a real Keystone, and do not look at tokens: `forbidden` says what they refuse.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 2
"""Volumes on a page, so that there are several."""

_REGISTER = """
import openstack, sys
cloud = openstack.connect(cloud="devcloud")
for kind, address in (("compute", sys.argv[1]), ("volumev3", sys.argv[2])):
    service = cloud.identity.create_service(type=kind, name=kind)
    cloud.identity.create_endpoint(service_id=service.id, interface="public", url=address,
        region_id=cloud.config.get_region_name())
"""


@dataclass
class OtherServices:
    """What they hold, and what they were asked."""

    servers: dict[str, str] = field(default_factory=dict)
    """Id of the server -> of its image."""
    volumes: dict[str, str] = field(default_factory=dict)
    """Id of the volume -> of the image that it was made from; empty for a blank one."""
    forbidden: set[str] = field(default_factory=set)
    """`compute`, `volume`: nothing is told; `all_tenants`: Nova tells a member of his project only."""
    broken: set[str] = field(default_factory=set)
    """Services that answer with status 500."""
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and document of the answer to a GET."""
        self.asked.append(path)
        address = urlsplit(path)
        query = {key: value[0] for key, value in parse_qs(address.query).items()}
        service = address.path.split("/")[1]
        if service in self.broken:
            return 500, {"computeFault": {"code": 500, "message": "Unexpected API Error."}}
        if self._refuses(service, query):
            return 403, {"forbidden": {"code": 403, "message": "Policy doesn't allow it to be performed."}}
        if address.path == "/compute/v2.1/servers":
            return 200, {"servers": self._servers(query)}
        if service == "volume" and address.path.endswith("/volumes/detail"):
            return 200, self._volumes(query)
        return 404, {"itemNotFound": {"code": 404, "message": "not found"}}

    def _refuses(self, service: str, query: dict[str, str]) -> bool:
        of_all = service == "compute" and "all_tenants" in query
        return service in self.forbidden or (of_all and "all_tenants" in self.forbidden)

    def _servers(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [server for server, image in self.servers.items() if query.get("image") in {None, image}]
        return [{"id": one, "name": one, "links": []} for one in found[: int(query.get("limit", "1000"))]]

    def _volumes(self, query: dict[str, str]) -> dict[str, Any]:
        ids = sorted(self.volumes)
        begin = ids.index(query["marker"]) + 1 if "marker" in query else 0
        page = [self._volume(one) for one in ids[begin : begin + PAGE]]
        more = {"volumes_links": [{"rel": "next", "href": self.address}]} if ids[begin + PAGE :] else {}
        return {"volumes": page, **more}

    def _volume(self, volume_id: str) -> dict[str, Any]:
        image = self.volumes[volume_id]
        made = {"volume_image_metadata": {"image_id": image, "image_name": "an image"}} if image else {}
        return {"id": volume_id, "status": "available", "size": 1, **made}


@contextmanager
def other_services() -> Iterator[OtherServices]:
    """Let them run, and stand in the catalogue of the cloud that is found as `devcloud`."""
    services = OtherServices()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = services.answer(self.path)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Not to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    services.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        addresses = [f"{services.address}/compute/v2.1", f"{services.address}/volume/v3/$(project_id)s"]
        subprocess.run([sys.executable, "-c", _REGISTER, *addresses], check=True, timeout=120)
        yield services
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
