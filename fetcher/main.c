/* SPDX-License-Identifier: ISC */
/*
 * Owns: the fetcher's life: set up as root, lock in, run the loop.
 * Runs in: fetcher.
 * Never: opens anything once it is locked in; knows a private key.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/exchange.h"
#include "http/hosts.h"
#include "http/http.h"
#include "http/resolve.h"
#include "http/trust.h"
#include "loop/event_loop.h"
#include "peers.h"
#include "proto/ipc.h"
#include "sandbox/child.h"
#include "sandbox/jail.h"
#include "schedule/fetch_list.h"
#include "schedule/fetcher_report.h"
#include "system/log.h"

/* Descriptors that we open ourselves before the jail (epoll, libcurl's wake-up pair) lie well below. */
#define OWN_DESCRIPTORS_MAX 32
/* Sockets beside two for each exchange (libcurl tries two families at once): name servers, and room. */
#define OTHER_DESCRIPTORS 64

/* Address space: libraries and the CA bundle, then for each certificate and for each exchange. */
#define MEMORY_BASE (UINT64_C(1) << 30)
#define MEMORY_PER_CERT UINT64_C(2048)
#define MEMORY_PER_EXCHANGE UINT64_C(262144)

/* Everything that lives from set-up to the end, in the order in which it is made. */
struct fetcher {
    struct ipc supervisor;
    struct ipc writer;
    struct msg config; /* MSG_FETCH_CONFIG */
    struct url proxy;
    struct loop loop;
    struct hosts *hosts;
    X509_STORE *trust;
    struct resolver *resolver;
    struct http *http;
    struct exchange_settings exchange_settings;
    struct pool *pool;
    struct asking *asking;
    struct watch *watch;
    struct peers peers;
};

static bool receive_config(struct fetcher *fetcher)
{
    const struct msg_fetch_config *config = &fetcher->config.fetch_config;

    if (ipc_receive(&fetcher->supervisor, &fetcher->config, NULL, IPC_WAIT) != IPC_OK
        || fetcher->config.type != MSG_FETCH_CONFIG) {
        log_error("the fetcher received no configuration");
        return false;
    }
    log_init("fetcher", (config->flags & MSG_FLAG_VERBOSE) != 0);
    if (config->timeout_msec == 0 || config->concurrency == 0 || config->concurrency > CONCURRENCY_MAX
        || config->per_responder == 0 || config->max_body == 0 || config->max_body > BODY_MAX) {
        log_error("the fetcher received a configuration that is out of bounds");
        return false;
    }
    return true;
}

static bool understand_proxy(struct fetcher *fetcher)
{
    const struct msg_fetch_config *config = &fetcher->config.fetch_config;
    const char *error;

    if (config->proxy[0] == '\0')
        return true;
    error = url_parse(config->proxy, &fetcher->proxy);
    if (error == NULL && fetcher->proxy.is_https)
        error = "has another scheme than http";
    if (error != NULL) {
        log_error("proxy = %s: the URL %s", config->proxy, error);
        return false;
    }
    /* With its port always named: libcurl takes another one for granted than everybody else. */
    url_origin(&fetcher->proxy, fetcher->proxy.text);
    fetcher->exchange_settings.proxy = &fetcher->proxy;
    return true;
}

/* What libcurl and OpenSSL read from files, they read here. */
static bool prepare_libraries(struct fetcher *fetcher)
{
    const struct msg_fetch_config *config = &fetcher->config.fetch_config;
    const char *problem;

    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK || !trust_prepare()) {
        log_error("libcurl or OpenSSL could not be set up");
        return false;
    }
    fetcher->trust = trust_load(config->ca_file, &problem);
    if (fetcher->trust == NULL)
        return false;
    if (problem != NULL)
        log_warning("ca_file = %s: %s; responders with https URLs will fail", config->ca_file, problem);
    return true;
}

static bool prepare_names(struct fetcher *fetcher)
{
    const char *error = "";

    fetcher->hosts = hosts_read("/etc/hosts");
    if (fetcher->hosts == NULL) {
        log_error("/etc/hosts could not be read: out of memory");
        return false;
    }
    fetcher->resolver = resolver_new(&fetcher->loop, fetcher->hosts, &error);
    if (fetcher->resolver == NULL)
        log_error("the resolver could not be set up: %s; see /etc/resolv.conf", error);
    return fetcher->resolver != NULL;
}

