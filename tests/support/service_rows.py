"""Settings of a service, and whether it starts with them: each row was decided by a running systemd 252."""

CAT = "ExecStart=/bin/cat /etc/hostname"
STARTS = r"""PrivateTmp=yes
ReadWritePaths=-/missing
ReadWritePaths=relative
ReadWritePaths=/missing|ReadWritePaths=
ReadWritePaths=/etc/hostname
ReadWritePaths=/var/lib/foo|StateDirectory=foo
BindPaths=-/missing:/mnt/a
BindPaths=/usr:/mnt/made-by-bind
TemporaryFileSystem=/missing-tmpfs
WorkingDirectory=/var/lib/foo2|StateDirectory=foo2
WorkingDirectory=-/missing
WorkingDirectory=~
User=nobody
DynamicUser=yes|User=notthere
LoadCredential=a:relative
LoadCredential=a:/missing|SetCredential=a:b
NoExecPaths=/|ExecPaths=/usr
NoExecPaths=/home
NoExecPaths=/|ExecStart=+/bin/cat /etc/hostname
InaccessiblePaths=/usr|ExecStart=+/bin/cat /etc/hostname
InaccessiblePaths=-/missing
SystemCallFilter=@system-service
SystemCallFilter=@known
SystemCallFilter=~@mount
SystemCallFilter=@system-service|SystemCallFilter=~@privileged @resources
SystemCallFilter=~openat|SystemCallFilter=
SystemCallFilter=~openat|ExecStart=+/bin/cat /etc/hostname
LimitNOFILE=1024:4096
LimitNOFILE=4
LimitAS=infinity
MemoryMax=64M
MemoryMax=50%
ExecStartPre=-/missing
ExecStartPre=/bin/cat /etc/hostname
ExecCondition=/bin/true
EnvironmentFile=-/missing
EnvironmentFile=relative
PrivateNetwork=yes
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectHome=yes
ProtectSystem=strict
TemporaryFileSystem=/opt
StandardOutput=file:/run/out
StandardInput=file:/etc/hostname
ExecSearchPath=/nonexistent|ExecStart=/bin/cat /etc/hostname
ExecSearchPath=/etc:/usr/bin|ExecStart=cat /etc/hostname
Environment=PATH=/nowhere|ExecStart=cat /etc/hostname
ExecStart=@/bin/cat cat /etc/hostname
ExecStart=/usr/bin/../bin/cat /etc/hostname
ExecStart=//bin//cat /etc/hostname
ExecStart=\x2fbin\x2fcat /etc/hostname
ExecStart=/bin/c\141t /etc/hostname
ExecStart=/bin/ca"t" /etc/hostname
ExecStart='/bin/cat' /etc/hostname
ExecStart=/bin/true %p %H %%z
ExecStart=/bin/true|ExecStart="/bin/true x
ExecStart=/bin/true|ExecStart=-/bin/true "x
ExecStart=/bin/true|ExecStart=-/bin/true %z
ExecStart=/bin/true|ExecStart=--/bin/true
ExecStart=!!/bin/cat /etc/hostname
User=0
User=65534
RootDirectory=/
RootDirectory=/missing|RootDirectory=
WorkingDirectory=-/etc/hostname
WorkingDirectory=-relative
WorkingDirectory=-%z
WorkingDirectory=~|User=daemon
StandardInput=file:/etc
StandardInput=data
StandardOutput=file:relative
LimitNOFILE=bogus
LimitNOFILE=10:5
LimitSTACK=64K
CPUAffinity=0
CPUAffinity=bogus
LoadCredential=bad/name:/missing
LoadCredential=:/missing
LoadCredential=a
EnvironmentFile=-/etc/*.missing
EnvironmentFile=/etc/hostnam?
EnvironmentFile=%E/hostname
ExecCondition=-/bin/false
ExecCondition=/usr/bin/test ! -e /missing
ExecStartPre=/usr/bin/[ -f /etc/hostname ]
ExecStartPre=/bin/sh -c "false; true"
ExecStartPre=/bin/sh -c "! test -d /missing"
ExecStartPre=/bin/sh -c "exec true; false"
ExecStartPre=/bin/sh -c "if false; then exit 1; fi"
ExecStartPre=/bin/sh -c "test -d /missing && false; true"
ExecStartPre=/bin/cp /etc/hostname /run/x
ExecStartPre=/bin/rm -f /missing
ExecStartPre=/bin/sleep 1
ExecStartPre=/bin/sleep 1|TimeoutStartSec=0
ExecStartPre=/bin/sleep 1|TimeoutStartSec=bogus
ExecStartPre=/bin/sleep 1|TimeoutStopSec=500ms
ExecStartPre=/bin/sleep 0.02m|TimeoutStartSec=1s 900ms
ExecStartPre=/bin/sleep 1|TimeoutStartSec=500ms|TimeoutSec=10
SuccessExitStatus=1|ExecStartPre=/bin/false
BindPaths=/bin/true:/bin/cat
BindPaths=/dev/null:/etc/hostname
TemporaryFileSystem=/usr|BindPaths=/usr/bin /usr/lib -/usr/lib64
"""
STOPS = r"""ReadWritePaths=/missing
ReadWritePaths=+/missing
ReadWritePaths=/etc /missing
ReadWritePaths="/mis sing"
ReadOnlyPaths=/missing
InaccessiblePaths=/missing
ExecPaths=/missing
NoExecPaths=/missing
BindPaths=/missing:/mnt/a
BindReadOnlyPaths=/missing
ReadWriteDirectories=/missing
ReadWritePaths=/missing|ExecStart=+/bin/cat /etc/hostname
WorkingDirectory=/missing
WorkingDirectory=/missing|ExecStart=+/bin/cat /etc/hostname
RootDirectory=/missing
RootImage=/missing
User=missing
User=missing|ExecStart=!/bin/cat /etc/hostname
Group=missing
SupplementaryGroups=missing
StandardInput=file:/missing
StandardOutput=file:/missing/out
StandardOutput=append:/missing/out
StandardOutput=truncate:/missing/out
StandardError=file:/missing/out
LoadCredential=a:/missing
NoExecPaths=/
NoExecPaths=/|ExecPaths=/usr/bin
NoExecPaths=/usr/lib
NoExecPaths=/bin
InaccessiblePaths=/usr/bin
InaccessiblePaths=/bin
InaccessiblePaths=/usr
InaccessiblePaths=/usr/lib
InaccessiblePaths=/bin/cat
InaccessiblePaths=/usr|ReadOnlyPaths=/usr/bin
TemporaryFileSystem=/usr
TemporaryFileSystem=/:ro
TemporaryFileSystem=/usr|ExecStart=+/bin/cat /etc/hostname
SystemCallFilter=@basic-io
SystemCallFilter=~@file-system
SystemCallFilter=~@basic-io
SystemCallFilter=~@default
SystemCallFilter=~@system-service
SystemCallFilter=~openat
SystemCallFilter=~openat:EPERM
SystemCallFilter=~execve
SystemCallFilter=nosuchcall
LimitNOFILE=3
LimitAS=1M
LimitDATA=64K
ExecStartPre=/missing
ExecStartPre=missing
ExecStartPre=/bin/false
ExecStartPre=+/bin/false
ExecStartPre=/etc/hostname
ExecCondition=/missing
ExecCondition=/bin/false
EnvironmentFile=/missing
ExecSearchPath=/nonexistent|ExecStart=cat /etc/hostname
User=12345
Group=12345
RootDirectory=/etc
RootDirectory=/etc/hostname
MountImages=/missing:/mnt
ExtensionImages=/missing
ExtensionDirectories=/missing
WorkingDirectory=/etc/hostname
WorkingDirectory=~|User=nobody
StandardInput=socket
StandardOutput=socket
StandardInput=fd:foo
StandardOutput=file:/etc
StandardOutput=file:/etc/hostname/x
LimitSTACK=4K
CPUAffinity=999
NetworkNamespacePath=/missing
NetworkNamespacePath=/etc/hostname
LoadCredential=a:/missing|LoadCredential=b:/etc/hostname
EnvironmentFile=/etc
EnvironmentFile=/etc/*.missing
EnvironmentFile=/bin/cat
EnvironmentFile=%E/missing
ExecCondition=/bin/sh -c "exit 255"
ExecCondition=/bin/sh -c "exit 1"
ExecCondition=/usr/bin/test -e /missing
ExecStartPre=/bin/sh -c "exit 1"
ExecStartPre=/usr/bin/test -f /missing
ExecStartPre=/usr/bin/[ ! -d /etc ]
ExecStartPre=/bin/sh -c "test -f /missing && true"
ExecStartPre=/bin/sh -ec "false; true"
ExecStartPre=/bin/sh -c 'exec /bin/false'
ExecStartPre=/bin/sh -c "set -e; test -s /missing; true"
ExecStartPre=/bin/sh -c "test -x /etc/group"
ExecStartPre=/bin/sh -c "test -b /etc/hostname"
ExecStartPre=/bin/sh -c "true && exit 4; true"
ExecStartPre=/bin/env A=1 false
ExecStartPre=/bin/nice -n 5 false
ExecStartPre=/bin/cat /missing
ExecStartPre=/bin/cp /missing /run/x
ExecStartPre=/bin/chmod 644 /missing
ExecStartPre=/bin/rm /missing
ExecStartPre=/bin/sleep 3|TimeoutStartSec=1
ExecStartPre=-/bin/sleep 3|TimeoutStartSec=1
ExecStartPre=/bin/sleep 3|TimeoutStartSec=10|TimeoutSec=1
ExecCondition=/bin/sleep 3|TimeoutStartSec=1s 500ms
ExecStartPost=/bin/sh -c "exit 2"
BindPaths=/etc:/usr/bin
BindPaths=/etc:/bin
BindPaths=/etc:/bin|ExecStart=+/bin/cat /etc/hostname
BindPaths=/etc/hostname:/bin/cat
BindPaths=/dev/null:/usr/bin/cat
TemporaryFileSystem=/usr|BindReadOnlyPaths=/usr/lib
RootDirectory=/home|ExecStart=+/bin/cat /etc/hostname
"""
REFUSED = r"""WorkingDirectory=/etc/../usr
RootDirectory=/usr/..
ExecStart=@/bin/cat
ExecStart=/bin/cat "/etc/hostname
ExecStart=/bin/cat %z
ExecStart=/bin/cat %5
ExecStart=+!/bin/cat /etc/hostname
ExecStart=!+/bin/cat /etc/hostname
ExecStart=/bin/true|ExecStart=/bin/true "x
ExecStart=/bin/true|ExecStart=/bin/true %z
ExecStart=/bin/true|ExecStart="" x
ExecStart=/bin/true|ExecStart=@/bin/true
ExecStart=/bin/true|ExecStart=/bin/
ExecStart=/bin/true|ExecStart=bin/true
RootDirectory=relative
RootDirectory=-/missing
RootDirectory=~
RootImage=-/missing
WorkingDirectory=relative
WorkingDirectory=%z
"""
ROWS = {**dict.fromkeys(STARTS.splitlines(), True), **dict.fromkeys(STOPS.splitlines(), False)}
REFUSED_ROWS = REFUSED.splitlines()
"""What makes a unit that systemd does not even load."""

