/* SPDX-License-Identifier: MIT
 *
 * A ClickHouse server over HTTP, with libcurl. That is loaded once it is needed: it and what it brings along would cost
 * every command of ours five milliseconds.
 */
#include "analyzer/cmd/cluster.h"

#include "analyzer/trace/memory.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_S = 5, ANSWER_MAX = 1 << 30, PASSWORD_MAX = 1024 };

struct cluster {
    CURL *curl;
    struct curl_slist *headers;
    char *url, *name, *database, *user, *password;
};

/* What is called of it. */
#define CALLS(X)                                                                                                       \
    X(global_init)                                                                                                     \
    X(easy_init)                                                                                                       \
    X(easy_perform)                                                                                                    \
    X(easy_getinfo)                                                                                                    \
    X(easy_strerror)                                                                                                   \
    X(easy_cleanup)                                                                                                    \
    X(slist_append)                                                                                                    \
    X(slist_free_all)                                                                                                  \
    X(url)                                                                                                             \
    X(url_set)                                                                                                         \
    X(url_get)                                                                                                         \
    X(url_cleanup)                                                                                                     \
    X(free)

/* The headers have macros of these names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
    bool loaded;
    __typeof__(curl_easy_setopt) *easy_setopt;
#define X(name) __typeof__(curl_##name) *name;
    CALLS(X)
#undef X
} curl;

/* What an answer is gathered in. */
struct gathered {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool say(char why[CLUSTER_WHY_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, CLUSTER_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- What the user says ---- */

static bool is_database(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(text);
}

/* Takes the URL apart with libcurl's own parser. */
static bool take_url(struct cluster *cluster, const char *text, char why[CLUSTER_WHY_MAX])
{
    static const char want[] = "want http://HOST:8123/DATABASE";
    CURLU *url = curl.url();
    char *scheme = NULL, *path = NULL, *user = NULL, *password = NULL, *query = NULL;
    bool good = url && curl.url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    if (good) {
        curl.url_get(url, CURLUPART_SCHEME, &scheme, 0);
        curl.url_get(url, CURLUPART_PATH, &path, 0);
        curl.url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE);
        curl.url_get(url, CURLUPART_PASSWORD, &password, 0);
        curl.url_get(url, CURLUPART_QUERY, &query, 0);
        good = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) && path && !query;
    }
    if (!good)
        say(why, "%s: %s", text, want);
    else if (password)
        good = say(why, "a password in the URL is seen by all: want --password-file FILE");
    else if (!is_database(path + 1))
        good = say(why, "%s: %s", text, want);
    if (good) {
        cluster->database = memory_must(strdup(path + 1));
        cluster->user = user ? memory_must(strdup(user)) : NULL;
        curl.url_set(url, CURLUPART_USER, NULL, 0);
        char *bare = NULL;
        curl.url_get(url, CURLUPART_URL, &bare, 0);
        cluster->name = memory_must(strdup(bare ? bare : text));
        curl.free(bare);
        curl.url_set(url, CURLUPART_PATH, "/", 0);
        curl.url_get(url, CURLUPART_URL, &bare, 0);
        size_t capacity = strlen(bare) + strlen(cluster->database) + 32;
        cluster->url = memory_must(malloc(capacity));
        snprintf(cluster->url, capacity, "%s?database=%s", bare, cluster->database);
        curl.free(bare);
    }
    curl.free(scheme);
    curl.free(path);
    curl.free(user);
    curl.free(password);
    curl.free(query);
    curl.url_cleanup(url);
    return good;
}

static bool take_password(struct cluster *cluster, const char *path, char why[CLUSTER_WHY_MAX])
{
    char line[PASSWORD_MAX];
    if (!path)
        return true;
    FILE *file = fopen(path, "re");
    if (!file)
        return say(why, "%s: %s", path, strerror(errno));
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    if (!read)
        return say(why, "%s: has no password in its first line", path);
    line[strcspn(line, "\r\n")] = '\0';
    cluster->password = memory_must(strdup(line));
    return true;
}

static void load(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    library = library ? library : dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    bool all = (*(void **)&curl.easy_setopt = dlsym(library, "curl_easy_setopt")) != NULL;
#define X(name) all &= (*(void **)&curl.name = dlsym(library, "curl_" #name)) != NULL;
    CALLS(X)
#undef X
    curl.loaded = all && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static size_t gather(char *bytes, size_t one, size_t count, void *context)
{
    struct gathered *gathered = context;
    size_t size = one * count;
    if (gathered->size + size > ANSWER_MAX)
        return 0;
    char *grown = realloc(gathered->text, gathered->size + size + 1);
    if (!grown)
        return 0;
    gathered->text = grown;
    memcpy(grown + gathered->size, bytes, size);
    gathered->size += size;
    grown[gathered->size] = '\0';
    return size;
}

/* User and password go in headers: the URL stands in logs. */
static void add_header(struct cluster *cluster, const char *name, const char *value)
{
    if (!value)
        return;
    size_t capacity = strlen(name) + strlen(value) + 3;
    char *line = memory_must(malloc(capacity));
    snprintf(line, capacity, "%s: %s", name, value);
    cluster->headers = curl.slist_append(cluster->headers, line);
    free(line);
}

struct cluster *cluster_new(const struct cluster_options *options, char why[CLUSTER_WHY_MAX])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!curl.loaded) {
        say(why, "libcurl.so.4 is not there: install libcurl4");
        return NULL;
    }
    struct cluster *cluster = memory_must(calloc(1, sizeof *cluster));
    if (!take_url(cluster, options->url, why) || !take_password(cluster, options->password_file, why)) {
        cluster_free(cluster);
        return NULL;
    }
    cluster->curl = memory_must(curl.easy_init());
    add_header(cluster, "X-ClickHouse-User", cluster->user);
    add_header(cluster, "X-ClickHouse-Key", cluster->password);
    cluster->headers = curl.slist_append(cluster->headers, "Expect:");
    curl.easy_setopt(cluster->curl, CURLOPT_URL, cluster->url);
    curl.easy_setopt(cluster->curl, CURLOPT_HTTPHEADER, cluster->headers);
    curl.easy_setopt(cluster->curl, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(cluster->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl.easy_setopt(cluster->curl, CURLOPT_TIMEOUT, options->timeout_s);
    curl.easy_setopt(cluster->curl, CURLOPT_WRITEFUNCTION, gather);
    if (options->ca_file)
        curl.easy_setopt(cluster->curl, CURLOPT_CAINFO, options->ca_file);
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    if (!cluster)
        return;
    if (cluster->curl)
        curl.easy_cleanup(cluster->curl);
    curl.slist_free_all(cluster->headers);
    free(cluster->url);
    free(cluster->name);
    free(cluster->database);
    free(cluster->user);
    free(cluster->password);
    free(cluster);
}

const char *cluster_name(const struct cluster *cluster)
{
    return cluster->name;
}

const char *cluster_database(const struct cluster *cluster)
{
    return cluster->database;
}

/* ---- Asking ---- */

/* ClickHouse's numbers of errors. */
static const struct refusal {
    int code;
    const char *what;
} refusals[] = {
    {60, "it has no such table: was schema.sql run there?"},
    {81, "it has no such database"},
    {192, "it does not know the user"},
    {193, "it refuses the password"},
    {194, "it wants a password"},
    {516, "it refuses the user or the password"},
};

/* "Code: 60, e.displayText() = DB::Exception: Table ... doesn't exist. ..." */
static enum cluster_result explain(const struct cluster *cluster, long status, const char *text,
                                   char why[CLUSTER_WHY_MAX])
{
    const char *code = text ? strstr(text, "Code: ") : NULL;
    int number = code ? atoi(code + strlen("Code: ")) : 0;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].code == number) {
            say(why, "%s: %s", cluster->name, refusals[i].what);
            return CLUSTER_REFUSED;
        }
    if (!code) {
        say(why, "%s: HTTP status %ld: is it a ClickHouse server?", cluster->name, status);
        return status >= 500 ? CLUSTER_UNREACHABLE : CLUSTER_REFUSED;
    }
    const char *said = strstr(code, "DB::Exception: ");
    said = said ? said + strlen("DB::Exception: ") : code;
    say(why, "%s: %.*s", cluster->name, (int)strcspn(said, "\n"), said);
    return CLUSTER_UNREACHABLE;
}

