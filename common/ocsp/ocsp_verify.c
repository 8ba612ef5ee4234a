/* SPDX-License-Identifier: ISC */
#include "ocsp/ocsp_verify.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "cert/asn1_value.h"
#include "ocsp/ocsp_parse.h"
#include "ocsp/ocsp_signer.h"
#include "ocsp/ocsp_single.h"
#include "text/duration.h"
#include "text/hex.h"
#include "text/text.h"

#define DURATION_TEXT_SIZE 32u

/* What a verified response says, before its times are looked at. */
struct statement {
    struct ocsp_single single;
    struct ocsp_signer signer;
    const char *end_name; /* which of the three ends is the effective one */
};

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static int64_t subtract(int64_t a, int64_t b)
{
    int64_t difference;

    return __builtin_sub_overflow(a, b, &difference) ? (b > 0 ? INT64_MIN : INT64_MAX) : difference;
}

static enum reason refuse_time(enum reason reason, const char *name, int64_t time, const char *what, int64_t now, char *detail)
{
    char time_text[ASN1_TIME_TEXT_SIZE];
    char now_text[ASN1_TIME_TEXT_SIZE];

    asn1_time_text(time, time_text);
    asn1_time_text(now, now_text);
    text_clean_format(detail, DETAIL_MAX + 1, "%s %s %s; it is %s now", name, time_text, what, now_text);
    return reason;
}

static void set_effective_end(const struct cert *cert, struct statement *statement, struct ocsp_verdict *verdict)
{
    verdict->effective_end = statement->single.next_update;
    statement->end_name = "nextUpdate";
    if (statement->signer.delegate != NULL && statement->signer.not_after < verdict->effective_end) {
        verdict->effective_end = statement->signer.not_after;
        statement->end_name = "the end of the delegated signer's certificate,";
    }
    if (cert->not_after < verdict->effective_end) {
        verdict->effective_end = cert->not_after;
        statement->end_name = "the certificate's own end,";
    }
}

/* RFC 6960 3.2 items 5 and 6, 4.2.2.1; RFC 5019 4. */
static enum reason check_times(const struct cert *cert, struct statement *statement, int64_t now, struct ocsp_verdict *verdict)
{
    const struct ocsp_single *single = &statement->single;
    int64_t latest_start = add(now, CLOCK_SKEW_SEC);
    char *detail = verdict->detail;

    if (single->this_update > latest_start)
        return refuse_time(REASON_NOT_YET_VALID, "thisUpdate", single->this_update, "lies ahead", now, detail);
    if (verdict->produced_at > latest_start)
        return refuse_time(REASON_NOT_YET_VALID, "producedAt", verdict->produced_at, "lies ahead", now, detail);
    /* RFC 6960 4.2.2.1: without it newer information is available all the time; RFC 5019 2.2.4 demands it. */
    if (!single->has_next_update)
        return refuse_time(REASON_NO_NEXT_UPDATE, "thisUpdate", single->this_update, "stands alone", now, detail);
    set_effective_end(cert, statement, verdict);
    if (verdict->effective_end <= now)
        return refuse_time(REASON_EXPIRED, statement->end_name, verdict->effective_end, "is past", now, detail);
    if (single->next_update <= single->this_update)
        return refuse_time(REASON_BAD_TIMES, "nextUpdate", single->next_update, "is not after thisUpdate", now, detail);
    return REASON_NONE;
}

/* PARITY P12: what is left after safety_margin must be more than min_ttl. */
static enum reason check_ttl(
    const struct ocsp_policy *policy, const struct statement *statement, int64_t now, struct ocsp_verdict *verdict)
{
    char end[ASN1_TIME_TEXT_SIZE];
    char ahead[DURATION_TEXT_SIZE];
    char margin[DURATION_TEXT_SIZE];
    char left[DURATION_TEXT_SIZE];
    char min_ttl[DURATION_TEXT_SIZE];

    if (verdict->status != OCSP_STATUS_GOOD || verdict->expiry > add(now, policy->min_ttl_sec))
        return REASON_NONE;
    asn1_time_text(verdict->effective_end, end);
    duration_format(subtract(verdict->effective_end, now), ahead, sizeof ahead);
    duration_format(policy->safety_margin_sec, margin, sizeof margin);
    duration_format(subtract(verdict->expiry, now), left, sizeof left);
    duration_format(policy->min_ttl_sec, min_ttl, sizeof min_ttl);
    text_clean_format(verdict->detail, sizeof verdict->detail,
        "%s %s is %s ahead; less safety_margin %s this leaves %s, which is not more than min_ttl %s", statement->end_name, end,
        ahead, margin, left, min_ttl);
    return REASON_SHORT_TTL;
}