WRITES = {
    ("ProtectSystem=strict", "/etc/x"): "ProtectSystem=strict",
    ("ProtectSystem=full", "/etc/x"): "ProtectSystem=full",
    ("ProtectSystem=yes", "/etc/x"): "",
    ("ProtectSystem=strict|ReadWritePaths=/etc", "/etc/x"): "",
    ("ProtectSystem=full|ReadWritePaths=/etc", "/etc/x"): "ProtectSystem=full",
    ("ProtectSystem=strict|BindPaths=/etc", "/etc/x"): "",
    ("ProtectSystem=strict", "/run/x"): "ProtectSystem=strict",
    ("ProtectSystem=strict|RuntimeDirectory=q", "/run/q/x"): "",
    ("ProtectSystem=strict|StateDirectory=q", "/var/lib/q/x"): "",
    ("ProtectSystem=strict", "/root/x"): "",
    ("ProtectHome=yes", "/root/x"): "ProtectHome=yes",
    ("ProtectHome=read-only", "/root/x"): "ProtectHome=read-only",
    ("ProtectHome=read-only|ReadWritePaths=/root", "/root/x"): "ProtectHome=read-only",
    ("ProtectHome=yes|BindPaths=/root", "/root/x"): "ProtectHome=yes",
    ("ProtectHome=nonsense", "/root/x"): "",
    ("ReadOnlyPaths=/", "/run/x"): "ReadOnlyPaths=/",
    ("ReadOnlyPaths=/|ReadWritePaths=/run", "/run/x"): "",
    ("ReadOnlyPaths=/run|ReadWritePaths=/run", "/run/x"): "ReadOnlyPaths=/run",
    ("ReadOnlyPaths=/var/run", "/run/x"): "ReadOnlyPaths=/var/run",
    ("TemporaryFileSystem=/run", "/run/x"): "",
    ("TemporaryFileSystem=/run:ro", "/run/x"): "TemporaryFileSystem=/run",
    ("InaccessiblePaths=/root", "/root/x"): "InaccessiblePaths=/root",
}
"""Settings and a path, to which of them keeps the service from making a file there; empty where none does."""