enum cluster_result cluster_ask(struct cluster *cluster, const void *body, size_t size, char **answer,
                                char why[CLUSTER_WHY_MAX])
{
    struct gathered gathered = {.text = NULL};
    long status = 0;
    enum cluster_result result = CLUSTER_ANSWERED;
    curl.easy_setopt(cluster->curl, CURLOPT_POSTFIELDS, body);
    curl.easy_setopt(cluster->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    curl.easy_setopt(cluster->curl, CURLOPT_WRITEDATA, &gathered);
    CURLcode code = curl.easy_perform(cluster->curl);
    curl.easy_getinfo(cluster->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        say(why, "%s: %s", cluster->name, curl.easy_strerror(code));
        result = CLUSTER_UNREACHABLE;
    } else if (status != 200) {
        result = explain(cluster, status, gathered.text, why);
    }
    if (answer && result == CLUSTER_ANSWERED) {
        *answer = gathered.text ? gathered.text : memory_must(strdup(""));
        return result;
    }
    free(gathered.text);
    return result;
}

enum cluster_result cluster_check_schema(struct cluster *cluster, unsigned version, char why[CLUSTER_WHY_MAX])
{
    static const char question[] = "SELECT max(version) FROM schema_local";
    char *answer = NULL;
    enum cluster_result result = cluster_ask(cluster, question, sizeof question - 1, &answer, why);
    if (result != CLUSTER_ANSWERED)
        return result;
    unsigned long found = strtoul(answer, NULL, 10);
    free(answer);
    if (found == version)
        return CLUSTER_ANSWERED;
    say(why, "%s: its tables are of version %lu, this sockatlas knows %u", cluster->name, found, version);
    return CLUSTER_REFUSED;
}
