"""The system calls of another program in the sandbox: qemu-img, QEMU.

They are many, because the program brings its own libraries and is loaded after the filter is in force. Which
files it opens is Landlock's to bound (launch.py); what is not here fails, above all whatever makes or
connects a socket, looks into or signals another process, changes owners, modes, times or mounts, or has the
kernel do one of these on its behalf (io_uring). Of new processes only threads can be had, and `execve` is
left because the program itself comes by it: Landlock lets nothing else be executed.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
"""

CALLS: dict[str, tuple[int | None, int | None]] = {
    # name                   x86_64  aarch64
    "access":                  (21, None),
    "arch_prctl":              (158, None),
    "close_range":             (436, 436),
    "copy_file_range":         (326, 285),
    "dup":                     (32, 23),
    "dup2":                    (33, None),
    "dup3":                    (292, 24),
    "epoll_create1":           (291, 20),
    "epoll_ctl":               (233, 21),
    "epoll_pwait":             (281, 22),
    "epoll_wait":              (232, None),
    "eventfd2":                (290, 19),
    "execve":                  (59, 221),
    "faccessat":               (269, 48),
    "faccessat2":              (439, 439),
    "fadvise64":               (221, 223),
    "fallocate":               (285, 47),
    "fcntl":                   (72, 25),
    "fdatasync":               (75, 83),
    "flock":                   (73, 32),
    "fstatfs":                 (138, 44),
    "fsync":                   (74, 82),
    "ftruncate":               (77, 46),
    "get_mempolicy":           (239, 236),
    "get_robust_list":         (274, 100),
    "getcwd":                  (79, 17),
    "getdents64":              (217, 61),
    "getegid":                 (108, 177),
    "geteuid":                 (107, 175),
    "getgid":                  (104, 176),
    "getppid":                 (110, 173),
    "getresgid":               (120, 150),
    "getresuid":               (118, 148),
    "getrlimit":               (97, 163),
    "getuid":                  (102, 174),
    "io_destroy":              (207, 1),
    "io_getevents":            (208, 4),
    "io_pgetevents":           (333, 292),
    "io_setup":                (206, 0),
    "io_submit":               (209, 2),
    "ioctl":                   (16, 29),
    "lstat":                   (6, None),
    "mbind":                   (237, 235),
    "membarrier":              (324, 283),
    "memfd_create":            (319, 279),
    "mlock":                   (149, 228),
    "mmap":                    (9, 222),
    "mprotect":                (10, 226),
    "munlock":                 (150, 229),
    "newfstatat":              (262, 79),
    "open":                    (2, None),
    "openat":                  (257, 56),
    "pipe":                    (22, None),
    "pipe2":                   (293, 59),
    "poll":                    (7, None),
    "ppoll":                   (271, 73),
    "prctl":                   (157, 167),
    "pselect6":                (270, 72),
    "pwrite64":                (18, 68),
    "pwritev":                 (296, 70),
    "pwritev2":                (328, 287),
    "readlink":                (89, None),
    "readlinkat":              (267, 78),
    "rseq":                    (334, 293),
    "rt_sigpending":           (127, 136),
    "rt_sigtimedwait":         (128, 137),
    "sched_get_priority_max":  (146, 125),
    "sched_get_priority_min":  (147, 126),
    "sched_getaffinity":       (204, 123),
    "sched_getparam":          (143, 121),
    "sched_getscheduler":      (145, 120),
    "select":                  (23, None),
    "set_mempolicy":           (238, 237),
    "set_robust_list":         (273, 99),
    "set_tid_address":         (218, 96),
    "setrlimit":               (160, 164),
    "signalfd4":               (289, 74),
    "stat":                    (4, None),
    "statfs":                  (137, 43),
    "statx":                   (332, 291),
    "sync_file_range":         (277, 84),
    "sysinfo":                 (99, 179),
    "timer_create":            (222, 107),
    "timer_delete":            (226, 111),
    "timer_settime":           (223, 110),
    "timerfd_create":          (283, 85),
    "timerfd_gettime":         (287, 87),
    "timerfd_settime":         (286, 86),
    "times":                   (100, 153),
    "umask":                   (95, 166),
    "uname":                   (63, 160),
    "wait4":                   (61, 260),
}  # fmt: skip
"""Of every program, besides those of a reader (seccomp.py)."""

MACHINE_CALLS: dict[str, tuple[int | None, int | None]] = {
    "getpeername":             (52, 205),
    "getsockname":             (51, 204),
    "getsockopt":              (55, 209),
    "recvfrom":                (45, 207),
    "recvmsg":                 (47, 212),
    "sendmsg":                 (46, 211),
    "sendto":                  (44, 206),
    "setsockopt":              (54, 208),
    "shutdown":                (48, 210),
    "seccomp":                 (317, 277),
    "tgkill":                  (234, 131),
}  # fmt: skip
"""Of QEMU, besides: it speaks by sockets that it is given, confines itself further, and wakes its threads."""

THREAD_CALLS: dict[str, tuple[int | None, int | None]] = {
    "clone":                   (56, 220),
}  # fmt: skip
"""Allowed for threads, not for processes."""

OWN_CALLS: dict[str, tuple[int | None, int | None]] = {
    "prlimit64":               (302, 261),
}  # fmt: skip
"""Allowed where the first argument, a process, is 0: the caller itself."""

UNKNOWN_CALLS: dict[str, tuple[int | None, int | None]] = {
    "clone3":                  (435, 435),
    "io_uring_setup":          (425, 425),
}  # fmt: skip
"""Those of which a program has to believe that the kernel lacks them, so that it takes the older way."""
