/* A disk that fails when it is told to, for the process that is started with LD_PRELOAD.
 *
 * FAULTS_UNDER names the folder whose files fail, FAULTS_FILE a file that says how, in one line:
 *   ERRNO CALLS FIRST LAST
 * ERRNO is a number (28 ENOSPC, 30 EROFS, 5 EIO); CALLS is made of the letters w (write, pwrite, ftruncate,
 * fallocate), s (fsync, fdatasync) and o (open for writing); of these calls, counted from when the line was written,
 * those from FIRST to LAST fail (1 999999999 is every one). No file, or an empty one: nothing fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
#include <pthread.h>

#define REAL(type, name, ...)                                   \
    static type (*real)(__VA_ARGS__);                           \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls_so_far;
static char last_line[128];

static int real_open(const char *path, int flags) {
    REAL(int, "open64", const char *, int, ...);
    return real(path, flags);
}

static ssize_t real_read(int fd, void *into, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    return real(fd, into, size);
}

static int under(const char *path) {
    const char *folder = getenv("FAULTS_UNDER");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int descriptor_under(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return under(path);
}

/* The errno with which this call fails; 0 when it does not. */
static int fault(char call) {
    const char *file = getenv("FAULTS_FILE");
    char line[128] = "", calls[16] = "";
    int code = 0, failing = 0;
    long first = 0, last = 0;
    if (!file) return 0;
    int saved = errno;
    int fd = real_open(file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = real_read(fd, line, sizeof line - 1);
        line[length > 0 ? length : 0] = 0;
        close(fd);
    }
    errno = saved;
    pthread_mutex_lock(&lock);
    if (strcmp(line, last_line) != 0) {
        strcpy(last_line, line);
        calls_so_far = 0;
    }
    if (sscanf(line, "%d %15s %ld %ld", &code, calls, &first, &last) == 4 && strchr(calls, call)) {
        calls_so_far++;
        failing = calls_so_far >= first && calls_so_far <= last;
    }
    pthread_mutex_unlock(&lock);
    return failing ? code : 0;
}

#define FAIL(fd, call)                          \
    if (descriptor_under(fd)) {                 \
        int code = fault(call);                 \
        if (code) { errno = code; return -1; }  \
    }

ssize_t write(int fd, const void *from, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    FAIL(fd, 'w');
    return real(fd, from, size);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    FAIL(fd, 'w');
    return real(fd, from, size, at);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    FAIL(fd, 'w');
    return real(fd, from, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    FAIL(fd, 'w');
    return real(fd, parts, count);
}

int ftruncate(int fd, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    FAIL(fd, 'w');
    return real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    FAIL(fd, 'w');
    return real(fd, size);
}

int posix_fallocate(int fd, off_t at, off_t size) {
    REAL(int, "posix_fallocate", int, off_t, off_t);
    if (descriptor_under(fd)) {
        int code = fault('w');
        if (code) return code;
    }
    return real(fd, at, size);
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    FAIL(fd, 's');
    return real(fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    FAIL(fd, 's');
    return real(fd);
}

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        REAL(int, #name, const char *, int, ...);                         \
        mode_t mode = 0;                                                  \
        if (flags & (O_CREAT | O_TMPFILE)) {                              \
            va_list more;                                                 \
            va_start(more, flags);                                        \
            mode = va_arg(more, mode_t);                                  \
            va_end(more);                                                 \
        }                                                                 \
        if ((flags & O_ACCMODE) != O_RDONLY && under(path)) {             \
            int code = fault('o');                                        \
            if (code) { errno = code; return -1; }                        \
        }                                                                 \
        return real(path, flags, mode);                                   \
    }

OPEN(open)
OPEN(open64)
