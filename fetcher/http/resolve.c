/* SPDX-License-Identifier: ISC */
#include "http/resolve.h"

#include <ares.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* First wait for a name server, and how often all of them are asked; c-ares doubles the wait each time. */
#define QUERY_TIMEOUT_MSEC 2000
#define QUERY_TRIES 3
/* When one family has an answer, how long the other one is waited for: some name servers drop questions for AAAA. */
#define OTHER_FAMILY_MSEC 300

struct query {
    struct resolve_entry *entry;
    int status; /* ARES_SUCCESS … */
    bool is_under_way;
    size_t count;
    struct address addresses[NAME_ADDRESSES_MAX];
};

struct resolve_entry {
    struct resolver *resolver;
    struct resolve_entry *younger;   /* the line from oldest to youngest, in which entries are dropped */
    struct resolve_entry *next_half; /* the line of those with one family's answer */
    struct resolve_waiter *waiters;
    struct query query6;
    struct query query4;
    bool is_settled;      /* `resolved` holds */
    bool is_in_use;       /* must not be dropped now */
    int64_t give_up_msec; /* with one family's answer: when the other one is no longer waited for */
    int64_t drop_at_msec;
    struct resolved resolved;
    char name[]; /* terminated */
};

struct resolver {
    struct loop *loop;
    const struct hosts *hosts;
    ares_channel channel;
    void *tree; /* of struct resolve_entry, tsearch(3), by name */
    struct resolve_entry *oldest;
    struct resolve_entry *youngest;
    struct resolve_entry *halves; /* one family has answered, the other one not yet; in no order */
    bool is_ending;
    struct resolved from_hosts;
};

static int compare_names(const void *a, const void *b)
{
    const struct resolve_entry *left = a;
    const struct resolve_entry *right = b;

    return strcasecmp(left->name, right->name);
}

static bool is_busy(const struct resolve_entry *entry)
{
    return !entry->is_settled || entry->is_in_use || entry->query4.is_under_way || entry->query6.is_under_way;
}

/* Answers all live equally long, so the oldest goes first; one that is still in use holds the line up, which is harmless. */
static void drop_old(struct resolver *resolver, int64_t now_msec)
{
    while (resolver->oldest != NULL && !is_busy(resolver->oldest) && resolver->oldest->drop_at_msec <= now_msec) {
        struct resolve_entry *entry = resolver->oldest;

        resolver->oldest = entry->younger;
        if (resolver->oldest == NULL)
            resolver->youngest = NULL;
        tdelete(entry, &resolver->tree, compare_names);
        free(entry);
    }
}

static void set_timer(struct resolver *resolver)
{
    int64_t now_msec = loop_now_msec();
    int64_t at_msec = LOOP_NO_TIMER;
    struct timeval until;

    if (ares_timeout(resolver->channel, NULL, &until) != NULL)
        at_msec = now_msec + until.tv_sec * 1000 + until.tv_usec / 1000 + 1;
    for (const struct resolve_entry *entry = resolver->halves; entry != NULL; entry = entry->next_half)
        if (entry->give_up_msec < at_msec)
            at_msec = entry->give_up_msec;
    loop_set_timer(resolver->loop, LOOP_RESOLVER, at_msec);
}

static bool means_no_such_name(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME;
}

static void begin_half(struct resolve_entry *entry)
{
    entry->give_up_msec = loop_now_msec() + OTHER_FAMILY_MSEC;
    entry->next_half = entry->resolver->halves;
    entry->resolver->halves = entry;
}

static void end_half(struct resolve_entry *entry)
{
    struct resolve_entry **at = &entry->resolver->halves;

    while (*at != NULL && *at != entry)
        at = &(*at)->next_half;
    if (*at != NULL)
        *at = entry->next_half;
}

static void append_addresses(struct resolved *out, const struct query *query, size_t room)
{
    for (size_t i = 0; i < query->count && out->count < room; i++)
        out->addresses[out->count++] = query->addresses[i];
}

/* IPv6 first (RFC 6724 2.1), but never so many that no room is left for IPv4; libcurl tries the other family soon after. */
static void settle(struct resolve_entry *entry)
{
    struct resolved *out = &entry->resolved;

    end_half(entry);
    memset(out, 0, sizeof *out);
    append_addresses(out, &entry->query6, NAME_ADDRESSES_MAX / 2);
    append_addresses(out, &entry->query4, NAME_ADDRESSES_MAX);
    out->detail = "";
    if (out->count == 0) {
        int status = means_no_such_name(entry->query4.status) ? entry->query6.status : entry->query4.status;

        out->reason = means_no_such_name(status) ? REASON_NAME_NOT_FOUND
            : status == ARES_ENOMEM              ? REASON_INTERNAL
                                                 : REASON_RESOLVER_FAILED;
        out->detail = ares_strerror(status);
    }
    entry->is_settled = true;
    entry->drop_at_msec = loop_now_msec() + NAME_KEEP_SEC * INT64_C(1000);
}

static void tell_waiters(struct resolve_entry *entry)
{
    entry->is_in_use = true;
    while (entry->waiters != NULL) {
        struct resolve_waiter *waiter = entry->waiters;

        entry->waiters = waiter->next;
        waiter->entry = NULL;
        waiter->done(waiter->owner, &entry->resolved);
    }
    entry->is_in_use = false;
}

static void take_addresses(struct query *query, const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        if (query->count == NAME_ADDRESSES_MAX)
            break;
        address_of_sockaddr(node->ai_addr, (socklen_t)node->ai_addrlen, &query->addresses[query->count++]);
    }
}

