/* SPDX-License-Identifier: MIT
 *
 * Reading cgroup paths, see cgroup.h.
 */
#include "analyzer/names/cgroup.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum form {
    ID,   /* 64 hexadecimal digits */
    TASK, /* 32 hexadecimal digits, a hyphen, a number: ECS on Fargate */
    NAME
};

/* How container managers name the cgroup of a container: a path's part that begins with `before` and ends with `after`.
 * `parent`: what the part above it must begin with, NULL anything. */
static const struct pattern {
    const char *parent, *before;
    enum form form;
    const char *after;
} patterns[] = {
    {NULL, "docker-", ID, ".scope"},         /* Docker, systemd driver */
    {NULL, "libpod-", ID, ".scope"},         /* Podman */
    {NULL, "libpod-", ID, ""},               /* Podman, cgroupfs */
    {NULL, "cri-containerd-", ID, ".scope"}, /* Kubernetes: containerd */
    {NULL, "crio-", ID, ".scope"},           /* Kubernetes: CRI-O */
    {NULL, "crio-", ID, ""},
    {NULL, "nerdctl-", ID, ".scope"},
    {NULL, "buildkit-", ID, ".scope"},
    {NULL, "", ID, ""},                            /* /docker/ID, /kubepods/.../podUID/ID, containerd's /NAMESPACE/ID */
    {NULL, "", TASK, ""},                          /* /ecs/TASK/ID-NUMBER */
    {NULL, "lxc.payload.", NAME, ""},              /* LXC 4, LXD */
    {"lxc", "", NAME, ""},                         /* LXC before */
    {"machine.slice", "machine-", NAME, ".scope"}, /* systemd-nspawn, libvirt */
    {"machine.slice", "systemd-nspawn@", NAME, ".service"},
};

enum { PATTERNS = sizeof patterns / sizeof *patterns, ID_DIGITS = 64, TASK_DIGITS = 32 };

struct part {
    const char *text;
    size_t size;
};

static bool begins(const struct part *part, const char *with)
{
    size_t size = strlen(with);
    return part->size >= size && memcmp(part->text, with, size) == 0;
}

static bool ends(const struct part *part, const char *with)
{
    size_t size = strlen(with);
    return part->size >= size && memcmp(part->text + part->size - size, with, size) == 0;
}

/* The part before `*part`, which is the path's last where it is empty. False: there is none. */
static bool part_before(const char *path, struct part *part)
{
    const char *end = part->text;
    while (end > path && end[-1] == '/')
        end--;
    const char *begin = end;
    while (begin > path && begin[-1] != '/')
        begin--;
    *part = (struct part){begin, (size_t)(end - begin)};
    return part->size > 0;
}

static struct part behind(const char *path)
{
    return (struct part){path + strlen(path), 0};
}

static const char *copy(const struct part *part, char out[CGROUP_NAME_MAX])
{
    if (part->size == 0 || part->size >= CGROUP_NAME_MAX)
        return NULL;
    memcpy(out, part->text, part->size);
    out[part->size] = '\0';
    return out;
}

const char *cgroup_unit(const char *path, char out[CGROUP_NAME_MAX])
{
    static const char *const kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};
    for (struct part part = behind(path); part_before(path, &part);) {
        struct part name = part;
        if (name.text[0] == '_') { /* put before what would be one of the kernel's own names */
            name.text++;
            name.size--;
        }
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (name.size > strlen(kinds[i]) && ends(&name, kinds[i]))
                return copy(&name, out);
    }
    return NULL;
}

static bool has_form(const struct part *name, enum form form)
{
    size_t digits = 0;
    while (digits < name->size && strchr("0123456789abcdef", name->text[digits]) != NULL)
        digits++;
    if (form == ID)
        return name->size == ID_DIGITS && digits == ID_DIGITS;
    if (form == NAME)
        return name->size > 0;
    size_t at = digits + 1;
    if (digits != TASK_DIGITS || name->size <= at || name->text[digits] != '-')
        return false;
    while (at < name->size && name->text[at] >= '0' && name->text[at] <= '9')
        at++;
    return at == name->size;
}

static bool matches(const struct pattern *pattern, const char *path, const struct part *part, struct part *name)
{
    struct part parent = *part;
    size_t around = strlen(pattern->before) + strlen(pattern->after);
    if (!begins(part, pattern->before) || !ends(part, pattern->after) || part->size < around)
        return false;
    *name = (struct part){part->text + strlen(pattern->before), part->size - around};
    return has_form(name, pattern->form) &&
           (pattern->parent == NULL ||
            (part_before(path, &parent) && parent.size == strlen(pattern->parent) && begins(&parent, pattern->parent)));
}

const char *cgroup_container(const char *path, char out[CGROUP_NAME_MAX])
{
    struct part name;
    for (struct part part = behind(path); part_before(path, &part);)
        for (size_t i = 0; i < PATTERNS; i++)
            if (matches(&patterns[i], path, &part, &name))
                return copy(&name, out);
    return NULL;
}
