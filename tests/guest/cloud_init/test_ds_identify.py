"""ds-identify: what the scripts of cloud-init 22.4 and 26.2 themselves came to with the same files.

Made by a seeded generator; each script ran with PATH_ROOT on the tree, with DMI as Nova has it, on x86_64,
with a config drive or without one.
"""

# ruff: noqa: E501 - lines of files, as the generator made them

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.cloud_init.ds_identify import MAIN as CFG
from imgtool.guest.cloud_init.ds_identify import SETTINGS, Script, identify
from imgtool.guest.cloud_init.shell_text import parse_array, shell_lines
from imgtool.guest.kernel_command_line import parse_command_line

OLD = Script()
NEW = Script(greps=True, judges_switches=True, takes_ds=True, enabled_without_dmi=False)


@pytest.mark.parametrize(
    ("script", "line", "drive", "files", "expected"),
    [
        (
            OLD,
            "ro quiet",
            True,
            {
                CFG: "my_datasource_list: [\tGCE\t]\ndatasource:\n  Ec2:\n    strict_id: false\n",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "  datasource_list: [  ] # c\n",
                "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json": "x\n",
            },
            (True, ("]",)),
        ),
        (
            OLD,
            "ro quiet",
            False,
            {
                CFG: "datasource_list: [  ] # c\ndatasource_list : [ 'NoCloud','Azure','OVF','Scaleway' ] # c",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "  datasource_list: [ ConfigDrive , AliYun ] # c\n",
                "/etc/cloud/cloud.cfg.d/99.cfg": "#datasource_list: [ None , GCE ]  \n",
                SETTINGS: "\n",
            },
            (False, None),
        ),
        (
            OLD,
            'ro quiet vultr cc:{"datasource_list":["NoCloud"]}',
            False,
            {
                CFG: "",
                "/etc/cloud/cloud.cfg.d/05.cfg": "x: {datasource_list: None , ConfigDrive , Scaleway , AliYun\ndatasource:\n  NoCloud:\n    seedfrom: http://x/\n",
                "/etc/cloud/cloud.cfg.d/99.cfg": "# datasource_list: [Azure,AliYun]\n",
                "/etc/cloud/cloud.cfg.d/a.yaml": "\n",
                "/etc/cloud/cloud.cfg.d/.x.cfg": "datasource_list: [ OpenNebula , Azure ]\n\\\n",
            },
            (True, ("NoCloud",)),
        ),
        (
            NEW,
            'ro quiet cc:{"datasource_list":["NoCloud"]}',
            False,
            {
                CFG: "\n",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [Vultr,None,NoCloud,Vultr\n",
                "/etc/cloud/cloud.cfg.d/99.cfg": '"datasource_list": [\tConfigDrive,Azure\t]\ndatasource_list:\n  - NoCloud\n  - None\ndatasource_list:\t[\tAliYun, OpenNebula\t]\n',
                "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json": "x\n",
            },
            (True, ("NoCloud",)),
        ),
        (
            NEW,
            "ro quiet",
            False,
            {
                CFG: "#datasource_list: [\n",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "#datasource_list: ['Ec2'\n---\n",
                "/etc/cloud/cloud.cfg.d/a.yaml": "  datasource_list: [\tNone, NoCloud\t]\ndatasource_list:  ConfigDrive,NoCloud,OpenStack,OpenNebula",
                SETTINGS: ' policy : ""\nPOLICY: \'found=first,found=first"\n',
            },
            (True, ("OpenStack",)),
        ),
        (
            NEW,
            "ro quiet datasource_list",
            True,
            {
                CFG: "",
                "/etc/cloud/cloud.cfg.d/05.cfg": '#datasource_list: Ec2,Scaleway\n  datasource_list: ["None"]\n',
                "/etc/cloud/cloud.cfg.d/a.yaml": "\n",
                SETTINGS: " policy : report,maybe=q,search,maybe=q\ndatasource:\n",
            },
            (True, ()),
        ),
        (
            NEW,
            "ro quiet ci.ds=NoCloud",
            False,
            {
                CFG: '  datasource_list: ["OVF","AliYun","None","NoCloud"\ndatasource_list: \'ConfigDrive\'\ndatasource_list : "None", "openstack", "OpenStack"\n',
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": '  datasource_list: ["Bogus" , "NoCloud"]\n',
                "/etc/cloud/cloud.cfg.d/99.cfg": '"datasource_list": [\t\t]',
                "/var/lib/cloud/seed/nocloud/meta-data": "x\n",
            },
            (True, ("NoCloud",)),
        ),
        (
            NEW,
            "ro quiet ds=OpenStack ds=nocloud;s=/x",
            False,
            {
                "/etc/cloud/cloud.cfg.d/05.cfg": 'datasource_list:[ "ConfigDrive" , "Ec2" ]\ndatasource_list:\t[ openstack , NoCloud , Azure ]\nx: {datasource_list: [\ndatasource:\n  NoCloud:\n    seedfrom: http://x/\n',
                "/etc/cloud/cloud.cfg.d/a.yaml": "",
                SETTINGS: "",
            },
            (True, ("nocloud",)),
        ),
        (
            NEW,
            "ro quiet",
            False,
            {
                CFG: "datasource_list: [ None , Azure ]\n#datasource_list: [  ] # c\n# datasource_list: ['OpenStack','GCE']",
                "/etc/cloud/cloud.cfg.d/05.cfg": 'datasource_list: [\ndatasource_list: [ "AliYun" ]',
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "# datasource_list: [ openstack, openstack ]  \n",
                "/etc/cloud/cloud.cfg.d/99.cfg": "\n",
                "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json": "x\n",
                "/var/lib/cloud/instance/manual-clean": "x\n",
            },
            (True, None),
        ),
        (
            OLD,
            "ro quiet datasource_list ci.datasource.ec2.strict_id=false",
            True,
            {
                CFG: "datasource_list:\t[Azure,openstack]\n",
                "/etc/cloud/cloud.cfg.d/.x.cfg": "my_datasource_list: [Vultr , None",
                "/var/lib/cloud/seed/nocloud/meta-data": "x\n",
            },
            (True, ("ConfigDrive",)),
        ),
        (
            OLD,
            "ro quiet",
            False,
            {CFG: "\n", SETTINGS: "\n", "/var/lib/cloud/seed/nocloud/meta-data": "x\n"},
            (True, ("OpenStack",)),
        ),
        (
            NEW,
            "ro quiet",
            True,
            {
                CFG: 'datasource_list: [ "Ec2" ]  \n',
                "/etc/cloud/cloud.cfg.d/.x.cfg": "datasource_list: [\nx: {datasource_list: [  ] # c\n",
                "/var/lib/cloud/seed/config_drive/openstack/latest/meta_data.json": "x\n",
            },
            (True, ("Ec2",)),
        ),
        (
            OLD,
            "ro quiet",
            False,
            {
                CFG: "\n",
                "/etc/cloud/cloud.cfg.d/05.cfg": "\n",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": 'datasource_list: "Scaleway"\ndatasource_list:\t[  ]\n',
            },
            (True, ("Scaleway",)),
        ),
        (
            OLD,
            "ro quiet",
            False,
            {
                CFG: "x: {datasource_list: [GCE,Vultr\nfoo: [1, 2\nmy_datasource_list: 'ConfigDrive','ConfigDrive','OVF','NoCloud'\n",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list:[]\n",
                "/etc/cloud/cloud.cfg.d/99.cfg": 'datasource_list : "Azure","OVF","ConfigDrive"\n',
                SETTINGS: 'policy:"maybe=q,enabled,found=x"\n',
                "/var/lib/cloud/seed/nocloud/meta-data": "x\n",
            },
            (True, None),
        ),
        (
            OLD,
            "ro quiet",
            True,
            {
                CFG: '#datasource_list: [ "None" , "Scaleway" , "OpenStack" ] # c\ndatasource_list:\t[\'Vultr\']\ndatasource_list:  [ NoCloud ]  \n',
                "/etc/cloud/cloud.cfg.d/99.cfg": "datasource_list:  [\tNone\t]\n",
                "/etc/cloud/cloud.cfg.d/a.yaml": "datasource_list:\t[ 'OpenStack','Bogus','OVF','Azure' ]  \n",
                SETTINGS: '#policy: maybe=all,found=x"',
            },
            (True, ("[",)),
        ),
        (
            NEW,
            "ro quiet",
            False,
            {
                CFG: "  datasource_list: [ 'Scaleway', 'Azure' ]",
                "/etc/cloud/cloud.cfg.d/99.cfg": "my_datasource_list: [Vultr, Bogus\n",
            },
            (False, None),
        ),
        (
            NEW,
            "ro quiet",
            False,
            {
                CFG: "datasource_list : OpenStack\n  datasource_list: [ Scaleway , None ]\n",
                "/etc/cloud/cloud.cfg.d/a.yaml": "  datasource_list: [ AliYun ]  \n",
                "/etc/cloud/cloud.cfg.d/.x.cfg": '"datasource_list": [Azure, Bogus',
                SETTINGS: "policy:  # c\n",
            },
            (True, ("Scaleway",)),
        ),
        (NEW, "ro quiet", True, {CFG: 'datasource_list:[ "Azure" ]  \n'}, (True, ("Azure",))),
        (
            NEW,
            "ro quiet",
            True,
            {
                CFG: 'datasource_list: [ "openstack","GCE" ]\n',
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: AliYun,Scaleway,ConfigDrive",
                "/etc/cloud/cloud.cfg.d/99.cfg": "datasource_list: [ OVF ]  ",
                "/etc/cloud/cloud.cfg.d/.x.cfg": "datasource_list : [\tNone,Scaleway\t]\n---\n  datasource_list: [\t'GCE' , 'OVF'\t]\n\"datasource_list\": [NoCloud\n",
                SETTINGS: "\n",
                "/var/lib/cloud/seed/nocloud/user-data": "x\n",
            },
            (True, ("OVF",)),
        ),
        (
            NEW,
            "ro quiet",
            True,
            {
                CFG: "datasource_list: ['Ec2','Vultr','Bogus']\nmy_datasource_list: [\t'openstack', 'OVF'\t]\ndatasource_list:\n  - NoCloud\n  - None\n",
                "/etc/cloud/cloud.cfg.d/a.yaml": "\n",
                "/var/lib/cloud/seed/nocloud/meta-data": "x\n",
            },
            (True, ("ConfigDrive",)),
        ),
        (
            NEW,
            "ro quiet vultr",
            True,
            {
                CFG: "# datasource_list: [None]\n",
                "/etc/cloud/cloud.cfg.d/05.cfg": "  datasource_list: Vultr,Azure\n",
                SETTINGS: 'POLICY: \'notfound=disabled\n#datasource: "OpenStack"',
            },
            (True, ("Vultr",)),
        ),
        (
            NEW,
            "ro quiet",
            True,
            {
                CFG: 'datasource_list: [\t"None"\t]\ndatasource: {NoCloud: {meta-data: x, user-data: y}}\n',
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "# datasource_list: ['Azure','Ec2'\n",
                SETTINGS: " policy : 'notfound=disabled,found=all,disabled,enabled # c\npolicy: 'junk,found=x,disabled\"\ndatasource:[ NoCloud ]\n",
            },
            (True, ("[ NoCloud ]",)),
        ),
        (
            NEW,
            "ro quiet",
            True,
            {
                CFG: "datasource_list: [\tEc2\t]\ndatasource_list: \\\n [ NoCloud ]\ndatasource_list:  Vultr\ndatasource:\n  NoCloud:\n    meta-data: a\n    user-data: b\n",
                "/etc/cloud/cloud.cfg.d/99.cfg": "\n",
                "/etc/cloud/cloud.cfg.d/.x.cfg": "# datasource_list: [  ]  ",
                SETTINGS: 'policy:"search # c',
                "/var/lib/cloud/seed/nocloud/meta-data": "",
                "/var/lib/cloud/seed/nocloud/user-data": "",
            },
            (True, ("Vultr",)),
        ),
        (NEW, "ro quiet", True, {CFG: "datasource_list : [ConfigDrive]\n"}, (True, ("ConfigDrive",))),
        (
            OLD,
            "ro quiet",
            True,
            {
                CFG: "\"datasource_list\": 'OpenStack', 'OpenNebula'\n",
                "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "",
                "/etc/cloud/cloud.cfg.d/99.cfg": "\n",
                "/etc/cloud/cloud.cfg.d/a.yaml": 'x: {datasource_list: [ "ConfigDrive" ]  \n',
                "/var/lib/cloud/seed/nocloud/meta-data": "x\n",
                "/var/lib/cloud/seed/nocloud/user-data": "x\n",
            },
            (True, ("ConfigDrive", "NoCloud")),
        ),
        (
            NEW,
            "ro quiet",
            True,
            {
                CFG: "  datasource_list: [openstack\n",
                "/etc/cloud/cloud.cfg.d/05.cfg": "\n",
                "/etc/cloud/cloud.cfg.d/99.cfg": "datasource_list:[ AliYun ]\n",
                SETTINGS: "\n",
            },
            (True, ("AliYun",)),
        ),
    ],
)
def test_what_the_scripts_themselves_said(
    script: Script,
    line: str,
    drive: bool,
    files: dict[str, str],
    expected: tuple[bool, tuple[str, ...] | None],
) -> None:
    tree = guest_tree(files)
    found = identify(tree, script, parse_command_line(line), "x86_64", config_drive=drive)
    written = None if found.datasources is None else tuple(dict.fromkeys(found.datasources))
    named = None if written is None else tuple(name for name in written if name != "None")
    assert (found.enabled, named) == expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\n b \n", ["a", "b"]),
        ("a\nlast", ["a"]),
        ("", []),
        ("a\\\nb\n", ["ab"]),
        ("a\\b\n", ["ab"]),
        ("a\\\\\nb\n", ["a\\", "b"]),
    ],
)
def test_the_lines_of_its_shell(text: str, lines: list[str]) -> None:
    assert list(shell_lines(text)) == lines


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ A, B ]", ["A", "B"]),
        ("A", ["A"]),
        ("['A','B']", ["A", "B"]),
        ("[ A ] ", ["A", "]"]),
        ("[A", ["A"]),
        ("", []),
    ],
)
def test_its_arrays(text: str, words: list[str]) -> None:
    assert parse_array(text) == words
