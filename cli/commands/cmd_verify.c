/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard verify`: would this response be stapled for this certificate, and if not, why?
 * Runs in: command line.
 * Never: decides otherwise than the service would: it calls the same ocsp_verify.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cert_files.h"
#include "base/command.h"
#include "base/output.h"
#include "ocsp/ocsp_verify.h"
#include "system/file.h"
#include "system/log.h"
#include "text/duration.h"

#define DEFAULT_SAFETY_MARGIN_SEC (30 * 3600)
#define DEFAULT_MIN_TTL_SEC 3600

enum verify_exit {
    VERIFY_EXIT_GOOD = 0,
    VERIFY_EXIT_REVOKED = 1,
    VERIFY_EXIT_UNKNOWN = 1,
    VERIFY_EXIT_REJECTED = 2,
};

struct request {
    const char *cert_path;
    const char *chain_path; /* NULL: the chain is in cert_path */
    const char *response_path;
    int64_t now;
    struct ocsp_policy policy;
};

static int exit_of(enum ocsp_status status)
{
    switch (status) {
    case OCSP_STATUS_GOOD:
        return VERIFY_EXIT_GOOD;
    case OCSP_STATUS_REVOKED:
        return VERIFY_EXIT_REVOKED;
    case OCSP_STATUS_UNKNOWN:
        return VERIFY_EXIT_UNKNOWN;
    case OCSP_STATUS_NONE:
        break;
    }
    return VERIFY_EXIT_REJECTED;
}

/* Read the response; of a longer one than can be served as much as shows that. */
static bool read_response(const char *path, uint8_t *der, size_t cap, size_t *len)
{
    const char *why = "";
    int fd = file_open_regular(path, &why);
    ssize_t got = 0;

    *len = 0;
    if (fd < 0) {
        log_error("%s: %s; name a file that holds the response's DER, as a responder sends it", path, why);
        return false;
    }
    do {
        got = read(fd, der + *len, cap - *len);
        if (got > 0)
            *len += (size_t)got;
    } while ((got > 0 && *len < cap) || (got < 0 && errno == EINTR));
    if (got < 0)
        log_error("%s: %s", path, strerror(errno));
    close(fd);
    return got >= 0;
}

static void print_reason(const char *path, enum reason reason, const char *detail)
{
    if (detail[0] == '\0')
        log_error("%s: %s: %s", path, reason_word(reason), reason_sentence(reason));
    else
        log_error("%s: %s: %s (%s)", path, reason_word(reason), reason_sentence(reason), detail);
}

/* A certificate that the service would not ask for can still be verified for, if its issuer is there. */
static bool read_cert(const struct request *request, struct issuer_table *issuers, struct cert *cert)
{
    struct cert_files files;
    char detail[DETAIL_MAX + 1];
    const char *path;
    enum reason reason = cert_files_read(request->cert_path, request->chain_path, &files, detail);

    path = files.failed != NULL ? files.failed : request->cert_path;
    if (reason == REASON_NONE)
        reason = cert_parse(files.blocks.text, files.blocks.len, files.leaf_blocks, issuers, cert, detail);
    cert_files_clear(&files);
    if (cert->issuer != NULL)
        return true;
    if (reason == REASON_NO_OCSP || reason == REASON_NO_USABLE_URL) {
        reason = REASON_NO_ISSUER;
        detail[0] = '\0';
    }
    print_reason(path, reason, detail);
    if (reason == REASON_NO_ISSUER)
        log_error("name a file with the issuer's certificate: --chain FILE");
    return false;
}

static void print_verdict(const struct ocsp_verdict *verdict, int64_t now)
{
    if (verdict->status == OCSP_STATUS_NONE) {
        printf("%s: %s\n", ocsp_status_word(verdict->status), reason_word(verdict->reason));
        output_field("reason", reason_sentence(verdict->reason));
    } else
        printf("%s\n", ocsp_status_word(verdict->status));
    output_field("detail", verdict->detail);
    output_time("produced at", verdict->produced_at, now);
    output_time("this update", verdict->this_update, now);
    output_time("next update", verdict->next_update, now);
    output_time("revoked at", verdict->revoked_at, now);
    output_time("effective end", verdict->effective_end, now);
    /* Apache is given good responses alone. */
    if (verdict->status == OCSP_STATUS_GOOD || verdict->reason == REASON_SHORT_TTL)
        output_time("apache expiry", verdict->expiry, now);
}

static int verify(const struct request *request)
{
    struct issuer_table *issuers = issuer_table_new();
    uint8_t der[STAPLE_DER_MAX + 1];
    struct ocsp_verdict verdict;
    struct cert cert = {0};
    int code = CLI_EXIT_ERROR;
    size_t len;

    if (issuers == NULL)
        return code;
    if (read_cert(request, issuers, &cert) && read_response(request->response_path, der, sizeof der, &len)) {
        ocsp_verify(der, len, &cert, &request->policy, request->now, &verdict);
        print_verdict(&verdict, request->now);
        code = exit_of(verdict.status);
    }
    cert_clear(&cert);
    issuer_table_free(issuers);
    return output_end(code);
}

static bool parse_time(const char *text, int64_t *seconds)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0) {
        log_error("--time %s: give seconds since 1970, for instance what `date +%%s` prints", text);
        return false;
    }
    *seconds = (int64_t)value;
    return true;
}

static bool parse_duration(const char *name, const char *text, int64_t *seconds)
{
    if (duration_parse(text, seconds))
        return true;
    log_error("%s %s: give a duration like 90s, 10m, 30h or 7d", name, text);
    return false;
}

enum { OPTION_CERT = OPTION_OWN, OPTION_CHAIN, OPTION_TIME, OPTION_SAFETY_MARGIN, OPTION_MIN_TTL, OPTION_ALLOW_SHA1 };

/* False: the option or its value is wrong, and was named. */
static bool take_option(int option, struct request *request)
{
    switch (option) {
    case OPTION_CERT:
        request->cert_path = optarg;
        return true;
    case OPTION_CHAIN:
        request->chain_path = optarg;
        return true;
    case OPTION_TIME:
        return parse_time(optarg, &request->now);
    case OPTION_SAFETY_MARGIN:
        return parse_duration("--safety-margin", optarg, &request->policy.safety_margin_sec);
    case OPTION_MIN_TTL:
        return parse_duration("--min-ttl", optarg, &request->policy.min_ttl_sec);
    case OPTION_ALLOW_SHA1:
        request->policy.is_sha1_allowed = true;
        return true;
    default:
        return false;
    }
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {
        .now = (int64_t)time(NULL),
        .policy = {.safety_margin_sec = DEFAULT_SAFETY_MARGIN_SEC, .min_ttl_sec = DEFAULT_MIN_TTL_SEC},
    };
    int option, code;

    while ((option = command_option(command, argc, argv, NULL, &code)) != OPTION_END)
        if (!take_option(option, &request))
            return command_usage_error(command);
    if (code >= 0)
        return code;
    if (request.cert_path == NULL || argc - optind != 1) {
        log_error(request.cert_path == NULL ? "--cert FILE is missing" : "name one file with a response");
        return command_usage_error(command);
    }
    request.response_path = argv[optind];
    return verify(&request);
}

const struct command command_verify = {
    .name = "verify",
    .help = {
        .usage = "--cert FILE [--chain FILE] [--time UNIX] [--safety-margin D] [--min-ttl D] [--allow-sha1-signatures] RESPONSE.der",
        .summary = "Show whether an OCSP response would be stapled for a certificate, and why",
        .note = "The first line is \"good\", \"revoked\", \"unknown\" or \"reject: WORD\".",
        .options = (const struct help_option[]){
            {OPTION_CERT, 0, "cert", "FILE", "the certificate in PEM format, with its chain unless --chain is given"},
            {OPTION_CHAIN, 0, "chain", "FILE", "a PEM file that contains the issuer's certificate"},
            {OPTION_TIME, 0, "time", "UNIX", "verify as of this time, in seconds since 1970 (default: now)"},
            {OPTION_SAFETY_MARGIN, 0, "safety-margin", "D", "how long before its expiry Apache drops the response (30h)"},
            {OPTION_MIN_TTL, 0, "min-ttl", "D", "the lifetime that must remain after that (1h)"},
            {OPTION_ALLOW_SHA1, 0, "allow-sha1-signatures", NULL, "accept signatures with SHA-1"},
            {.argument = "RESPONSE.der", .text = "the response as the responder sent it"},
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "good"},
            {NULL, "1", "revoked or unknown"},
            {NULL, "2", "rejected"},
            {NULL, "3", "usage error, or a file that cannot be read"},
            {0},
        },
    },
    .run = run,
};
