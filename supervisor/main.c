/* SPDX-License-Identifier: ISC */
/*
 * Owns: the steps of stapleguardd, one after the other.
 * Runs in: supervisor (root).
 * Never: parses X.509, OCSP, a DBM file or a byte from the network; its children do, locked in.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apache/apache_certs.h"
#include "audit/audit.h"
#include "bounds.h"
#include "certs/cert_list.h"
#include "children/sandbox_layers.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "daemon/systemd_notify.h"
#include "host/directories.h"
#include "host/users.h"
#include "instance.h"
#include "pass.h"
#include "sandbox/caps.h"
#include "sandbox/jail.h"
#include "sandbox/policy.h"
#include "status/once_report.h"
#include "status/status_json.h"
#include "system/log.h"

#define ERROR_MAX 1024

/* Made by sysusers.d beside the users. */
#define LOOK_GROUP "stapleguard"

/* What the supervisor itself, apachectl and the children's way into their jails need of root. */
static const int capabilities[] = {
    CAP_CHOWN,                  /* the DBM file's directory and the store's belong to the writer */
    CAP_DAC_OVERRIDE,           /* apachectl -t opens what Apache would */
    CAP_DAC_READ_SEARCH,        /* certificates in directories of others */
    CAP_KILL,                   /* ending a child that hangs; the keeper: restarting Apache */
    CAP_LINUX_IMMUTABLE,        /* the keeper: the shield */
    CAP_SETGID,                 /* the children's ids */
    CAP_SETPCAP,                /* their bounding sets and securebits */
    CAP_SETUID, CAP_SYS_CHROOT, /* their roots */
    CAP_SYS_PTRACE,             /* looking at /proc/PID/fd of Apache for its lock: raised around that alone */
};

