/* SPDX-License-Identifier: ISC */
#include "children/child_config.h"

#include <stdio.h>
#include <string.h>

#include "host/directories.h"
#include "sandbox/jail.h"
#include "system/log.h"

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

void configure_writer(const struct conf *conf, const struct ids *ids, bool is_once, struct msg *msg)
{
    struct msg_write_config *config = &msg->write_config;

    memset(msg, 0, sizeof *msg);
    msg->type = MSG_WRITE_CONFIG;
    config->flags = common_flags() | (conf->is_scan_guard_on ? MSG_FLAG_SCAN_GUARD : 0) | (is_once ? 0 : MSG_FLAG_KEEPER)
        | (conf->is_shield_auto ? MSG_FLAG_SHIELD : 0);
    config->uid = ids->write_uid;
    config->gid = ids->apache_gid;
    config->commit_delay_msec = (uint32_t)(conf->commit_delay_sec * 1000);
    snprintf(config->dbm_path, sizeof config->dbm_path, "%s", conf->dbm);
    snprintf(config->state_dir, sizeof config->state_dir, "%s", conf->state_dir);
}
