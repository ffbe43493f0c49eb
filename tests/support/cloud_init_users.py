"""Configurations of cloud-init, and whether the real one makes a default user of each."""

HAS_DEFAULT = {
    "a: b": True,
    "users: []": False,
    "users: null": False,
    "users: default": True,
    "users: [default, bob]": True,
    "users: [bob]": False,
    "users: [{name: bob}]": False,
    "users: [{name: bob, default: true}]": False,
    "users: {bob: {}}": False,
    "users: {default: true}": True,
    'users: "bob,default"': True,
    "users: [[bob, default]]": True,
    "users: [{default: true}]": True,
    "users: [{name: default, gecos: x}]": True,
    "users: [{name: root}]": False,
    "users: [default, {}]": True,
    "users: 5": False,
    "user: ann": True,
    "user: {name: ann}": True,
    "user: ann\nusers: []": True,
    "system_info: {default_user: null}": False,
    "system_info: {default_user: {}}": True,
    "system_info: {default_user: bob}": True,
    "system_info: {default_user: {name: null}}": False,
    'system_info: {default_user: {name: ""}}': False,
}
"""As a file of /etc/cloud/cloud.cfg.d, beside Debian's cloud.cfg, which has `users: [default]`."""

ASK = """
import json, logging, sys
from cloudinit import distros, helpers, util
from cloudinit.distros import ug_util
logging.disable(logging.CRITICAL)
for text in json.load(sys.stdin):
    config = util.mergemanydict([util.load_yaml(text), util.read_conf("/etc/cloud/cloud.cfg")])
    system = config["system_info"]
    distro = distros.fetch(system["distro"])("debian", system, helpers.Paths(system["paths"]))
    users, _ = ug_util.normalize_users_groups(config, distro)
    print(json.dumps(bool(ug_util.extract_default(users)[0])))
"""
"""A program of Python that prints what the guest's own cloud-init says of each of a list."""