RUNS = "[Service]|ExecStart=/bin/sleep 1000|"
ONCE = "[Service]|Type=oneshot|ExecStart=/bin/true|"
FAILS = "[Service]|Type=oneshot|ExecStart=/bin/false|"
ENDLESS = "[Service]|Type=oneshot|ExecStart=/bin/sleep infinity|"
REQUIRES = f"Requires=OTHER|After=OTHER|{RUNS}"
BINDS = f"BindsTo=OTHER|After=OTHER|{RUNS}"
WAITS = f"Wants=OTHER|After=OTHER|{RUNS}"
PAIRS = {
    (REQUIRES, ONCE): True,
    (REQUIRES, FAILS): False,
    (f"Requires=OTHER|{RUNS}", FAILS): True,
    (f"Wants=OTHER|After=OTHER|{RUNS}", FAILS): True,
    (REQUIRES, f"ConditionPathExists=/missing|{FAILS}"): True,
    (REQUIRES, f"AssertPathExists=/missing|{ONCE}"): False,
    (REQUIRES, "[Service]|Type=oneshot|ExecStart=/missing|"): False,
    (REQUIRES, "[Service]|Type=oneshot|ExecStart=-/missing|"): True,
    (REQUIRES, "[Service]|Type=exec|ExecStart=/missing|"): False,
    (REQUIRES, "[Service]|ExecStart=/missing|"): True,
    (REQUIRES, "[Service]|ExecStart=/bin/false|"): True,
    (REQUIRES, f"{ONCE}ReadWritePaths=/missing|"): False,
    (REQUIRES, f"{RUNS}ReadWritePaths=/missing|"): True,
    (REQUIRES, f"{RUNS}EnvironmentFile=/missing|"): False,
    (REQUIRES, f"{RUNS}ExecStartPre=/bin/false|"): False,
    (REQUIRES, f"{RUNS}ExecStartPre=/missing|"): False,
    (REQUIRES, f"{RUNS}ExecStartPre=-/bin/false|"): True,
    (REQUIRES, f"{RUNS}ExecStartPost=/bin/false|"): False,
    (BINDS, RUNS): True,
    (BINDS, ONCE): False,
    (BINDS, f"{ONCE}RemainAfterExit=yes|"): True,
    (BINDS, f"ConditionPathExists=/missing|{RUNS}"): False,
    (f"Requisite=OTHER|After=OTHER|{RUNS}", RUNS): False,
    (f"BindsTo=missing.service|{RUNS}", ONCE): False,
    (f"Requires=OTHER|After=OTHER|Before=OTHER|{RUNS}", RUNS): False,
    (f"Wants=OTHER|Before=OTHER|{RUNS}", RUNS): True,
    (f"Requires=missing.service|After=missing.service|{RUNS}", ONCE): True,
    (f"Requisite=missing.service|{RUNS}", ONCE): True,
    (REQUIRES, "[Service]|Type=oneshot|ExecStart=/usr/bin/test -f /missing|"): False,
    (REQUIRES, "[Service]|Type=oneshot|ExecStart=/usr/bin/test -f /missing|SuccessExitStatus=1|"): True,
    (REQUIRES, f"{RUNS}ExecStartPre=/bin/sleep 3|TimeoutStartSec=1|"): False,
    (REQUIRES, f"{RUNS}WorkingDirectory=relative|"): True,
    (WAITS, ENDLESS): False,
    (WAITS, f"{ENDLESS}TimeoutStartSec=1|"): True,
    (WAITS, f"ConditionPathExists=/missing|{ENDLESS}"): True,
    (WAITS, "[Service]|ExecStart=/bin/sleep infinity|"): True,
    (f"Wants=OTHER|{RUNS}", ENDLESS): True,
    (f"Wants=OTHER|{RUNS}", f"Before=IT|{ENDLESS}"): False,
}
"""Two units, IT and OTHER, each behind the head of [Unit]: whether the first one runs after some seconds."""


