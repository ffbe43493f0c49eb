"""A stand-in for Neutron: one flat network that everybody shares, one subnet, ports in memory.

    python nova_network.py DESCRIPTOR...

It answers what Nova and openstacksdk ask for a server with one card, no more: no router, no security group,
no floating address, no quota, and no token is looked at. dnsmasq gives out the addresses: see nova_init.py.
Source: https://docs.openstack.org/api-ref/network/v2/
"""

import http.server
import itertools
import json
import socket
import sys
import threading
import uuid
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

NAME = "flat"
SUBNET = ip_network("10.77.0.0/16")
GATEWAY = str(SUBNET[1])
FIRST = 16
HOSTS = Path("/run/dnsmasq-hosts")
"""One file for each port, which dnsmasq reads as soon as it is there."""
MTU = 1500

_network = {
    "id": str(uuid.uuid4()), "name": NAME, "status": "ACTIVE", "admin_state_up": True, "shared": True,
    "router:external": False, "project_id": "devcloud", "tenant_id": "devcloud", "mtu": MTU, "subnets": [],
    "port_security_enabled": False, "provider:network_type": "flat", "description": "",
}  # fmt: skip
_subnet = {
    "id": str(uuid.uuid4()), "name": NAME, "network_id": _network["id"], "ip_version": 4,
    "cidr": str(SUBNET), "gateway_ip": GATEWAY, "enable_dhcp": True, "dns_nameservers": [], "host_routes": [],
    "allocation_pools": [], "project_id": "devcloud", "tenant_id": "devcloud",
}  # fmt: skip
_network["subnets"].append(_subnet["id"])
_there = {"networks": [_network], "subnets": [_subnet], "ports": [], "security_groups": [], "floatingips": []}
_addresses = itertools.count(FIRST)
_lock = threading.Lock()


def main():
    """Serves each socket that is handed down: all of them lead to the same network."""
    threads = [threading.Thread(target=_serve, args=(int(descriptor),)) for descriptor in sys.argv[1:]]
    for thread in threads:
        thread.start()


def _serve(descriptor):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Requests, bind_and_activate=False)
    server.socket = socket.socket(fileno=descriptor)
    server.serve_forever()


class Requests(http.server.BaseHTTPRequestHandler):
    """The part of the API that is needed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """The versions, one thing by its identifier, or a list."""
        path, query = self._target()
        if not path or path == ["v2.0"]:
            return self._answer({"versions": [self._version()], "resources": []})
        if path[1] == "extensions":
            return self._answer({"extensions": []})
        if path[1] == "quotas":
            return self._answer({"quota": {"port": -1, "network": -1}})
        if len(path) == 3:
            return self._answer_one(path)
        with _lock:
            found = [thing for thing in _there.get(_plural(path), ()) if _fits(thing, query)]
        return self._answer({path[1]: found})

    def do_POST(self):
        """A new port; nothing else can be made."""
        path, _ = self._target()
        wanted = self._body()
        if path[1:] != ["ports"]:
            return self._refuse(403, "this stand-in for Neutron makes ports only")
        with _lock:
            port = _new_port(wanted["port"])
            _there["ports"].append(port)
        return self._answer({"port": port}, 201)

    def do_PUT(self):
        """What Nova writes into a port stays there; a port without a device is down."""
        path, _ = self._target()
        wanted = self._body()
        with _lock:
            for port in _with_identifier(path):
                port.update(wanted["port"])
                port["status"] = "ACTIVE" if port["device_id"] else "DOWN"
        return self._answer_one(path)

    def do_DELETE(self):
        """A port goes, and its address is not given out again."""
        path, _ = self._target()
        with _lock:
            gone = _with_identifier(path)
            _there["ports"] = [port for port in _there["ports"] if port not in gone]
        for port in gone:
            (HOSTS / port["id"]).unlink(missing_ok=True)
        return self._answer(None, 204) if gone else self._refuse(404, "there is no such port")

    def _target(self):
        url = urlsplit(self.path)
        path = [part for part in url.path.removesuffix(".json").split("/") if part]
        return path, parse_qs(url.query)

    def _version(self):
        where = f"http://{self.headers['Host']}/v2.0/"
        return {"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": where}]}

    def _body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")

    def _answer_one(self, path):
        with _lock:
            found = _with_identifier(path)
        if not found:
            return self._refuse(404, f"there is no such thing as {'/'.join(path)}")
        return self._answer({path[1].removesuffix("s"): found[0]})

    def _refuse(self, status, words):
        return self._answer({"NeutronError": {"type": "NotFound", "message": words, "detail": ""}}, status)

    def _answer(self, document, status=200):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _plural(path):
    return path[1].replace("-", "_")


def _with_identifier(path):
    return [thing for thing in _there.get(_plural(path), ()) if thing["id"] == path[2]]


def _fits(thing, query):
    """Whether each filter names a value that the thing has; what it has no word of filters nothing."""
    return all(_value(thing, name, values) for name, values in query.items() if name in thing)


def _value(thing, name, values):
    if name == "fixed_ips":
        wanted = {value.removeprefix("ip_address=") for value in values}
        return any(fixed["ip_address"] in wanted for fixed in thing[name])
    return str(thing[name]).lower() in {value.lower() for value in values}


def _new_port(wanted):
    identifier, number = str(uuid.uuid4()), next(_addresses)
    address = str(SUBNET[number])
    mac = wanted.get("mac_address") or f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
    now = datetime.now(UTC).isoformat()
    part = HOSTS.parent / f"{identifier}.part"
    part.write_text(f"{mac},{address}\n")
    part.rename(HOSTS / identifier)
    port = {
        "name": "", "device_id": "", "device_owner": "", "binding:host_id": "", "binding:profile": {},
        "binding:vif_type": "tap", "binding:vif_details": {}, "binding:vnic_type": "normal",
        "security_groups": [], "allowed_address_pairs": [], "admin_state_up": True, "status": "DOWN",
        "port_security_enabled": False, "dns_name": "", "created_at": now, "updated_at": now,
    } | wanted  # fmt: skip
    fixed = {"id": identifier, "network_id": _network["id"], "mac_address": mac,
             "fixed_ips": [{"subnet_id": _subnet["id"], "ip_address": address}]}  # fmt: skip
    port.setdefault("project_id", port.get("tenant_id", ""))
    return port | {"tenant_id": port["project_id"]} | fixed


if __name__ == "__main__":
    main()
