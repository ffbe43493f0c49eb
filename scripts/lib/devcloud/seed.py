"""Fills Keystone's empty database, once: run by the cached environment's own interpreter.

    python seed.py KEYSTONE_CONF PLACEHOLDER REGION

The URLs are placeholders, such as http://image.invalid, and the passwords unknown to anybody: every cloud
gets its own (databases.py).
"""

import secrets
import sys
import uuid

import keystone.conf
from keystone.cmd.bootstrap import Bootstrapper
from keystone.common import provider_api, sql

SERVICES = {"image": "glance", "compute": "nova", "placement": "placement", "network": "neutron"}
"""Those that a cloud does not have are taken out of its copy."""
INTERFACES = ("admin", "internal", "public")

providers = provider_api.ProviderAPIs


def main():
    """Projects, users, roles and endpoints."""
    configuration, placeholder, region = sys.argv[1:]
    keystone.conf.configure()
    sql.initialize()
    keystone.conf.CONF(args=[], project="keystone", default_config_files=[configuration])
    roles = _bootstrap(placeholder.format(type="identity"), region)
    service, demo = (_project(name) for name in ("service", "demo"))
    for name in ("glance", "nova", "placement"):
        _user(name, service, [roles.admin_role_id, roles.service_role_id])
    _user("member", demo, [roles.member_role_id])
    for kind, name in SERVICES.items():
        _service(kind, name, placeholder.format(type=kind), region)


def _bootstrap(url, region):
    """As `keystone-manage bootstrap` does it, with all three endpoints.

    Without the internal one Glance's check of a token fails.
    """
    bootstrapper = Bootstrapper()
    bootstrapper.admin_username = bootstrapper.project_name = bootstrapper.admin_role_name = "admin"
    bootstrapper.admin_password = secrets.token_urlsafe()
    bootstrapper.service_name = "keystone"
    bootstrapper.admin_url = bootstrapper.internal_url = bootstrapper.public_url = url
    bootstrapper.region_id = region
    bootstrapper.bootstrap()
    return bootstrapper


def _project(name):
    identifier = uuid.uuid4().hex
    project = {"id": identifier, "name": name, "domain_id": "default", "parent_id": "default",
               "enabled": True, "is_domain": False, "description": ""}  # fmt: skip
    providers.resource_api.create_project(identifier, project)
    return identifier


def _user(name, project, roles):
    user = providers.identity_api.create_user(
        {"name": name, "domain_id": "default", "enabled": True, "password": secrets.token_urlsafe()}
    )
    for role in roles:
        providers.assignment_api.add_role_to_user_and_project(user["id"], project, role)


def _service(kind, name, url, region):
    service = uuid.uuid4().hex
    providers.catalog_api.create_service(
        service, {"id": service, "type": kind, "name": name, "enabled": True}
    )
    for interface in INTERFACES:
        identifier = uuid.uuid4().hex
        endpoint = {"id": identifier, "service_id": service, "interface": interface, "url": url,
                    "region_id": region, "enabled": True}  # fmt: skip
        providers.catalog_api.create_endpoint(identifier, endpoint)


if __name__ == "__main__":
    main()