def pair(it: str, other: str, number: int) -> dict[str, str]:
    """The two units of a row by their names without suffix."""
    first, second = f"it{number}", f"other{number}"
    texts = {first: it, second: other}
    return {
        name: text.replace("|", "\n").replace("IT", f"{first}.service").replace("OTHER", f"{second}.service")
        for name, text in texts.items()
    }


def service(row: str) -> str:
    """The section [Service] of a row, in which `|` parts the lines."""
    lines = row.split("|")
    has_command = any(line.startswith("ExecStart=") for line in lines)
    return "\n".join(["[Service]", "Type=oneshot", *([] if has_command else [CAT]), *lines, ""])


FREEZES = {
    "": True,
    "CapabilityBoundingSet=": False,
    "CapabilityBoundingSet=~": True,
    "CapabilityBoundingSet=CAP_NET_ADMIN": False,
    "CapabilityBoundingSet=CAP_NET_ADMIN cap_sys_admin": True,
    "CapabilityBoundingSet=~CAP_SYS_ADMIN": False,
    "CapabilityBoundingSet=~CAP_NET_ADMIN": True,
    "CapabilityBoundingSet=CAP_NET_ADMIN|CapabilityBoundingSet=CAP_SYS_ADMIN": True,
    "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_ADMIN|CapabilityBoundingSet=~CAP_SYS_ADMIN": False,
    "CapabilityBoundingSet=CAP_NET_ADMIN|CapabilityBoundingSet=|CapabilityBoundingSet=~CAP_KILL": False,
    "CapabilityBoundingSet=CAP_NET_ADMIN|CapabilityBoundingSet=": False,
    "PrivateUsers=yes": False,
    "PrivateUsers=yes|PrivateUsers=no": True,
    "SystemCallFilter=~ioctl": False,
    "NoNewPrivileges=yes": True,
    "ProtectSystem=strict": True,
    "PrivateTmp=yes": True,
}
"""Settings, and whether the service may freeze a file system: FIFREEZE of a tmpfs is refused as not possible
by who may, and as not permitted by who may not."""