/* One sentence for a response that passed. */
static void describe(const struct cert *cert, const struct statement *statement, struct ocsp_verdict *verdict)
{
    const X509 *signer = statement->signer.delegate != NULL ? statement->signer.delegate : cert->issuer->x509;
    const char *kind = statement->signer.delegate != NULL ? "delegate" : "issuer";
    char name[ASN1_NAME_TEXT_SIZE];
    char time[ASN1_TIME_TEXT_SIZE];
    char serial[2 * CERT_SERIAL_MAX + 1];
    char *detail = verdict->detail;

    asn1_name_text(X509_get_subject_name(signer), name);
    switch (verdict->status) {
    case OCSP_STATUS_GOOD:
        asn1_time_text(verdict->expiry, time);
        text_clean_format(detail, DETAIL_MAX + 1, "signed by the %s %s; may be stapled until %s", kind, name, time);
        break;
    case OCSP_STATUS_REVOKED:
        asn1_time_text(verdict->revoked_at, time);
        text_clean_format(detail, DETAIL_MAX + 1, "revoked at %s (%s), says the %s %s", time,
            statement->single.revoked_reason == OCSP_REVOKED_STATUS_NOSTATUS
                ? "no reason given"
                : OCSP_crl_reason_str(statement->single.revoked_reason),
            kind, name);
        break;
    default:
        hex_format(cert->serial, cert->serial_len, serial);
        text_clean_format(detail, DETAIL_MAX + 1, "the %s %s does not know serial number %s", kind, name, serial);
    }
}

/* Everything but the times: a response that passes is what the CA said. */
static enum reason check_statement(const struct ocsp_parsed *parsed, const struct cert *cert, const struct ocsp_policy *policy,
    int64_t now, struct statement *statement, struct ocsp_verdict *verdict)
{
    OCSP_BASICRESP *basic = parsed->basic;
    enum reason reason = ocsp_single_find(basic, cert, &statement->single, verdict->detail);
    int64_t produced_at;

    if (reason != REASON_NONE)
        return reason;
    if (!asn1_strict_time_read(OCSP_resp_get0_produced_at(basic), &produced_at)) {
        text_clean_format(verdict->detail, sizeof verdict->detail, "producedAt is not a time of the form YYYYMMDDHHMMSSZ");
        return REASON_MALFORMED;
    }
    reason = ocsp_signer_find(parsed, cert->issuer, policy->is_sha1_allowed, now, &statement->signer, verdict->detail);
    if (reason != REASON_NONE)
        return reason;
    verdict->this_update = statement->single.this_update;
    verdict->next_update = statement->single.next_update;
    verdict->revoked_at = statement->single.revoked_at;
    verdict->produced_at = produced_at;
    return ocsp_single_check_extensions(basic, cert, verdict->detail);
}

static enum reason judge(const struct ocsp_parsed *parsed, const struct cert *cert, const struct ocsp_policy *policy, int64_t now,
    struct ocsp_verdict *verdict)
{
    struct statement statement = {.end_name = ""};
    enum reason reason = check_statement(parsed, cert, policy, now, &statement, verdict);

    if (reason == REASON_NONE)
        reason = check_times(cert, &statement, now, verdict);
    if (reason != REASON_NONE)
        return reason;
    verdict->status = statement.single.status;
    verdict->expiry = subtract(verdict->effective_end, policy->safety_margin_sec);
    reason = check_ttl(policy, &statement, now, verdict);
    if (reason == REASON_NONE)
        describe(cert, &statement, verdict);
    return reason;
}

void ocsp_verify(const uint8_t *der, size_t der_len, const struct cert *cert, const struct ocsp_policy *policy, int64_t now,
    struct ocsp_verdict *verdict)
{
    struct ocsp_parsed parsed = {0};

    memset(verdict, 0, sizeof *verdict);
    verdict->reason
        = cert->issuer == NULL ? REASON_NO_ISSUER : ocsp_parse(der, der_len, cert->issuer->delegates, &parsed, verdict->detail);
    if (verdict->reason == REASON_NONE)
        verdict->reason = judge(&parsed, cert, policy, now, verdict);
    if (verdict->reason != REASON_NONE)
        verdict->status = OCSP_STATUS_NONE;
    ocsp_parsed_clear(&parsed);
    /* OpenSSL notes each failure in a queue of the thread's that nobody reads. */
    ERR_clear_error();
}

const char *ocsp_status_word(enum ocsp_status status)
{
    switch (status) {
    case OCSP_STATUS_GOOD:
        return "good";
    case OCSP_STATUS_REVOKED:
        return "revoked";
    case OCSP_STATUS_UNKNOWN:
        return "unknown";
    case OCSP_STATUS_NONE:
        break;
    }
    return "reject";
}