static bool prepare_exchanges(struct fetcher *fetcher)
{
    const struct msg_fetch_config *config = &fetcher->config.fetch_config;
    struct exchange_settings *exchange = &fetcher->exchange_settings;
    struct http_settings http = {
        .proxy = exchange->proxy,
        .trust = fetcher->trust,
        .body_max = config->max_body,
        .connections = config->concurrency,
    };
    struct asking_settings asking = {
        .loop = &fetcher->loop,
        .writer = &fetcher->writer,
        .exchange = exchange,
        .concurrency = config->concurrency,
        .per_responder = config->per_responder,
    };

    exchange->policy.is_private_allowed = (config->flags & MSG_FLAG_ALLOW_PRIVATE) != 0;
    exchange->policy.is_loopback_allowed = (config->flags & MSG_FLAG_ALLOW_LOOPBACK) != 0;
    http.policy = exchange->policy;
    fetcher->http = http_new(&fetcher->loop, &http);
    exchange->resolver = fetcher->resolver;
    exchange->http = fetcher->http;
    exchange->timeout_msec = config->timeout_msec;
    fetcher->pool = pool_new();
    asking.pool = fetcher->pool;
    fetcher->asking = fetcher->http == NULL || fetcher->pool == NULL ? NULL : asking_new(&asking);
    if (fetcher->asking == NULL)
        log_error("the exchanges could not be set up: out of memory, or a libcurl without what is needed");
    return fetcher->asking != NULL;
}

static bool prepare_schedule(struct fetcher *fetcher)
{
    const struct watch_settings watch = {&fetcher->loop, fetcher->pool, &fetcher->writer, fetcher->asking};

    fetcher->watch = watch_new(&watch);
    if (fetcher->watch == NULL)
        log_error("the schedule could not be set up: %s", strerror(errno));
    return fetcher->watch != NULL;
}

static bool listen_to_peers(struct fetcher *fetcher)
{
    fetcher->peers = (struct peers){
        .loop = &fetcher->loop,
        .supervisor = &fetcher->supervisor,
        .writer = &fetcher->writer,
        .pool = fetcher->pool,
        .asking = fetcher->asking,
        .watch = fetcher->watch,
    };
    if (peers_listen(&fetcher->peers) != 0) {
        log_error("the channels cannot be watched: %s", strerror(errno));
        return false;
    }
    return true;
}

static uint64_t address_space(const struct msg_fetch_config *config)
{
    if (CHILD_IS_SANITIZED)
        return RLIM_INFINITY;
    return MEMORY_BASE + CERTS_MAX * MEMORY_PER_CERT
        + config->concurrency * (MEMORY_PER_EXCHANGE + 2 * (uint64_t)config->max_body);
}

static bool lock_in(struct fetcher *fetcher)
{
    const struct msg_fetch_config *config = &fetcher->config.fetch_config;
    const struct jail jail = {
        .uid = config->uid,
        .gid = config->gid,
        .root_dir = config->root_dir,
        .fd_count = OWN_DESCRIPTORS_MAX,
        .may_connect = true,
        .limits = {
            .open_files = 2 * (uint64_t)config->concurrency + OTHER_DESCRIPTORS,
            .address_space = address_space(config),
        },
        .policy = &sandbox_policy_fetcher,
    };
    uint32_t missing_layers = 0;
    char error[DETAIL_MAX + 1];

    if (jail_enter(&jail, &missing_layers, error, sizeof error) != 0) {
        log_error("the fetcher could not be locked in: %s", error);
        return false;
    }
    report_ready(missing_layers);
    fetcher->supervisor.state = MSG_STATE_RUN;
    fetcher->writer.state = MSG_STATE_RUN;
    return true;
}

static bool set_up(struct fetcher *fetcher)
{
    if (!receive_config(fetcher) || !understand_proxy(fetcher))
        return false;
    if (loop_init(&fetcher->loop) != 0) {
        log_error("epoll: %s", strerror(errno));
        return false;
    }
    return prepare_libraries(fetcher) && prepare_names(fetcher) && prepare_exchanges(fetcher) && prepare_schedule(fetcher)
        && listen_to_peers(fetcher) && lock_in(fetcher);
}

static void clean_up(struct fetcher *fetcher)
{
    watch_free(fetcher->watch);
    asking_free(fetcher->asking);
    http_free(fetcher->http);
    resolver_free(fetcher->resolver);
    hosts_free(fetcher->hosts);
    pool_free(fetcher->pool);
    X509_STORE_free(fetcher->trust);
    loop_end(&fetcher->loop);
    curl_global_cleanup();
}

static bool step(void *owner)
{
    const struct fetcher *fetcher = owner;

    return watch_step(fetcher->watch);
}

int main(void)
{
    static struct fetcher fetcher = {.loop = {.epoll_fd = -1}};
    int exit_code = CHILD_EXIT_SETUP;

    log_init("fetcher", false);
    if (!child_take_over(PARTY_FETCHER, PARTY_WRITER, &fetcher.supervisor, &fetcher.writer))
        return CHILD_EXIT_BY_HAND;
    report_init(&fetcher.supervisor);
    if (set_up(&fetcher))
        exit_code = loop_run(&fetcher.loop, step, &fetcher);
    clean_up(&fetcher);
    return exit_code;
}