static void query_done(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct query *query = arg;
    struct resolve_entry *entry = query->entry;

    (void)timeouts;
    query->is_under_way = false;
    query->status = status;
    if (status == ARES_SUCCESS && info != NULL && !entry->is_settled)
        take_addresses(query, info);
    if (info != NULL)
        ares_freeaddrinfo(info);
    if (entry->is_settled || entry->resolver->is_ending)
        return;
    if (entry->query4.is_under_way || entry->query6.is_under_way) {
        if (query->count > 0)
            begin_half(entry);
        return;
    }
    settle(entry);
    tell_waiters(entry);
}

static void start_query(struct resolve_entry *entry, struct query *query, int family)
{
    struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};

    query->entry = entry;
    query->is_under_way = true;
    ares_getaddrinfo(entry->resolver->channel, entry->name, NULL, &hints, query_done, query);
}

static struct resolve_entry *find_entry(struct resolver *resolver, const char *name)
{
    size_t len = strlen(name);
    struct resolve_entry *key = calloc(1, sizeof *key + len + 1);
    struct resolve_entry **found;

    if (key == NULL)
        return NULL;
    memcpy(key->name, name, len + 1);
    found = tsearch(key, &resolver->tree, compare_names);
    if (found == NULL || *found != key) {
        free(key);
        return found == NULL ? NULL : *found;
    }
    key->resolver = resolver;
    if (resolver->youngest != NULL)
        resolver->youngest->younger = key;
    else
        resolver->oldest = key;
    resolver->youngest = key;
    return key;
}

static const struct resolved *out_of_memory(void)
{
    static const struct resolved answer = {.reason = REASON_INTERNAL, .detail = "out of memory"};

    return &answer;
}

const struct resolved *resolve_start(
    struct resolver *resolver, const char *name, resolve_done *done, void *owner, struct resolve_waiter *waiter)
{
    struct resolved *from_hosts = &resolver->from_hosts;
    struct resolve_entry *entry;

    from_hosts->count = hosts_find(resolver->hosts, name, from_hosts->addresses);
    if (from_hosts->count > 0)
        return from_hosts;
    drop_old(resolver, loop_now_msec());
    entry = find_entry(resolver, name);
    if (entry == NULL)
        return out_of_memory();
    if (entry->query4.entry == NULL) {
        /* Both count as under way before either begins: c-ares may answer from within. */
        entry->query4.is_under_way = true;
        start_query(entry, &entry->query6, AF_INET6);
        start_query(entry, &entry->query4, AF_INET);
        set_timer(resolver);
    }
    if (entry->is_settled)
        return &entry->resolved;
    waiter->done = done;
    waiter->owner = owner;
    waiter->entry = entry;
    waiter->next = entry->waiters;
    entry->waiters = waiter;
    return NULL;
}

void resolve_cancel(struct resolve_waiter *waiter)
{
    struct resolve_waiter **at;

    if (waiter->entry == NULL)
        return;
    for (at = &waiter->entry->waiters; *at != NULL; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            break;
        }
    }
    waiter->entry = NULL;
}

static void socket_state_changed(void *owner, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = owner;

    loop_watch(resolver->loop, LOOP_RESOLVER, fd, (readable ? LOOP_READABLE : 0u) | (writable ? LOOP_WRITABLE : 0u));
}

static void socket_ready(void *owner, int fd, unsigned ready)
{
    struct resolver *resolver = owner;
    bool is_broken = (ready & LOOP_BROKEN) != 0;

    ares_process_fd(resolver->channel, is_broken || (ready & LOOP_READABLE) != 0 ? fd : ARES_SOCKET_BAD,
        is_broken || (ready & LOOP_WRITABLE) != 0 ? fd : ARES_SOCKET_BAD);
    set_timer(resolver);
}

/* An entry is looked for anew after each that settled: its waiters may have asked for other names. */
static struct resolve_entry *find_overdue(struct resolver *resolver, int64_t now_msec)
{
    for (struct resolve_entry *entry = resolver->halves; entry != NULL; entry = entry->next_half)
        if (entry->give_up_msec <= now_msec)
            return entry;
    return NULL;
}

static void timer_expired(void *owner, int64_t now_msec)
{
    struct resolver *resolver = owner;
    struct resolve_entry *entry;

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    while ((entry = find_overdue(resolver, now_msec)) != NULL) {
        settle(entry);
        tell_waiters(entry);
    }
    set_timer(resolver);
}

struct resolver *resolver_new(struct loop *loop, const struct hosts *hosts, const char **error)
{
    static char dns_alone[] = "b";
    struct ares_options options = {
        .flags = ARES_FLAG_NOALIASES, /* HOSTALIASES names a file */
        .timeout = QUERY_TIMEOUT_MSEC,
        .tries = QUERY_TRIES,
        .lookups = dns_alone,
        .sock_state_cb = socket_state_changed,
    };
    struct resolver *resolver = calloc(1, sizeof *resolver);
    int status = ARES_ENOMEM;

    if (resolver == NULL)
        goto failed;
    resolver->loop = loop;
    resolver->hosts = hosts;
    resolver->from_hosts.detail = "";
    options.sock_state_cb_data = resolver;
    status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status != ARES_SUCCESS)
        goto failed;
    status = ares_init_options(&resolver->channel, &options,
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS)
        goto failed;
    loop_set_owner(loop, LOOP_RESOLVER, resolver, socket_ready, timer_expired);
    return resolver;
failed:
    *error = ares_strerror(status);
    free(resolver);
    return NULL;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    resolver->is_ending = true;
    ares_destroy(resolver->channel);
    while (resolver->oldest != NULL) {
        struct resolve_entry *entry = resolver->oldest;

        resolver->oldest = entry->younger;
        tdelete(entry, &resolver->tree, compare_names);
        free(entry);
    }
    free(resolver);
    ares_library_cleanup();
}
