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
#include <unistd.h>

#include "audit/audit.h"
#include "bounds.h"
#include "children/sandbox_layers.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "daemon/systemd_notify.h"
#include "host/directories.h"
#include "host/users.h"
#include "instance.h"
#include "sandbox/caps.h"
#include "sandbox/jail.h"
#include "sandbox/policy.h"
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

/* Who may look at the status: the group of the users' own making, where it exists. */
static gid_t look_group(void)
{
    const struct group *group = getgrnam(LOOK_GROUP);

    return group == NULL ? (gid_t)-1 : group->gr_gid;
}

/* Two names may be one user; what the separation is worth then, a stranger would find out first. */
static bool are_separate(const struct conf *conf, const struct ids *ids, uid_t apache_uid, char *error, size_t cap)
{
    if (ids->fetch_uid != ids->write_uid && ids->fetch_uid != apache_uid && ids->write_uid != apache_uid)
        return true;
    snprintf(error, cap, "fetch_user (%s), write_user (%s) and Apache's user (%s) must be three different users",
        conf->fetch_user, conf->write_user, conf->apache_user);
    return false;
}

/* Everything that needs root's whole power, then once without it. */
static enum exit_code set_up_and_run(struct conf **owned_conf, const struct options *options)
{
    struct conf *conf = *owned_conf;
    struct daemon_settings settings = {.options = options, .conf = conf, .look_gid = look_group(), .signal_fd = -1};
    struct ids *ids = &settings.ids;
    char error[ERROR_MAX] = "";
    uid_t apache_uid;
    enum instance_result instance;
    enum exit_code code;

    if (users_find(conf->fetch_user, &ids->fetch_uid, &ids->fetch_gid, error, sizeof error) != 0
        || users_find(conf->write_user, &ids->write_uid, &(gid_t){0}, error, sizeof error) != 0
        || users_find(conf->apache_user, &apache_uid, &ids->apache_gid, error, sizeof error) != 0
        || !are_separate(conf, ids, apache_uid, error, sizeof error)
        || !layers_check(conf, jail_missing_layers(), error, sizeof error)
        || directories_prepare(conf, ids->write_uid, ids->apache_gid, error, sizeof error) != 0
        || lock_in(error, sizeof error) != 0) {
        log_error("%s", error);
        return EXIT_CONFIGURATION;
    }
    instance = instance_lock(conf->run_dir, error, sizeof error);
    if (instance != INSTANCE_ALONE) {
        log_error("%s", error);
        return instance == INSTANCE_OTHER_RUNS ? EXIT_ALREADY_RUNNING : EXIT_CONFIGURATION;
    }
    settings.signal_fd = block_signals();
    if (settings.signal_fd < 0) {
        log_error("cannot watch for signals: %s", strerror(errno));
        return EXIT_CONFIGURATION;
    }
    settings.audit = audit_open(&(struct audit_settings){.path = conf->audit_log,
        .state_dir = conf->state_dir,
        .is_sealed = conf->is_audit_sealed,
        .journal_path = conf->is_journal_on ? JOURNAL_SOCKET : NULL});
    if (settings.audit == NULL) {
        log_error("out of memory");
        return EXIT_CONFIGURATION;
    }
    audit_write(settings.audit,
        &(struct audit_fields){
            .event = EVENT_SERVICE_START, .process = PARTY_SUPERVISOR, .pid = getpid(), .detail = STAPLEGUARD_VERSION});
    *owned_conf = NULL;
    code = daemon_run(&settings);
    audit_write(settings.audit,
        &(struct audit_fields){
            .event = EVENT_SERVICE_STOP, .process = PARTY_SUPERVISOR, .has_status = true, .status = (int32_t)code});
    audit_close(settings.audit);
    close(settings.signal_fd);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[ERROR_MAX] = "";
    struct conf *conf;
    enum exit_code code = EXIT_ALL_FRESH;

    open_standard_descriptors();
    umask(077); /* what others may read gets its own mode */
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
