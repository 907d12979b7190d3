/* SPDX-License-Identifier: MIT
 *
 * The sender: takes the spool's files one by one to the cluster, tries again for as long as it takes, and tells the
 * cluster once a minute that this host is there and what it lost.
 */
#include "analyzer/cmd/ship.h"

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_LEAST_MS = 250, WAIT_MOST_MS = 30000, IDLE_MS = 1000, SIGN_S = 60, END_S = 5 };

static uint64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_ending(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    bool ending = spool->ending;
    pthread_mutex_unlock(&spool->lock);
    return ending;
}

/* Says it once, until it goes well again. */
static void took(struct sender *sender, enum cluster_result result, const char *why)
{
    bool good = result == CLUSTER_ANSWERED;
    if (!good && !sender->failing)
        complain_line("%s: %s; what is recorded waits in %s", sender->spool->title, why,
                      text_name(sender->spool->path));
    else if (good && sender->failing)
        complain_line("%s: %s: takes rows again", sender->spool->title, cluster_name(sender->cluster));
    sender->failing = !good;
}

static bool send_file(struct sender *sender, const struct spool_file *file)
{
    char why[CLUSTER_WHY_MAX];
    char *bytes = spool_read(sender->spool, file);
    if (!bytes)
        return true;
    enum cluster_result result = cluster_ask(sender->cluster, bytes, file->size, NULL, why);
    free(bytes);
    took(sender, result, why);
    if (result != CLUSTER_ANSWERED)
        return false;
    spool_remove(sender->spool, file);
    sender->sent_rows += file->rows;
    return true;
}

static void send_sign(struct sender *sender)
{
    char host[65] = "", boot_id[40] = "", text[512], why[CLUSTER_WHY_MAX];
    gethostname(host, sizeof host - 1);
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file) {
        if (fgets(boot_id, sizeof boot_id, file))
            boot_id[strcspn(boot_id, "\n")] = '\0';
        fclose(file);
    }
    int size = snprintf(text, sizeof text,
                        "INSERT INTO agents (boot_id, host, seen_us, rows_sent, rows_lost) FORMAT TabSeparated\n"
                        "%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                        boot_id, host, now_us(CLOCK_REALTIME), sender->sent_rows, sender->spool->lost_rows);
    took(sender, cluster_ask(sender->cluster, text, (size_t)size, NULL, why), why);
}

static void *work(void *context)
{
    struct sender *sender = context;
    struct spool_file file;
    unsigned wait = WAIT_LEAST_MS;
    uint64_t sign = 0, until = 0;
    for (;;) {
        uint64_t now = now_us(CLOCK_BOOTTIME);
        bool ending = is_ending(sender->spool), good = true, any;
        until = ending && !until ? now + END_S * 1000000ull : until;
        if (!ending && (!sign || now >= sign)) {
            sign = now + SIGN_S * 1000000ull;
            send_sign(sender);
        }
        any = spool_oldest(sender->spool, &file);
        if (any)
            good = send_file(sender, &file);
        if (ending && (!any || !good || now >= until))
            return NULL;
        if (any && good) {
            wait = WAIT_LEAST_MS;
            continue;
        }
        spool_wait(sender->spool, any ? wait : IDLE_MS);
        if (any && wait < WAIT_MOST_MS)
            wait *= 2;
    }
}

bool sender_start(struct sender *sender)
{
    return pthread_create(&sender->thread, NULL, work, sender) == 0;
}

void sender_end(struct sender *sender)
{
    pthread_mutex_lock(&sender->spool->lock);
    sender->spool->ending = true;
    pthread_cond_broadcast(&sender->spool->more);
    pthread_mutex_unlock(&sender->spool->lock);
    pthread_join(sender->thread, NULL);
}
