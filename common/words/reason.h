/* SPDX-License-Identifier: ISC */
/*
 * Owns: the stable words for the reasons of a failure or a refusal.  Command line, audit log, status and messages share them.  The
 *       words are a contract and are never renamed; the numbers go over the wire between our own processes.
 * Runs in: every process.
 * Never: holds text from outside; that goes into a detail beside the reason.
 */
#ifndef STAPLEGUARD_REASON_H
#define STAPLEGUARD_REASON_H

#include <stdbool.h>

/* REASON(constant, word, sentence).  The sentence names the cause, and the remedy where there is one. */
/* clang-format off */
#define REASON_TABLE(REASON) \
    REASON(NONE, "ok", "no error") \
    /* verification of a response (common/ocsp) */ \
    REASON(MALFORMED, "malformed", "the response is not a valid DER-encoded OCSP response") \
    REASON(TRAILING_BYTES, "trailing-bytes", "data follows the end of the response") \
    REASON(TOO_LARGE, "too-large", "the response exceeds the 10,239 bytes that Apache can serve") \
    REASON(STATUS_MALFORMED_REQUEST, "status-malformedrequest", "the responder reports that the request is malformed") \
    REASON(STATUS_INTERNAL_ERROR, "status-internalerror", "the responder reports an internal error") \
    REASON(STATUS_TRYLATER, "status-trylater", "the responder asks for another attempt later") \
    REASON(STATUS_SIG_REQUIRED, "status-sigrequired", "the responder requires signed requests, which stapleguard does not send") \
    REASON(STATUS_UNAUTHORIZED, "status-unauthorized", \
        "the responder has no answer for this certificate (RFC 5019: unauthorized)") \
    REASON(STATUS_UNRECOGNISED, "status-unrecognised", "the responder returned a status that RFC 6960 does not define") \
    REASON(NOT_BASIC, "not-basic", "the response is not of type id-pkix-ocsp-basic") \
    REASON(WRONG_CERTID, "wrong-certid", "the response does not cover this certificate") \
    REASON(CERTID_HASH, "certid-hash", "the response's CertID does not use SHA-1, so Apache would not find it") \
    REASON(CONFLICTING, "conflicting", "the response contains conflicting statements about the same certificate") \
    REASON(SIGNER_NOT_AUTHORISED, "signer-not-authorised", \
        "the response is signed neither by the issuer nor by a delegate that the issuer authorised") \
    REASON(SIGNER_EXPIRED, "signer-expired", "the delegated signer's certificate is not valid at this time") \
    REASON(BAD_SIGNATURE, "bad-signature", "the signature is invalid") \
    REASON(WEAK_SIGNATURE, "weak-signature", "the signature uses an algorithm that is not accepted") \
    REASON(CRITICAL_EXTENSION, "critical-extension", "the response has an unknown critical extension") \
    REASON(NOT_YET_VALID, "not-yet-valid", "the response is not valid yet; check this machine's clock") \
    REASON(EXPIRED, "expired", "the response has expired") \
    REASON(NO_NEXT_UPDATE, "no-next-update", "the response has no nextUpdate, so it must not be cached") \
    REASON(BAD_TIMES, "bad-times", "nextUpdate is not after thisUpdate") \
    REASON(SHORT_TTL, "short-ttl", \
        "the response's remaining lifetime, minus safety_margin, does not exceed min_ttl; if the CA issues short-lived " \
        "responses, lower both for this certificate") \
    REASON(CLOCK_WRONG, "clock-wrong", "this machine's clock is set to a time before stapleguard was built; set the clock") \
    /* reading a certificate (common/ocsp) and its files (supervisor) */ \
    REASON(FILE_MISSING, "file-missing", "the file does not exist") \
    REASON(FILE_UNREADABLE, "file-unreadable", "the file cannot be read") \
    REASON(FILE_TOO_LARGE, "file-too-large", "the file is too large to be a certificate") \
    REASON(NO_CERTIFICATE, "no-certificate", "the file contains no BEGIN CERTIFICATE block") \
    REASON(DER_NOT_PEM, "der-not-pem", \
        "the file is in DER format; convert it with: openssl x509 -inform DER -in FILE -out FILE.pem") \
    REASON(CERT_MALFORMED, "cert-malformed", "a CERTIFICATE block is damaged") \
    REASON(NO_ISSUER, "no-issuer", "the issuer's certificate is missing; name a file that contains it with chain = FILE") \
    REASON(NO_OCSP, "no-ocsp", "the certificate names no OCSP responder, so there is nothing to staple") \
    REASON(NO_USABLE_URL, "no-usable-url", "the certificate's OCSP responders use neither http nor https") \
    REASON(CERT_EXPIRED, "cert-expired", "the certificate has expired, so no response is requested") \
    REASON(TOO_MANY, "too-many", "the number exceeds the limit of stapleguard") \
    /* a fetch that failed (fetcher) */ \
    REASON(URL_MALFORMED, "url-malformed", "the responder's URL is malformed") \
    REASON(NAME_NOT_FOUND, "name-not-found", "the responder's host name does not exist in DNS") \
    REASON(RESOLVER_FAILED, "resolver-failed", "the name servers did not answer; see /etc/resolv.conf") \
    REASON(ADDRESS_REFUSED, "address-refused", \
        "the responder's address is link-local or multicast, or allow_private or allow_loopback forbids it") \
    REASON(CONNECT_FAILED, "connect-failed", "cannot connect to the responder") \
    REASON(TIMEOUT, "timeout", "the exchange did not complete within timeout") \
    REASON(TLS_FAILED, "tls-failed", "the TLS handshake with the responder failed; see ca_file") \
    REASON(PROXY_FAILED, "proxy-failed", "the proxy cannot be reached or refuses the request; see proxy") \
    REASON(CONNECTION_LOST, "connection-lost", "the connection was closed before the response was complete") \
    REASON(HTTP_STATUS, "http-status", "the responder answered with an HTTP status other than 200") \
    REASON(CONTENT_TYPE, "content-type", "the answer's content type is not application/ocsp-response") \
    REASON(BODY_TOO_LARGE, "body-too-large", "the answer exceeds max_body") \
    REASON(HEADERS_TOO_LARGE, "headers-too-large", "the answer's HTTP header is too long") \
    REASON(EMPTY_BODY, "empty-body", "the answer is empty") \
    REASON(REDIRECT_REFUSED, "redirect-refused", "the responder redirects to another scheme or without a usable URL") \
    REASON(TOO_MANY_REDIRECTS, "too-many-redirects", "the responder redirects more than twice") \
    REASON(NETWORK_ERROR, "network-error", "the exchange failed for another reason") \
    /* an offer that the writer refuses, or a peer that does not keep to the protocol */ \
    REASON(UNKNOWN_CERT, "unknown-cert", "the response is for a certificate that is not configured") \
    REASON(ROLLBACK, "rollback", "the response is older than the stored one") \
    REASON(GOOD_AFTER_REVOKED, "good-after-revoked", "the response says good after a verified response said revoked") \
    REASON(FLOOD, "flood", "more messages arrived than any schedule requires") \
    REASON(PROTOCOL, "protocol", "a message violates the protocol between the processes") \
    REASON(REVOKED, "revoked", "the certificate is revoked") \
    REASON(UNKNOWN, "unknown", "the responder does not know the certificate") \
    /* Apache's file and our store (writer) */ \
    REASON(NOT_BERKELEY_DB, "not-berkeley-db", \
        "the file is not a Berkeley DB hash database; this Apache uses a DBM type that stapleguard does not write") \
    REASON(DBM_UNWRITABLE, "dbm-unwritable", "Apache's file cannot be replaced") \
    REASON(STORE_FAILED, "store-failed", "the store of stapleguard cannot be written") \
    REASON(STORE_CORRUPT, "store-corrupt", \
        "the store of stapleguard is damaged; it is set aside and filled again from the network") \
    REASON(READER_DIED, "reader-died", \
        "the process that reads Apache's file died, hung or exceeded a limit; the entries of other programs are dropped") \
    REASON(GUARD_DISPLACED, "guard-displaced", "an entry displaces the scan guard") \
    /* guarding Apache's file, and restarting Apache (writer) */ \
    REASON(SHIELD_UNSUPPORTED, "shield-unsupported", \
        "the file system or the kernel cannot make the directory immutable; the file is restored after each restart " \
        "instead") \
    REASON(SHIELD_OFF, "shield-off", "the configuration turns the shield off") \
    REASON(SHIELD_IN_DOUBT, "shield-in-doubt", "the file is being checked; until the check succeeds, Apache can delete it") \
    REASON(APACHE_NOT_RUNNING, "apache-not-running", "Apache is not running; see pid_file") \
    REASON(CONFIGTEST_FAILED, "configtest-failed", "Apache rejects its configuration, so it was not restarted") \
    REASON(RESTART_UNSEEN, "restart-unseen", "Apache was signalled to restart, but no restart was observed in time") \
    REASON(LOCK_TIMEOUT, "lock-timeout", \
        "Apache held its ssl-stapling lock for too long; the file was written without the lock") \
    REASON(INTERNAL, "internal", "internal error in stapleguard")

enum reason {
#define REASON_CONSTANT(constant, word, sentence) REASON_##constant,
    REASON_TABLE(REASON_CONSTANT)
#undef REASON_CONSTANT
    REASON_COUNT
};
/* clang-format on */

/* The stable word, and the sentence; for a number out of range those of REASON_INTERNAL. */
const char *reason_word(enum reason reason);
const char *reason_sentence(enum reason reason);

#endif
