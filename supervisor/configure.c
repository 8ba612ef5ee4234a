/*
 * Owns: the first message to each child: what of the configuration it needs.
 * Runs in: supervisor.
 * Never: tells a child more than that.
 */
#include "configure.h"

#include <stdio.h>
#include <string.h>

#include "directories.h"
#include "jail.h"
#include "log.h"

static uint32_t common_flags(void)
{
    return log_is_verbose() ? MSG_FLAG_VERBOSE : 0;
}

void configure_fetcher(const struct conf *conf, const struct ids *ids, struct msg *msg)
{
    struct msg_fetch_config *config = &msg->fetch_config;

    memset(msg, 0, sizeof *msg);
    msg->type = MSG_FETCH_CONFIG;
    config->flags = common_flags() | (conf->is_private_allowed ? MSG_FLAG_ALLOW_PRIVATE : 0)
        | (conf->is_loopback_allowed ? MSG_FLAG_ALLOW_LOOPBACK : 0);
    config->uid = ids->fetch_uid;
    config->gid = ids->fetch_gid;
    config->timeout_msec = (uint32_t)(conf->timeout_sec * 1000);
    config->concurrency = conf->concurrency;
    config->per_responder = conf->per_responder;
    config->max_body = conf->max_body;
    snprintf(config->proxy, sizeof config->proxy, "%s", conf->proxy);
    snprintf(config->ca_file, sizeof config->ca_file, "%s", conf->ca_file);
    directories_fetcher_root(conf, config->root_dir, sizeof config->root_dir);
}

void configure_writer(const struct conf *conf, const struct ids *ids, bool is_watch, struct msg *msg)
{
    struct msg_write_config *config = &msg->write_config;

    memset(msg, 0, sizeof *msg);
    msg->type = MSG_WRITE_CONFIG;
    config->flags = common_flags() | (conf->is_scan_guard_on ? MSG_FLAG_SCAN_GUARD : 0) | (is_watch ? MSG_FLAG_WATCH : 0)
        | (conf->is_shield_auto ? MSG_FLAG_SHIELD : 0);
    config->uid = ids->write_uid;
    config->gid = ids->apache_gid;
    config->commit_delay_msec = (uint32_t)(conf->commit_delay_sec * 1000);
    snprintf(config->dbm_path, sizeof config->dbm_path, "%s", conf->dbm);
    snprintf(config->state_dir, sizeof config->state_dir, "%s", conf->state_dir);
}

static void name_layers(uint32_t layers, char *out, size_t cap)
{
    static const struct {
        uint32_t layer;
        const char *name;
    } names[] = {
        {SANDBOX_LAYER_SECCOMP, "seccomp filters (CONFIG_SECCOMP_FILTER)"},
        {SANDBOX_LAYER_LANDLOCK_FS, "Landlock (Linux 5.13, and in its list of active LSMs)"},
        {SANDBOX_LAYER_LANDLOCK_NET, "Landlock's rules for TCP (Linux 6.7)"},
        {SANDBOX_LAYER_LANDLOCK_SCOPE, "Landlock's scopes (Linux 6.12)"},
    };
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((layers & names[i].layer) != 0 && len < cap)
            len += (size_t)snprintf(out + len, cap - len, "%s%s", len == 0 ? "" : ", ", names[i].name);
}

bool configure_is_sandbox_enough(const struct conf *conf, enum party party, uint32_t missing)
{
    char names[256];

    if (missing == 0)
        return true;
    name_layers(missing, names, sizeof names);
    log_warning("%s: this kernel lacks %s; the other layers are in force", party_name(party), names);
    if ((missing & SANDBOX_LAYERS_NEEDED) == 0 || !conf->is_sandbox_required)
        return true;
    name_layers(missing & SANDBOX_LAYERS_NEEDED, names, sizeof names);
    log_error("without %s the sandbox is not whole; boot a kernel that has it, or set require_sandbox = no", names);
    return false;
}
