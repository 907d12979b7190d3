/* SPDX-License-Identifier: MIT
 *
 * The pairing from inside: what its own files share. Nothing outside analyzer/pair/ includes it. Each file calls only
 * files below its own:
 *
 *   pair.c       a half's life: offered, over, decided; the order of the rules
 *   learn.c      what two ends of one conversation tell of each other
 *   lives.c      several lives of one tuple: which two of them are one connection
 *   tuple.c      rules for internet connections: mirrored addresses
 *   datagram.c   rule for datagrams
 *   path.c       rules for unix connections: path, credentials
 *   nat.c        rules for connections whose addresses were translated
 *   clock.c      how far the clocks of two hosts are apart
 *   evidence.c   what can be told of two halves by themselves
 */
#ifndef ANALYZER_PAIR_INTERNAL_H
#define ANALYZER_PAIR_INTERNAL_H

#include "analyzer/model/table.h"
#include "analyzer/pair/pair.h"

/* OPEN: its socket lives. WAITING: over, and its mate may still come or end. DECIDED: told. */
enum half_state { HALF_OPEN, HALF_WAITING, HALF_DECIDED, HALF_STATES };

/* How long a half that is over waits for a mate, in trace time. RECORD: a record of the other end may be in the making.
 * END: a listener may accept it, or the other host's clock is behind. */
enum wait { WAIT_NONE, WAIT_RECORD, WAIT_END, WAITS };

/* By what halves are found. MATE: what a mate must have, while there is none. LIVES: internet connections: the tuple,
 * until decided. CLIENT: the client's end alone, or the unix path alone; KEPT: the client's port alone, or unix
 * credentials; while there is no mate. MOMENT: at the end, the client's port and when it was used. */
enum key { KEY_MATE, KEY_LIVES, KEY_CLIENT, KEY_KEPT, KEY_MOMENT, KEYS };

struct entry {
    struct half half; /* stands first */
    enum half_state state;
    enum match found;             /* by which rule `mate` was found */
    struct entry *mate;           /* provisional until both are over */
    bool contested;               /* more than one could be its mate, and nothing decides */
    uint64_t local_key, peer_key; /* internet connections: hashes of class, address and port */
    struct table_link links[KEYS];
    struct entry *next, *previous; /* all that are not decided, in the order in which they were made */
    enum wait wait;
    struct entry *wait_next, *wait_previous;
    uint64_t until_ns;
};

/* Two hosts' clocks: how much later the second one's says. */
struct offset {
    struct table_link by_hosts;
    struct offset *next;
    unsigned from, to;
    unsigned count, capacity;
    int64_t *samples;
    bool known, bounded; /* BOUNDED: by so many that `late_ns` is what to expect */
    int64_t median;
    int64_t late_ns; /* how long connections waited for accept() */
};

/* How much later than the first host of its group a host's clock says. Hosts that sure connections join, also by way of
 * others, are a group. */
struct host_clock {
    unsigned group; /* 0: none known */
    int64_t ahead_ns;
};

struct pair {
    struct pair_callbacks callbacks;
    struct table keys[KEYS];
    struct entry *first, *last;
    struct entry *wait_first[WAITS], *wait_last[WAITS];
    struct entry *free_entries;
    struct offset *offsets;
    struct table offsets_table;
    struct host_clock *clocks; /* by host, once all is known */
    unsigned clocks_count;
    struct entry *cursor; /* the next one of a walk over all, whoever is decided on the way */
    uint64_t now_ns, given_up;
    unsigned hosts, waiting;
    bool finishing;
};

#define ENTRY_OF(link, key) ((struct entry *)((char *)(link)-offsetof(struct entry, links[key])))

/* Each side has a list of its own, so that a client meets servers alone. */
static inline uint64_t pair_side_key(uint64_t key, enum side side)
{
    return hash_numbers(key, side == SIDE_SERVER);
}

/* Nobody finds it any more who looks for a mate. */
static inline void pair_unlist(struct pair *pair, struct entry *entry)
{
    for (enum key key = 0; key < KEYS; key++)
        if (key != KEY_LIVES)
            table_remove(&pair->keys[key], &entry->links[key]);
}

/* ---- evidence.c ---- */

/* NEAR: but for what a FIN adds to the count. */
enum agreement { BYTES_CONTRADICT, BYTES_DIFFER, BYTES_UNKNOWN, BYTES_NEAR, BYTES_AGREE };

bool evidence_same_network(const struct half *a, const struct half *b);
/* Both could be one network: the same one, or two that a wire connects. */
bool evidence_may_meet(const struct half *a, const struct half *b);
/* Meaningful outside its own network namespace. */
bool evidence_routable(const struct address *address);
/* But for the scope: each end names the link by its own interface. */
bool evidence_same_endpoint(const struct address *a, const struct address *b);
/* A's (local, peer) is B's (peer, local). */
bool evidence_mirrored(const struct half *a, const struct half *b);
/* A socket that was closed before the other began cannot be its other half. */
bool evidence_overlap(const struct half *client, const struct half *server);
/* The client was not yet closed when it was accepted. */
bool evidence_met(const struct half *client, const struct half *server);
enum agreement evidence_bytes(const struct half *a, const struct half *b);
/* Hashes both ends, class included. */
void evidence_hash_ends(struct entry *entry);
const struct address *evidence_client_address(const struct half *half);