/* 0, 1 and 2 must be open, or the next open() would land there. */
static void open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int block_signals(void)
{
    sigset_t waited;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&waited);
    sigaddset(&waited, SIGCHLD);
    sigaddset(&waited, SIGHUP);
    sigaddset(&waited, SIGINT);
    sigaddset(&waited, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &waited, NULL) != 0)
        return -1;
    return signalfd(-1, &waited, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* That a kernel has no filters was judged by layers_check. */
static int lock_in(char *error, size_t cap)
{
    size_t count = sizeof capabilities / sizeof capabilities[0];

    if (caps_cut_bounding(capabilities, count) != 0 || caps_cut_permitted(capabilities, count, CAPS_EFFECTIVE_ALL) != 0
        || caps_lower(CAP_SYS_PTRACE) != 0 || (sandbox_apply(&sandbox_policy_supervisor) != 0 && errno != ENOSYS)) {
        snprintf(error, cap, "cannot give up what is not needed: %s; stapleguardd needs root with CAP_SETPCAP", strerror(errno));
        return -1;
    }
    return 0;
}

/* The configured certificates and those that Apache names.  NULL: said already. */
static struct pool *gather(const struct conf *conf, struct audit *audit, struct report *report)
{
    char error[ERROR_MAX] = "";
    char **paths = NULL;
    size_t count = 0;
    struct pool *pool;
    int found = conf->is_discovery_on ? discover_apache(conf, &paths, &count, error, sizeof error) : 0;

    if (found != 0) {
        report->has_discovery_failed = true;
        log_unless_told(
            audit_write(
                audit, &(struct audit_fields){.event = EVENT_DISCOVERY_FAILED, .process = PARTY_SUPERVISOR, .detail = error}),
            SEVERITY_ERROR, "Apache does not tell its certificates: %s", error);
        if (found > 0)
            log_warning("going on with the %zu that it told the last time", count);
    }
    pool = pool_new(conf, paths, count);
    if (pool == NULL)
        log_error("out of memory");
    return pool;
}

/* Who may look at the status: the group of the users' own making, where it exists. */
static gid_t look_group(void)
{
    const struct group *group = getgrnam(LOOK_GROUP);

    return group == NULL ? (gid_t)-1 : group->gr_gid;
}

static enum exit_code run_daemon(struct conf **conf, const struct options *options, const struct pass *pass, gid_t look_gid)
{
    const struct daemon_settings settings = {
        .options = options,
        .conf = *conf,
        .ids = pass->ids,
        .look_gid = look_gid,
        .audit = pass->audit,
        .signal_fd = pass->signal_fd,
    };

    *conf = NULL;
    return daemon_run(&settings);
}

/* For `stapleguard status` and `check`, where passes are run from a timer. */
static void save_status(
    const struct conf *conf, const struct options *options, const struct report *report, const struct pool *pool)
{
    struct facts facts = {
        .config_path = options->config_path,
        .started_at = (int64_t)time(NULL),
        .discovered_at = conf->is_discovery_on ? (int64_t)time(NULL) : 0,
        .commit = report->written,
        .committed_at = report->written.reason == REASON_NONE ? (int64_t)time(NULL) : 0,
        .commits = 1,
    };
    char path[FILE_PATH_MAX + 16];

    if (report->has_discovery_failed)
        snprintf(facts.discovery_error, sizeof facts.discovery_error, "Apache did not tell its certificates in the last pass");
    snprintf(path, sizeof path, "%s/status.json", conf->state_dir);
    if (status_save(path, look_group(), &facts, pool) != 0)
        log_warning("cannot write %s: %s", path, strerror(errno));
}

static enum exit_code run_once(const struct conf *conf, const struct options *options, struct pass *pass)
{
    struct report report
        = {.is_terminal = isatty(STDERR_FILENO) == 1, .is_told = audit_has_journal(pass->audit) && log_is_journal(STDOUT_FILENO)};
    char error[ERROR_MAX] = "";
    char known_path[FILE_PATH_MAX + 8];
    struct known *known;
    enum exit_code code;

    pass->conf = conf;
    pass->is_forced = options->is_forced;
    pass->pool = gather(conf, pass->audit, &report);
    snprintf(known_path, sizeof known_path, "%s/known", conf->state_dir);
    known = known_read(known_path);
    pass->known = known;
    if (pass->pool == NULL || known == NULL) {
        known_free(known);
        pool_free(pass->pool);
        return EXIT_CONFIGURATION;
    }
    if (pass->pool->count == 0) {
        log_warning("there is no certificate to look after: Apache names none, and %s has no [certificate] section",
            options->config_path);
        code = report.has_discovery_failed || !conf->is_discovery_on ? EXIT_CONFIGURATION : EXIT_ALL_FRESH;
    } else if (pass_run(pass, &report, error, sizeof error) != 0) {
        log_error("%s", error);
        code = EXIT_NO_STAPLE;
    } else {
        code = report_summary(&report, pass->pool, conf->audit_log, stdout);
        save_status(conf, options, &report, pass->pool);
        /* Of an interrupted pass some certificates are not known: nothing is forgotten for that. */
        if (!report.is_interrupted && known_write(known_path, pass->pool) != 0)
            log_warning("cannot write %s: %s; the next pass tells again what is known", known_path, strerror(errno));
    }
    known_free(known);
    pool_free(pass->pool);
    return code;
}

/* Two names may be one user; what the separation is worth then, a stranger would find out first. */
static bool are_separate(const struct conf *conf, const struct pass *pass, uid_t apache_uid, char *error, size_t cap)
{
    if (pass->ids.fetch_uid != pass->ids.write_uid && pass->ids.fetch_uid != apache_uid && pass->ids.write_uid != apache_uid)
        return true;
    snprintf(error, cap, "fetch_user (%s), write_user (%s) and Apache's user (%s) must be three different users",
        conf->fetch_user, conf->write_user, conf->apache_user);
    return false;
}

/* Everything that needs root's whole power, then once without it. */
static enum exit_code set_up_and_run(struct conf **owned_conf, const struct options *options)
{
    const struct conf *conf = *owned_conf;
    gid_t look_gid = look_group();
    struct pass pass = {.signal_fd = -1};
    char error[ERROR_MAX] = "";
    uid_t apache_uid;
    enum instance_result instance;
    enum exit_code code;

    if (users_find(conf->fetch_user, &pass.ids.fetch_uid, &pass.ids.fetch_gid, error, sizeof error) != 0
        || users_find(conf->write_user, &pass.ids.write_uid, &(gid_t){0}, error, sizeof error) != 0
        || users_find(conf->apache_user, &apache_uid, &pass.ids.apache_gid, error, sizeof error) != 0
        || !are_separate(conf, &pass, apache_uid, error, sizeof error)
        || !layers_check(conf, jail_missing_layers(), error, sizeof error)
        || directories_prepare(conf, pass.ids.write_uid, pass.ids.apache_gid, error, sizeof error) != 0
        || lock_in(error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_CONFIGURATION;
    }
    instance = instance_lock(conf->run_dir, error, sizeof error);
    if (instance != INSTANCE_ALONE) {
        log_error("%s", error);
        return instance == INSTANCE_OTHER_RUNS ? EXIT_ALREADY_RUNNING : EXIT_CONFIGURATION;
    }
    pass.signal_fd = block_signals();
    if (pass.signal_fd < 0) {
        log_error("cannot watch for signals: %s", strerror(errno));
        return EXIT_CONFIGURATION;
    }
    pass.audit = audit_open(&(struct audit_settings){.path = conf->audit_log,
        .state_dir = conf->state_dir,
        .is_sealed = conf->is_audit_sealed,
        .journal_path = conf->is_journal_on ? JOURNAL_SOCKET : NULL});
    if (pass.audit == NULL) {
        log_error("out of memory");
        return EXIT_CONFIGURATION;
    }
    audit_write(pass.audit,
        &(struct audit_fields){
            .event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR, .pid = getpid(), .detail = STAPLEGUARD_VERSION});
    code = options->is_once ? run_once(conf, options, &pass) : run_daemon(owned_conf, options, &pass, look_gid);
    audit_write(pass.audit,
        &(struct audit_fields){
            .event = EVENT_SERVICE_STOP, .process = PARTY_SUPERVISOR, .has_status = true, .status = (int32_t)code});
    audit_close(pass.audit);
    close(pass.signal_fd);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[ERROR_MAX] = "";
    struct conf *conf;
    enum exit_code code = EXIT_ALL_FRESH;

    open_standard_descriptors();
    umask(022);
    notify_init();
    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_RUN:
        break;
    case OPTIONS_ANSWERED:
        return EXIT_ALL_FRESH;
    case OPTIONS_WRONG:
        return EXIT_CONFIGURATION;
    }
    log_init("stapleguardd", options.is_verbose);
    if (geteuid() != 0 && !options.is_config_test) {
        log_error(
            "needs root: it starts the fetcher and the writer as users of their own and reads certificates; "
            "run it as root, or from its systemd unit");
        return EXIT_CONFIGURATION;
    }
    conf = conf_read(options.config_path, error, sizeof error);
    if (conf == NULL) {
        log_error("%s", error);
        return EXIT_CONFIGURATION;
    }
    if (options.is_config_test)
        printf("%s is fine: %zu [certificate] section%s, discovery %s\n", options.config_path, conf->cert_count,
            conf->cert_count == 1 ? "" : "s", conf->is_discovery_on ? "through Apache" : "off");
    else
        code = set_up_and_run(&conf, &options);
    conf_free(conf);
    return (int)code;
}
