/* A stand-in for qemu-img that was taken over: it tries whatever could reach beyond what it was given.
   For each that succeeds it prints a line; the last line is "done". VICTIM is the path of another's file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void got(const char *what) { printf("GOT %s\n", what); fflush(stdout); }

static void reads(const char *path)
{
    char line[512];
    int file = open(path, O_RDONLY);
    if (file >= 0 && read(file, line, 1) == 1) { snprintf(line, sizeof line, "file %s", path); got(line); }
    if (file >= 0) close(file);
}

static void writes(const char *path)
{
    char line[512];
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    if (file >= 0) { snprintf(line, sizeof line, "writing %s", path); got(line); close(file); }
}

static void runs(const char *program, char *const arguments[])
{
    pid_t child = vfork();
    if (child < 0) return;
    if (child == 0) { execv(program, arguments); _exit(77); }
    int status = 0;
    if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 77) got("another program");
    else got("another process");
}

int main(int count, char **arguments)
{
    if (count > 1 && !strcmp(arguments[1], "--version")) { puts("qemu-img version 7.2.0"); return 0; }
    const char *victim = VICTIM;
    char parent[64], *cat[] = {"cat", "/etc/passwd", NULL}, *loaded[] = {"ld.so", "/usr/bin/cat", "/etc/passwd", NULL};
    reads(victim); writes(victim);
    reads("/etc/passwd"); reads("/etc/shadow"); reads("/etc/hostname"); reads("/usr/lib/os-release");
    reads("/proc/1/environ"); reads("/proc/1/root/etc/passwd"); reads("/proc/self/root/etc/passwd");
    snprintf(parent, sizeof parent, "/proc/%d/environ", getppid()); reads(parent);
    snprintf(parent, sizeof parent, "/proc/%d/mem", getppid()); reads(parent);
    snprintf(parent, sizeof parent, "/proc/%d/root/etc/passwd", getppid()); reads(parent);
    writes("/tmp/imgtool-stand-in"); writes("/dev/shm/imgtool-stand-in"); writes("/proc/self/oom_score_adj");
    for (int family = 1; family < 45; family++) {
        if (socket(family, SOCK_STREAM, 0) >= 0 || socket(family, SOCK_DGRAM, 0) >= 0 || socket(family, SOCK_RAW, 0) >= 0)
            got("a socket");
    }
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) got("a socket pair");
    runs("/bin/cat", cat); runs("/bin/sh", cat); runs("/lib64/ld-linux-x86-64.so.2", loaded);
    if (fork() == 0) { got("a fork"); _exit(0); }
    execv("/bin/cat", cat);
    execv("/bin/sh", cat);
    if (ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0) got("another's memory");
    if (kill(getppid(), 0) == 0 || kill(1, 0) == 0) got("a signal");
    if (chmod(victim, 0777) == 0 || chown(victim, 1, 1) == 0) got("the rights of a file");
    if (truncate(victim, 0) == 0 || unlink(victim) == 0 || rename(victim, "/tmp/x") == 0) got("a file's name");
    if (link(victim, "/tmp/imgtool-link") == 0 || symlink("/", "/tmp/imgtool-symlink") == 0) got("a link");
    if (mkdir("/tmp/imgtool-made", 0700) == 0) got("a folder");
    if (mount("none", "/mnt", "tmpfs", 0, NULL) == 0 || chroot("/tmp") == 0) got("a mount");
    if (unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0) got("a namespace");
    if (shmget(0x1234, 4096, IPC_CREAT | 0600) >= 0) got("shared memory");
    if (syscall(SYS_io_uring_setup, 4, calloc(1, 512)) >= 0) got("an io_uring");
    if (syscall(SYS_bpf, 0, calloc(1, 512), 64) >= 0) got("bpf");
    if (syscall(SYS_pidfd_open, getppid(), 0) >= 0) got("a pidfd");
    if (syscall(SYS_keyctl, 0, -3, 0) >= 0) got("a keyring");
    if (syscall(SYS_open_by_handle_at, AT_FDCWD, calloc(1, 128), O_RDONLY) >= 0) got("a file by its handle");
    for (char **one = environ; *one; one++)
        if (strstr(*one, "SECRET") || strstr(*one, "proxy") || !strncmp(*one, "OS_", 3)) got("our environment");
    for (int number = 3; number < 256; number++) {
        struct stat found;
        char name[64];
        if (fstat(number, &found) < 0) continue;
        if (S_ISSOCK(found.st_mode)) got("an inherited socket");
        snprintf(name, sizeof name, "/proc/self/fd/%d", number);
        int file = open(name, O_WRONLY);
        if (file >= 0) { snprintf(name, sizeof name, "writing descriptor %d", number); got(name); close(file); }
    }
    puts("done");
    return 0;
}
