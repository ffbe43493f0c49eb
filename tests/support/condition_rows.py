"""Conditions of units, and whether they hold in a machine that boots: a running systemd 252 decided each."""

HOLD = """\
PathExists=/etc
PathExists=/etc/group/
PathExists=relative
PathExists="/missing"
PathExists=/missing/../missing
PathExists=%z
PathExists=!!/missing
PathExists=%E/group
PathExistsGlob=/etc/gr{oup,x}
PathExistsGlob=/etc/gr*
PathIsDirectory=/usr/bin
PathIsSymbolicLink=/bin
PathIsMountPoint=/
PathIsMountPoint=/proc
PathIsReadWrite=/etc
DirectoryNotEmpty=/etc
FileNotEmpty=/etc/group
FileNotEmpty=!/etc
FileIsExecutable=/bin/cat
User=root
User=@system
Group=0
Group=!daemon
Group=!notthere
Architecture=native
Security=!bogus
Capability=CAP_SYS_ADMIN
Capability=cap_net_raw
ACPower=yes
FirstBoot=!maybe|ConditionFirstBoot=
NeedsUpdate=bogus
KernelVersion=>=3.0
KernelVersion=>= 3.0
KernelVersion=>=3.0 <100
KernelVersion=!=3.0
KernelVersion=!5.*
Memory=>=1M
Memory=1M
CPUs=>=1
CPUs=1
CPUs=!>=9999
Host=*
Firmware=!bogus
OSRelease=ID!=fedora
OSRelease=VERSION_ID>=11
OSRelease=ID=debian VERSION_ID=12
OSRelease="ID=debian"
ControlGroupController=bogus
Bogus=x
Environment=!MISSING
KernelCommandLine=!bogus
Credential=!missing
"""
LAPSE = """\
PathExists=/missing
PathExistsGlob=/etc/zz{a,b}
PathIsDirectory=/etc/group
PathIsSymbolicLink=/etc
PathIsMountPoint=/etc
PathIsReadWrite=/missing
DirectoryNotEmpty=/etc/group
FileNotEmpty=/etc
FileIsExecutable=/etc/group
User=daemon
User=1000
Group=daemon
Group=@system
Group=notthere
Architecture=bogus
Security=bogus
Capability=CAP_BOGUS
Capability=!CAP_BOGUS
Capability=SYS_ADMIN
ACPower=no
ACPower=bogus
ACPower=!bogus
FirstBoot=bogus
FirstBoot=!bogus
KernelVersion=<3.0
KernelVersion=5.*
KernelVersion=>=3.0 5.*
Memory=<1M
Memory=bogus
Memory=!bogus
CPUs=>=9999
CPUs=bogus
Host=00000000000000000000000000000001
Firmware=bogus
OSRelease=ID=fedora
OSRelease=ID=deb*
OSRelease=VERSION_ID<11
OSRelease=VERSION_ID>= 11
OSRelease=bogus
OSRelease=!bogus
OSRelease=MISSING=
OSRelease=ID=debian VERSION_ID=13
Environment=MISSING
KernelCommandLine=bogus
Credential=missing
"""
CONDITIONS = {**dict.fromkeys(HOLD.splitlines(), True), **dict.fromkeys(LAPSE.splitlines(), False)}


def conditional(row: str) -> str:
    """A service with this condition."""
    lines = f"Condition{row}".replace("|", "\n")
    return f"{lines}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
