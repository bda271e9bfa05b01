/*
 * fsync and fdatasync of a disk that fails or lies, for nodes that a test starts with LD_PRELOAD.
 *
 * Between a node and the C library; compiled by the test that needs it. Two variables say what to do:
 *
 *   SYNC_FORGETS  set to anything: every sync is reported as done, and is not done.
 *   SYNC_FAILS    names a path. While a file is there, every sync fails with EIO. What failed is then treated as Linux
 *                 treats it: the pages count as clean, so that later syncs of the same file succeed and write nothing. The
 *                 files that this befell are listed in PATH.lost, across starts of the node.
 *
 * Invariant: without these variables, and for files that never failed, a sync is the C library's own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tells a file from a later one with the same number. */
static int name_of(int fd, char *name, size_t size) {
    struct statx found;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &found) != 0)
        return -1;
    snprintf(name, size, "%u:%u %llu %lld.%09u\n", found.stx_dev_major, found.stx_dev_minor,
             (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
    return 0;
}

static int is_lost(const char *list, const char *name) {
    char line[128];
    int found = 0;
    FILE *file = fopen(list, "re");
    if (file == NULL)
        return 0;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strcmp(line, name) == 0;
    fclose(file);
    return found;
}

static int sync_or_not(int fd, const char *function) {
    const char *trigger = getenv("SYNC_FAILS");
    if (getenv("SYNC_FORGETS") != NULL)
        return 0;
    if (trigger != NULL) {
        char list[PATH_MAX], name[128];
        snprintf(list, sizeof list, "%s.lost", trigger);
        if (name_of(fd, name, sizeof name) == 0 && is_lost(list, name))
            return 0;
        if (access(trigger, F_OK) == 0) {
            FILE *file = fopen(list, "ae");
            if (file != NULL) {
                fputs(name, file);
                fclose(file);
            }
            errno = EIO;
            return -1;
        }
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, function);
    return real(fd);
}

int fsync(int fd) { return sync_or_not(fd, "fsync"); }

int fdatasync(int fd) { return sync_or_not(fd, "fdatasync"); }
