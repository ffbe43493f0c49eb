/*
 * Preloaded by tests: lets one call of a process fail, or something happen just before it.
 *
 *   MISHAP_CALL  preadv, pwritev or fsync (pread and pwrite count as theirs)
 *   MISHAP_FILE  what the name of the file has to contain
 *   MISHAP_AT    which of these calls, from 1
 *   MISHAP_DO    errno: N     it and all that follow fail with it
 *                shrink       the file loses its second half
 *                change       the file's first byte is written again, and its time is another
 *                rename: DIR  that folder gets another name
 *   MISHAP_CLOCK N   each look at the wall clock, from the N-th on, sees it jump by hours, to and fro
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_int seen, looks;

static int is_meant(const char *call, int fd, char *name)
{
    const char *wanted = getenv("MISHAP_CALL"), *part = getenv("MISHAP_FILE");
    char link[64];
    ssize_t length;
    if (!wanted || strcmp(wanted, call))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, name, PATH_MAX - 1);
    if (length < 0)
        return 0;
    name[length] = 0;
    return !part || strstr(name, part) != NULL;
}

static void change(const char *name)
{
    char byte = 0;
    int fd = open(name, O_RDWR);
    if (fd < 0)
        return;
    if (read(fd, &byte, 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, &byte, 1) == 1)
        futimens(fd, (struct timespec[]){{1, 0}, {1, 0}});
    close(fd);
}

/* Nonzero where the call has to fail; errno is set then. */
static int mishap(const char *call, int fd)
{
    char name[PATH_MAX];
    const char *at = getenv("MISHAP_AT"), *what = getenv("MISHAP_DO");
    struct stat found;
    int number;
    if (!at || !what || !is_meant(call, fd, name))
        return 0;
    number = ++seen;
    if (!strncmp(what, "errno: ", 7) && number >= atoi(at)) {
        errno = atoi(what + 7);
        return 1;
    }
    if (number != atoi(at))
        return 0;
    if (!strcmp(what, "shrink") || !strcmp(what, "change"))
        fcntl(fd, F_SETLEASE, F_UNLCK); /* the lease of this very process would make it wait for itself */
    if (!strcmp(what, "shrink") && stat(name, &found) == 0 && truncate(name, found.st_size / 2))
        perror("shim: truncate");
    if (!strcmp(what, "change"))
        change(name);
    if (!strncmp(what, "rename: ", 8)) {
        char other[PATH_MAX];
        snprintf(other, sizeof other, "%s.gone", what + 8);
        if (rename(what + 8, other))
            perror("shim: rename");
    }
    return 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRAP(call, name, result, parameters, arguments)  \
    result name parameters                               \
    {                                                    \
        return mishap(call, fd) ? -1 : NEXT(name) arguments; \
    }

WRAP("preadv", preadv, ssize_t, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
WRAP("preadv", preadv64, ssize_t, (int fd, const struct iovec *v, int n, off64_t o), (fd, v, n, o))
WRAP("preadv", preadv2, ssize_t, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f))
WRAP("preadv", preadv64v2, ssize_t, (int fd, const struct iovec *v, int n, off64_t o, int f), (fd, v, n, o, f))
WRAP("preadv", pread, ssize_t, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
WRAP("preadv", pread64, ssize_t, (int fd, void *b, size_t n, off64_t o), (fd, b, n, o))
WRAP("pwritev", pwritev, ssize_t, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
WRAP("pwritev", pwritev64, ssize_t, (int fd, const struct iovec *v, int n, off64_t o), (fd, v, n, o))
WRAP("pwritev", pwritev2, ssize_t, (int fd, const struct iovec *v, int n, off_t o, int f), (fd, v, n, o, f))
WRAP("pwritev", pwritev64v2, ssize_t, (int fd, const struct iovec *v, int n, off64_t o, int f), (fd, v, n, o, f))
WRAP("pwritev", pwrite, ssize_t, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
WRAP("pwritev", pwrite64, ssize_t, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
WRAP("fsync", fsync, int, (int fd), (fd))

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const char *from = getenv("MISHAP_CLOCK");
    int done = NEXT(clock_gettime)(clock, now);
    if (from && done == 0 && clock == CLOCK_REALTIME) {
        int look = ++looks;
        if (look >= atoi(from))
            now->tv_sec += look % 2 ? 7 * 3600 : -5 * 3600;
    }
    return done;
}