_AS_NOBODY = "User=nobody|AmbientCapabilities="
LINKS = {
    "": True,
    "PrivateNetwork=yes": False,
    "PrivateNetwork=yes|PrivateNetwork=no": True,
    "CapabilityBoundingSet=": False,
    "CapabilityBoundingSet=CAP_NET_RAW": False,
    "CapabilityBoundingSet=CAP_NET_RAW|CapabilityBoundingSet=CAP_NET_ADMIN": True,
    "PrivateUsers=yes": False,
    "User=nobody": False,
    f"{_AS_NOBODY}CAP_NET_ADMIN": True,
    f"{_AS_NOBODY}CAP_NET_RAW": False,
    f"{_AS_NOBODY}CAP_NET_ADMIN|AmbientCapabilities=": False,
    "RestrictAddressFamilies=AF_UNIX": False,
    "RestrictAddressFamilies=none": False,
    "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET": True,
    "RestrictAddressFamilies=AF_UNIX|RestrictAddressFamilies=AF_NETLINK AF_INET": True,
    "RestrictAddressFamilies=~AF_NETLINK": False,
    "RestrictAddressFamilies=~AF_PACKET": True,
    "RestrictAddressFamilies=AF_NETLINK AF_INET|RestrictAddressFamilies=~AF_NETLINK": False,
}
"""Settings, and whether the service may take a network link of the machine up and down."""
