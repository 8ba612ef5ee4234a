/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing conf_read_stream: any file gives a whole configuration or one clean sentence.
 * Runs in: libFuzzer.
 * Never: opens a file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "conf/conf.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void require_whole(const struct conf *conf)
{
    require(conf->state_dir[0] == '/' && conf->run_dir[0] == '/' && conf->audit_log[0] == '/' && conf->dbm[0] == '/');
    require(conf->pid_file[0] == '/' && conf->control[0] == '/' && conf->lock_dir[0] == '/' && conf->ca_file[0] == '/');
    require(conf->apache_user[0] != '\0' && strcmp(conf->fetch_user, conf->write_user) != 0);
    require(conf->timeout_sec > 0 && conf->concurrency > 0 && conf->per_responder > 0 && conf->max_body >= STAPLE_DER_MAX);
    require(conf->proxy != NULL && strlen(conf->proxy) <= URL_MAX);
    for (size_t i = 0; i < conf->cert_count; i++) {
        const struct conf_cert *cert = &conf->certs[i];

        require(strlen(cert->name) >= 1 && strlen(cert->name) <= CERT_NAME_MAX);
        require(text_is_clean(cert->name, strlen(cert->name)) && cert->line > 0);
        require(cert->cert[0] == '/' && text_is_clean(cert->cert, strlen(cert->cert)));
        require(cert->chain == NULL || cert->chain[0] == '/');
        require(cert->responder == NULL || strlen(cert->responder) <= URL_MAX);
        require(cert->policy.refresh_every_sec >= 60 && cert->policy.safety_margin_sec >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[1024] = "";
    char empty[1] = "";
    FILE *stream = fmemopen(size == 0 ? empty : (void *)(uintptr_t)data, size == 0 ? 1 : size, "r");
    struct conf *conf;

    require(stream != NULL);
    conf = conf_read_stream(stream, "fuzz.conf", error, sizeof error);
    fclose(stream);
    if (conf != NULL)
        require_whole(conf);
    else
        require(strncmp(error, "fuzz.conf:", 10) == 0 && text_is_clean(error, strlen(error)));
    conf_free(conf);
    return 0;
}
