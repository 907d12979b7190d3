/* SPDX-License-Identifier: MIT
 *
 * The way to a trace folder: what path a path comes to, through which links, and which folder is known again. What
 * other users may do is tests/fault/users.sh's.
 */
#include "shim/folder.h"

#include "tests/unit/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char *place; /* a folder, without links in its path; the current one */

static void set_up(void)
{
    char *folder = make_folder();
    place = realpath(folder, NULL);
    cr_assert(place && chdir(place) == 0);
    free(folder);
    cr_assert(mkdir("a", 0700) == 0 && mkdir("a/b", 0700) == 0);
}

static void tear_down(void)
{
    cr_assert(chdir("/") == 0);
    remove_folder(place);
}

TestSuite(folder, .init = set_up, .fini = tear_down);

/* What `path`, below the place, comes to, below the place; NULL with errno. */
static const char *walk(const char *path)
{
    static char real[FOLDER_PATH_MAX];
    char whole[2 * FOLDER_PATH_MAX];
    struct folder_trouble trouble;
    struct stat parent, expected;
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    long fd = folder_walk(whole, real, NULL, &trouble);
    errno = trouble.error;
    if (fd < 0)
        return NULL;
    snprintf(whole, sizeof whole, "%s", real);
    *strrchr(whole, '/') = '\0';
    cr_expect(fstat((int)fd, &parent) == 0 && stat(whole, &expected) == 0 && parent.st_ino == expected.st_ino);
    close((int)fd);
    return strncmp(real, place, strlen(place)) == 0 ? real + strlen(place) + 1 : real;
}

Test(folder, takes_dots_and_slashes_away)
{
    cr_expect_str_eq(walk("a/b/trace"), "a/b/trace");
    cr_expect_str_eq(walk("a/b"), "a/b");
    cr_expect_str_eq(walk(".//a/./b///trace//"), "a/b/trace");
    cr_expect_str_eq(walk("a/b/../trace"), "a/trace");
    cr_expect_str_eq(walk("a/b/."), "a/b");
    cr_expect_str_eq(walk("a/b/.."), "a");
}

Test(folder, follows_links_of_ones_own)
{
    char whole[FOLDER_PATH_MAX];
    snprintf(whole, sizeof whole, "%s/a/b", place);
    cr_assert(symlink("a/b", "relative") == 0 && symlink(whole, "absolute") == 0 &&
              symlink("../relative", "a/back") == 0 && symlink("nowhere", "dangling") == 0 &&
              symlink("..", "a/b/up") == 0);
    cr_expect_str_eq(walk("relative/trace"), "a/b/trace");
    cr_expect_str_eq(walk("absolute/trace"), "a/b/trace");
    cr_expect_str_eq(walk("a/back/trace"), "a/b/trace");
    cr_expect_str_eq(walk("relative"), "a/b");
    cr_expect_str_eq(walk("a/b/up"), "a");
    cr_expect_str_eq(walk("dangling"), "nowhere"); /* is to be made */
}

Test(folder, says_what_is_wrong)
{
    char real[FOLDER_PATH_MAX], deep[FOLDER_PATH_MAX + 8];
    struct folder_trouble trouble;
    cr_assert(symlink("loop", "loop") == 0);
    cr_expect(!walk("loop/trace") && errno == ELOOP);
    cr_expect(!walk("missing/trace") && errno == ENOENT);
    memset(deep, 'x', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    cr_expect(!walk(deep) && errno == ENAMETOOLONG);
    deep[300] = '\0'; /* one name */
    cr_expect(!walk(deep) && errno == ENAMETOOLONG);
    cr_expect_eq(folder_walk("/", real, NULL, &trouble), -1);
    cr_assert(close(creat("file", 0600)) == 0);
    snprintf(deep, sizeof deep, "%s/file/trace", place);
    cr_expect_eq(folder_walk(deep, real, NULL, &trouble), -1);
    cr_expect_eq(trouble.fault, FOLDER_FAULT_KIND);
    cr_expect_str_eq(strrchr(real, '/'), "/file");
    cr_assert(chmod("a", 0777) == 0);
    snprintf(deep, sizeof deep, "%s/a/trace", place);
    cr_expect_eq(folder_walk(deep, real, NULL, &trouble), -1);
    cr_expect_eq(trouble.fault, FOLDER_FAULT_ANCESTOR);
    cr_expect_str_eq(strrchr(real, '/'), "/a");
    cr_assert(chmod("a", 01777) == 0);
    cr_expect_str_eq(walk("a/trace"), "a/trace");
}

Test(folder, is_made_with_the_mode_that_is_wanted)
{
    struct stat status;
    struct folder_id id;
    struct folder_trouble trouble;
    int here = open(".", O_PATH | O_DIRECTORY);
    umask(022);
    long fd = folder_make(here, "shared", 01733);
    cr_expect(fd >= 0 && fstat((int)fd, &status) == 0 && (status.st_mode & 07777) == 01733);
    cr_expect(folder_usable((int)fd, NULL, &id, &trouble));
    close((int)fd);
    fd = folder_make(here, "shared", 0700); /* keeps its mode */
    cr_expect(fd >= 0 && fstat((int)fd, &status) == 0 && (status.st_mode & 07777) == 01733);
    close((int)fd);
    cr_assert(symlink("a", "link") == 0);
    cr_expect_lt(folder_make(here, "link", 0700), 0);
    cr_assert(chmod("shared", 0777) == 0);
    fd = folder_make(here, "shared", 0700);
    cr_expect(!folder_usable((int)fd, NULL, &id, &trouble));
    cr_expect_eq(trouble.fault, FOLDER_FAULT_OPEN);
    close((int)fd);
    close(here);
}

static bool is_known(const char *path, const struct stat *status)
{
    char whole[FOLDER_PATH_MAX];
    struct folder_id id = {status->st_dev, status->st_ino};
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    long fd = folder_open_known(whole, &id);
    if (fd >= 0)
        close((int)fd);
    return fd >= 0;
}

static void check_known(void)
{
    struct stat status;
    cr_assert(stat("a/b", &status) == 0);
    cr_expect(is_known("a/b", &status));
    cr_expect(!is_known("a", &status));
    cr_expect(!is_known("missing", &status));
    cr_assert(symlink("a", "way") == 0 && symlink("a/b", "end") == 0);
    cr_expect(!is_known("way/b", &status));
    cr_expect(!is_known("end", &status));
    cr_assert(rename("a/b", "moved") == 0 && mkdir("a/b", 0700) == 0);
    cr_expect(!is_known("a/b", &status));
    cr_expect(is_known("moved", &status));
}

Test(folder, is_known_again_through_no_link)
{
    check_known();
}

/* As before Linux 5.6. */
Test(folder, is_known_again_without_openat2)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the system call's number */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};
    cr_assert(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    cr_assert(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) == -1 && errno == ENOSYS);
    check_known();
}