/* ---- clock.c ---- */

/* Learns how far hosts' clocks are apart from connections of which no other could be meant. */
void clock_learn(struct pair *pair);
/* The same, from one whose halves are over while others may still come. True: as far as clocks are known by now, the
 * two are near in time, so that no later life of the tuple can be meant. */
bool clock_near(struct pair *pair, const struct entry *entry);
/* Whether two halves of two hosts can be one connection by their clocks and their bytes; true for those of one host.
 */
bool clock_allows(const struct pair *pair, const struct entry *client, const struct entry *server);
/* The server's end began when a client of that time is accepted, as far as sure connections of the two hosts say. */
bool clock_in_time(const struct pair *pair, const struct half *client, const struct half *server);
/* The two began so near to each other, by one clock, that only a connection of that moment can be meant. */
bool clock_meets(const struct pair *pair, const struct half *client, const struct half *server);
/* The client was not yet closed when the server's end began, or just then. */
bool clock_overlap(const struct pair *pair, const struct half *client, const struct half *server);
/* How much later, in nanoseconds, `server` began than `client`, by one clock as far as it is known. */
int64_t clock_gap(const struct pair *pair, const struct half *client, const struct half *server);
/* When it began, by the clock of its group of hosts. */
int64_t clock_moment(const struct pair *pair, const struct half *half);
void clock_free(struct pair *pair);

/* ---- nat.c ---- */

/* Lists an internet connection's half so that its mate is found where addresses were translated. */
void nat_list(struct pair *pair, struct entry *entry);
/* The mate of a connection whose addresses were translated on the way, once nothing else claims either; NULL: none that
 * can be proved. */
struct entry *nat_find(struct pair *pair, struct entry *entry);
/* At the end: lists one that has no mate by its moment, and finds a mate of that moment with the same bytes; NULL:
 * none, or several. */
void nat_list_moment(struct pair *pair, struct entry *entry);
struct entry *nat_find_moment(struct pair *pair, struct entry *entry);
/* Whether `entry`, which has a mate by address, has one without that began when it did and has the same bytes. */
bool nat_has_better(const struct pair *pair, const struct entry *entry);

/* ---- path.c ---- */

/* The mate of a unix connection by the path served, the credentials and the order; NULL: none yet, and it is listed. */
struct entry *path_find(struct pair *pair, struct entry *entry);
/* The other end is in another pid namespace, so that neither end's pids mean anything to the other: by path and order.
 */
struct entry *path_find_across(struct pair *pair, struct entry *entry);
/* For one that no path has matched (the socket was bound under another name, then linked or renamed): by who the kernel
 * says is at either end. Returns the first that is to be joined, with `other`, before `entry` has its turn, or `entry`
 * itself; NULL: none, or more than one listener could be meant. */
struct entry *path_find_credentials(struct pair *pair, struct entry *entry, struct entry **other);

/* ---- datagram.c ---- */

/* A datagram socket that exchanged with this one; NULL: none yet, and it is listed. */
struct entry *datagram_find(struct pair *pair, struct entry *entry);

/* ---- tuple.c ---- */

/* The half with the mirrored tuple; NULL: none yet, and it is listed. */
struct entry *tuple_find(struct pair *pair, struct entry *entry);
/* Lists one that has lost its mate. */
void tuple_list(struct pair *pair, struct entry *entry);
/* Both ends connect()ed, and the success of one was told of late or never. */
struct entry *tuple_find_simultaneous(struct pair *pair, struct entry *entry);
/* The lives of that tuple that are not decided: of the clients, and of the servers. */
struct table_link *tuple_lives(const struct pair *pair, const struct entry *entry, enum side side);
/* Both are ends of one tuple and could be of one connection. */
bool tuple_could_be(const struct half *client, const struct half *server);

/* ---- lives.c ---- */

/* So many of each side are looked at together; the earliest are decided first. */
#define LIVES_MAX 48

/* Whether other lives of the tuple could be meant as well, and neither time nor bytes say that these two belong
 * together. */
bool lives_doubtful(const struct pair *pair, const struct entry *entry);
/* Looks at the lives of one tuple at once and makes mates of those that belong together. Returns those looked at that
 * are over and whose mate is over, or who have none: they are to be decided, or to wait. */
unsigned lives_align(struct pair *pair, struct entry *entry, struct entry *over[LIVES_MAX * 2]);

/* ---- learn.c ---- */

/* Who began: the connecting end; of two datagram ends or two connecting ones, the earlier; of a socket pair, who made
 * it, and where neither or both of its users did, the first end. */
bool learn_initiates(const struct half *a, const struct half *b, enum match match);
/* One end tells what the other could not know. */
void learn_other(struct half *half, const struct half *mate);
/* Who began, of two that were there before: by what else speaks for it, where it does not speak for both alike. */
void learn_sides(struct half *a, struct half *b, enum match match);

#endif
