/* SPDX-License-Identifier: MIT
 *
 * The steps of attaching to a process and of letting it go: look, stop a thread, load the shim and call it there on a
 * stack of its own, put everything back, go. Called by cmd/.
 */
#include "analyzer/attach/internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SETTINGS_SIZE = 32 << 10 };

#define SHIM_NAME "libsockatlas.so"

/* ---- Calls ---- */

/* On the thread's own stack, below what it uses: only what a small function needs may be taken of it. */
static bool call_beside(struct session *session, uint64_t function, const uint64_t arguments[CALL_ARGUMENTS],
                        uint64_t *result)
{
    uint64_t stack = arch_stack(&session->target.state) - arch_red_zone;
    return call_function(&session->target, function, arguments, stack, result, session->why);
}

static bool find_library(struct session *session, const struct attach_plan *plan)
{
    static const char *const files[] = {"libc.", "libc-", "ld-musl", "libdl"};
    struct library *library = &session->library;
    const struct row {
        const char *name;
        uint64_t *at;
    } wanted[] = {
        {"mmap", &library->map},        {"munmap", &library->unmap},  {"__errno_location", &library->errno_place},
        {"dlopen", &library->load},     {"dlerror", &library->error}, {"socketpair", &library->pair},
        {"recvmsg", &library->receive}, {"close", &library->close}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        for (size_t file = 0; !*wanted[i].at && file < sizeof files / sizeof files[0]; file++)
            *wanted[i].at =
                symbols_find(&session->target.symbols, &session->target.memory, files[file], wanted[i].name);
    struct symbols *symbols = &session->target.symbols;
    session->musl = library->close >= symbols->loader && library->close < symbols->loader_end;
    if (session->musl)
        symbols->loader = symbols->loader_end = 0; /* one object is both: a thread in it need not be loading */
    if (session->musl && plan && !plan->shim_musl)
        return refuse(session->why, "its C library is musl, and there is no musl/libsockatlas.so beside the other one");
    return (library->map && library->unmap && library->errno_place && library->load) ||
           refuse(session->why, "its C library is not one that libraries can be loaded into");
}

/* ---- A place to stand on ---- */

static bool take_area(struct session *session)
{
    uint64_t place = 0, none[CALL_ARGUMENTS] = {0};
    uint64_t arguments[CALL_ARGUMENTS] = {0,          AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                          UINT64_MAX, 0};
    if (!call_beside(session, session->library.errno_place, none, &session->errno_at) ||
        !memory_get(&session->target.memory, session->errno_at, &session->saved_errno, sizeof session->saved_errno) ||
        !call_beside(session, session->library.map, arguments, &place))
        return false;
    if (place == (uint64_t)-1)
        return refuse(session->why, "it has no memory left");
    session->area = place;
    return true;
}

static void give_area(struct session *session)
{
    uint64_t arguments[CALL_ARGUMENTS] = {session->area, AREA_SIZE}, result;
    char unused[ATTACH_WHY_MAX], *why = session->why;
    session->why = unused;
    if (session->area && session->target.tid)
        call_beside(session, session->library.unmap, arguments, &result);
    session->why = why;
}

/* A text that the process has, into `why`. */
static bool refuse_as_told(struct session *session, uint64_t text)
{
    char told[ATTACH_WHY_MAX];
    size_t size = text ? memory_part(&session->target.memory, text, told, sizeof told - 1) : 0;
    told[size] = '\0';
    return refuse(session->why, "%s", size && told[0] ? told : "its loader does not say why");
}

/* ---- Attaching ---- */

static bool load_shim(struct session *session, const char *shim)
{
    uint64_t handle, text = 0;
    if (!memory_put(&session->target.memory, session->area + AREA_SHIM_PATH, shim, strlen(shim) + 1))
        return refuse(session->why, "its memory cannot be written to");
    if (!session_call(session, session->library.load, session->area + AREA_SHIM_PATH, RTLD_NOW, 0, &handle))
        return false;
    if (handle)
        return true;
    if (session->library.error && !session_call(session, session->library.error, 0, 0, 0, &text))
        return false;
    return refuse_as_told(session, text);
}

/* What a process that finds no file of ours is told in place of the shim's path, which its children would not find. */
static const char *setting_for(const struct session *session, const char *setting, char given[64])
{
    static const char preload[] = "LD_PRELOAD=";
    if (!session->carries || strncmp(setting, preload, sizeof preload - 1) != 0)
        return setting;
    snprintf(given, 64, "SOCKATLAS_LOG_FD=%d", session->carried.log);
    return given;
}

/* Puts the settings, and pointers to them, behind AREA_SETTINGS; returns where the pointers are, 0: they
 * do not fit. */
static uint64_t put_settings(const struct session *session, const char *const *settings)
{
    enum { POINTERS_MAX = 32, AT = AREA_SETTINGS };
    uint64_t pointers[POINTERS_MAX] = {0}, base = session->area + AT, text = base + sizeof pointers;
    for (unsigned i = 0; settings[i]; i++) {
        char given[64];
        const char *setting = setting_for(session, settings[i], given);
        size_t size = strlen(setting) + 1;
        if (i + 1 >= POINTERS_MAX || text + size > base + SETTINGS_SIZE ||
            !memory_put(&session->target.memory, text, setting, size))
            return 0;
        pointers[i] = text;
        text += size;
    }
    return memory_put(&session->target.memory, base, pointers, sizeof pointers) ? base : 0;
}

static uint64_t find_shim(const struct session *session, const char *name)
{
    uint64_t found = symbols_find(&session->target.symbols, &session->target.memory, SHIM_NAME, name);
    /* One that was brought along is called otherwise there. */
    return found ? found : symbols_find(&session->target.symbols, &session->target.memory, "", name);
}

static bool begin(struct session *session, const struct attach_plan *plan, struct attach_answer *answer)
{
    uint64_t function = find_shim(session, "sockatlas_attach"), why = session->area + AREA_WHY, result;
    char path[256];
    if (!plan)
        abort(); /* to begin there must be one */
    struct attach_plan fitting = *plan;
    if (session->musl)
        fitting.shim = plan->shim_musl;
    plan = &fitting;
    if (!look_at_filters(session->target.pid, session->why))
        return false; /* one that has no /proc relies on this */
    session->carries = !look_reaches(session->target.pid, plan);
    if (session->carries && !carry_begin(session, plan, !function, path))
        return false;
    if (!function && !load_shim(session, session->carries ? path : plan->shim))
        return false;
    function = find_shim(session, "sockatlas_attach");
    uint64_t settings = put_settings(session, plan->settings);
    if (!function || !settings)
        return refuse(session->why, function ? "the settings are too long" : "it has another libsockatlas.so loaded");
    if (!session_call(session, function, settings, why, ATTACH_WHY_MAX, &result))
        return false;
    answer->sockets = (int)result;
    return answer->sockets >= 0 || refuse_as_told(session, why);
}

static bool end(struct session *session, const struct attach_plan *plan, struct attach_answer *answer)
{
    (void)plan, (void)answer;
    uint64_t function = find_shim(session, "sockatlas_detach"), why = session->area + AREA_WHY, result;
    if (!session_call(session, function, why, ATTACH_WHY_MAX, 0, &result))
        return false;
    return (int)result >= 0 || refuse_as_told(session, why);
}

/* ---- The whole ---- */

/* What is done while a thread stands still. */
typedef bool session_step(struct session *session, const struct attach_plan *plan, struct attach_answer *answer);

static bool with_thread(struct session *session, session_step *step, const struct attach_plan *plan,
                        struct attach_answer *answer)
{
    if (!stop_thread(&session->target, session->why))
        return false;
    bool good = take_area(session) && step(session, plan, answer);
    if (session->carries)
        carry_end(session, plan, good);
    give_area(session);
    if (session->target.tid && session->errno_at)
        memory_put(&session->target.memory, session->errno_at, &session->saved_errno, sizeof session->saved_errno);
    stop_end(&session->target);
    return good;
}

/* step NULL: none is done, and no thread stopped. */
static bool with_process(pid_t pid, session_step *step, const struct attach_plan *plan, struct attach_answer *answer)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        abort();
    *answer = (struct attach_answer){.sockets = -1};
    session->why = answer->why;
    session->target.pid = pid;
    session->carried = (struct carried){.shim = -1, .log = -1, .own_log = -1, .copy_folder = -1};
    session->target.memory.fd = -1;
    bool good = look_at_process(pid, plan, answer->why) &&
                (!plan || look_reaches(pid, plan) || carry_possible(pid, plan, answer->why)) &&
                memory_open(&session->target.memory, pid, answer->why) &&
                symbols_open(&session->target.symbols, pid, &session->target.memory, answer->why) &&
                find_library(session, plan);
    if (good && !plan && !find_shim(session, "sockatlas_detach"))
        good = refuse(answer->why, "it is not traced");
    good = good && (!step || with_thread(session, step, plan, answer));
    memory_close(&session->target.memory);
    free(session);
    return good;
}

bool attach_look(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer)
{
    return with_process(pid, NULL, plan, answer);
}

static bool begin_here(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer)
{
    return with_process(pid, begin, plan, answer);
}

static bool end_here(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer)
{
    return with_process(pid, end, plan, answer);
}

bool attach_begin(pid_t pid, const struct attach_plan *plan, struct attach_answer *answer)
{
    return worker_do(begin_here, pid, plan, answer);
}

bool attach_end(pid_t pid, struct attach_answer *answer)
{
    return worker_do(end_here, pid, NULL, answer);
}
