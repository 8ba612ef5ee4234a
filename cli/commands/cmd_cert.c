/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard cert`: what stapleguard sees in a certificate file, or why it cannot use it.
 * Runs in: command line.
 * Never: decides otherwise than the service would: it calls the same cert_load.
 */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/cert_files.h"
#include "base/command.h"
#include "base/output.h"
#include "cert/asn1_value.h"
#include "cert/cert_load.h"
#include "system/log.h"
#include "text/hex.h"

enum { OPTION_CHAIN = OPTION_OWN };

enum cert_exit {
    CERT_EXIT_USABLE = 0,
    CERT_EXIT_NOTHING = 1,
    CERT_EXIT_UNUSABLE = 2,
};

static enum cert_exit exit_of(enum cert_state state)
{
    switch (state) {
    case CERT_STATE_MISSING:
        return CERT_EXIT_USABLE;
    case CERT_STATE_NO_OCSP:
    case CERT_STATE_EXPIRED:
        return CERT_EXIT_NOTHING;
    default:
        return CERT_EXIT_UNUSABLE;
    }
}

/* The first line is for programs: "usable", or the reason's word. */
static void print_verdict(enum reason reason, const char *failed_file, const char *detail)
{
    printf("%s\n", reason == REASON_NONE ? "usable" : reason_word(reason));
    if (failed_file != NULL)
        output_field("file", failed_file);
    if (reason != REASON_NONE)
        output_field("reason", reason_sentence(reason));
    output_field("detail", detail);
}

static void print_hex(const char *name, const uint8_t *data, size_t len)
{
    char hex[2 * 32 + 1];

    hex_format(data, len, hex);
    output_field(name, hex);
}

static void print_issuer(const struct issuer *issuer)
{
    char name[ASN1_NAME_TEXT_SIZE];

    if (issuer == NULL) {
        output_field("issuer", "not there");
        return;
    }
    asn1_name_text(X509_get_subject_name(issuer->x509), name);
    output_field("issuer", name);
    print_hex("issuer sha256", issuer->sha256, sizeof issuer->sha256);
}

static void print_cert(const struct pem_blocks *blocks, const struct cert *cert, int64_t now)
{
    char subject[ASN1_NAME_TEXT_SIZE];

    /* A certificate that could not be read has no serial number, and nothing to show. */
    if (cert->serial_len == 0 || !cert_subject(blocks->text, blocks->len, cert->sha256, subject, sizeof subject))
        return;
    output_field("subject", subject);
    print_hex("serial", cert->serial, cert->serial_len);
    print_hex("sha256", cert->sha256, sizeof cert->sha256);
    print_hex("apache key", cert->sha1, sizeof cert->sha1);
    output_time("not before", cert->not_before, now);
    output_time("not after", cert->not_after, now);
    output_field("must-staple", cert->is_must_staple ? "yes" : "no");
    print_issuer(cert->issuer);
    for (unsigned i = 0; i < cert->url_count; i++)
        output_field("responder", cert->urls[i]);
}

static enum cert_exit show(const char *cert_path, const char *chain_path, int64_t now)
{
    enum cert_state state = CERT_STATE_UNUSABLE;
    struct issuer_table *issuers = issuer_table_new();
    struct cert cert = {0};
    struct cert_files files;
    char detail[DETAIL_MAX + 1];
    enum reason reason = cert_files_read(cert_path, chain_path, &files, detail);

    if (reason == REASON_NONE && issuers == NULL)
        reason = REASON_INTERNAL;
    if (reason == REASON_NONE)
        state = cert_load_text(files.blocks.text, files.blocks.len, files.leaf_blocks, "", now, issuers, &cert, &reason, detail);
    print_verdict(reason, files.failed, detail);
    print_cert(&files.blocks, &cert, now);
    cert_clear(&cert);
    issuer_table_free(issuers);
    cert_files_clear(&files);
    return exit_of(state);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *chain_path = NULL;
    int code;

    while (command_option(command, argc, argv, NULL, &code) == OPTION_CHAIN)
        chain_path = optarg;
    if (code >= 0)
        return code;
    if (argc - optind != 1) {
        log_error("name one certificate file");
        return command_usage_error(command);
    }
    return output_end((int)show(argv[optind], chain_path, (int64_t)time(NULL)));
}

const struct command command_cert = {
    .name = "cert",
    .help = {
        .usage = "FILE [--chain FILE]",
        .summary = "Show how stapleguard reads a certificate, or why it cannot use it",
        .note = "The first line is \"usable\" or the reason's word (no-ocsp, cert-expired, no-issuer ...).",
        .options = (const struct help_option[]){
            {.argument = "FILE", .text = "the certificate in PEM format, with its chain unless --chain is given"},
            {OPTION_CHAIN, 0, "chain", "FILE", "a PEM file that contains the issuer's certificate"},
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "usable"},
            {NULL, "1", "nothing to staple: no-ocsp or cert-expired"},
            {NULL, "2", "unusable"},
            {NULL, "3", "usage error"},
            {0},
        },
    },
    .run = run,
};
