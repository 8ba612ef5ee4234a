/* SPDX-License-Identifier: ISC */
/*
 * Owns: the stable words for why something is not as it should be.  Command line, audit log, status and messages
 *       share them; words are a contract and are never renamed, numbers go over the wire between our own processes.
 * Runs in: every process.
 * Never: holds text from outside; that goes into a detail beside the reason.
 */
#ifndef STAPLEGUARD_REASON_H
#define STAPLEGUARD_REASON_H

#include <stdbool.h>

/* REASON(constant, word, sentence).  The sentence says what is wrong, and what to do where there is something to do. */
/* clang-format off */
#define REASON_TABLE(REASON) \
    REASON(NONE, "ok", "nothing is wrong") \
    /* verification of a response (common/ocsp) */ \
    REASON(MALFORMED, "malformed", "the response is not valid DER of an OCSP response") \
    REASON(TRAILING_BYTES, "trailing-bytes", "bytes follow the end of the response") \
    REASON(TOO_LARGE, "too-large", "the response is longer than the 10,239 bytes that Apache can serve") \
    REASON(STATUS_MALFORMED_REQUEST, "status-malformedrequest", "the responder says that it did not understand the request") \
    REASON(STATUS_INTERNAL_ERROR, "status-internalerror", "the responder says that it has an internal error") \
    REASON(STATUS_TRYLATER, "status-trylater", "the responder says: try later") \
    REASON(STATUS_SIG_REQUIRED, "status-sigrequired", "the responder wants signed requests, which public CAs do not") \
    REASON(STATUS_UNAUTHORIZED, "status-unauthorized", "the responder does not know this certificate (RFC 5019: unauthorized)") \
    REASON(STATUS_UNRECOGNISED, "status-unrecognised", "the responder answered with a status that RFC 6960 does not define") \
    REASON(NOT_BASIC, "not-basic", "the response is not of type id-pkix-ocsp-basic") \
    REASON(WRONG_CERTID, "wrong-certid", "the response is not about this certificate") \
    REASON(CERTID_HASH, "certid-hash", "the CertID is not made with SHA-1, so Apache would not find it") \
    REASON(CONFLICTING, "conflicting", "the response says different things about the same certificate") \
    REASON(SIGNER_NOT_AUTHORISED, "signer-not-authorised", \
        "the response is signed neither by the issuer nor by a delegate that the issuer itself authorised") \
    REASON(SIGNER_EXPIRED, "signer-expired", "the delegated signer's certificate is not valid now") \
    REASON(BAD_SIGNATURE, "bad-signature", "the signature does not verify") \
    REASON(WEAK_SIGNATURE, "weak-signature", "the signature uses an algorithm that is not accepted") \
    REASON(CRITICAL_EXTENSION, "critical-extension", "the response has a critical extension that we do not know") \
    REASON(NOT_YET_VALID, "not-yet-valid", "the response lies in the future; is this machine's clock right?") \
    REASON(EXPIRED, "expired", "the response is past its end") \
    REASON(NO_NEXT_UPDATE, "no-next-update", "the response has no nextUpdate, so nobody may keep it") \
    REASON(BAD_TIMES, "bad-times", "nextUpdate is not after thisUpdate") \
    REASON(SHORT_TTL, "short-ttl", \
        "what is left of the response after safety_margin is not more than min_ttl; " \
        "for a CA with short-lived responses, lower both for this certificate") \
    REASON(CLOCK_WRONG, "clock-wrong", \
        "this machine's clock is before the day stapleguard was built, so nothing is judged; set the clock") \
    /* reading a certificate (common/ocsp) and its files (supervisor) */ \
    REASON(FILE_MISSING, "file-missing", "the file does not exist") \
    REASON(FILE_UNREADABLE, "file-unreadable", "the file cannot be read") \
    REASON(FILE_TOO_LARGE, "file-too-large", "the file is too large for a certificate") \
    REASON(NO_CERTIFICATE, "no-certificate", "there is no BEGIN CERTIFICATE block in the file") \
    REASON(DER_NOT_PEM, "der-not-pem", "the file is DER; make PEM of it with: openssl x509 -inform DER -in FILE -out FILE.pem") \
    REASON(CERT_MALFORMED, "cert-malformed", "a CERTIFICATE block is damaged") \
    REASON(NO_ISSUER, "no-issuer", "the issuer's certificate is not there; name the chain with chain = FILE") \
    REASON(NO_OCSP, "no-ocsp", "the certificate names no OCSP responder; nothing to staple") \
    REASON(NO_USABLE_URL, "no-usable-url", "the certificate's responder can only be asked by a scheme other than http and https") \
    REASON(CERT_EXPIRED, "cert-expired", "the certificate itself has expired; nothing is asked for it") \
    REASON(TOO_MANY, "too-many", "there are more certificates than stapleguard keeps") \
    /* a fetch that failed (fetcher) */ \
    REASON(URL_MALFORMED, "url-malformed", "the responder's URL cannot be understood") \
    REASON(NAME_NOT_FOUND, "name-not-found", "the responder's name does not exist in DNS") \
    REASON(RESOLVER_FAILED, "resolver-failed", "the name servers gave no answer; see /etc/resolv.conf") \
    REASON(ADDRESS_REFUSED, "address-refused", \
        "the responder's address is not allowed by allow_private or allow_loopback, or is link-local or multicast") \
    REASON(CONNECT_FAILED, "connect-failed", "no connection to the responder") \
    REASON(TIMEOUT, "timeout", "the exchange was not over within timeout") \
    REASON(TLS_FAILED, "tls-failed", "TLS with the responder failed; see ca_file") \
    REASON(PROXY_FAILED, "proxy-failed", "the proxy refused or cannot be reached; see proxy") \
    REASON(CONNECTION_LOST, "connection-lost", "the connection ended before the response did") \
    REASON(HTTP_STATUS, "http-status", "the responder answered with an HTTP status other than 200") \
    REASON(CONTENT_TYPE, "content-type", "the answer is not application/ocsp-response") \
    REASON(BODY_TOO_LARGE, "body-too-large", "the answer is longer than max_body") \
    REASON(HEADERS_TOO_LARGE, "headers-too-large", "the answer's header is longer than any honest one") \
    REASON(EMPTY_BODY, "empty-body", "the answer is empty") \
    REASON(REDIRECT_REFUSED, "redirect-refused", "the responder redirects to another scheme or to nowhere") \
    REASON(TOO_MANY_REDIRECTS, "too-many-redirects", "the responder redirects more than twice") \
    REASON(NETWORK_ERROR, "network-error", "the exchange failed in another way") \
    /* an offer that the writer refuses, or a peer that does not keep to the protocol */ \
    REASON(UNKNOWN_CERT, "unknown-cert", "an offer for a certificate that nobody configured") \
    REASON(ROLLBACK, "rollback", "the response is older than the one that is held") \
    REASON(GOOD_AFTER_REVOKED, "good-after-revoked", "a good response after a verified revoked one") \
    REASON(FLOOD, "flood", "more offers than any schedule needs") \
    REASON(PROTOCOL, "protocol", "a message that the protocol does not allow") \
    REASON(REVOKED, "revoked", "the certificate is revoked") \
    REASON(UNKNOWN, "unknown", "the responder does not know the certificate") \
    /* Apache's file and our store (writer) */ \
    REASON(NOT_BERKELEY_DB, "not-berkeley-db", \
        "the file is not a Berkeley DB hash file; this Apache uses another DBM type, which stapleguard does not write") \
    REASON(DBM_UNWRITABLE, "dbm-unwritable", "Apache's file cannot be replaced") \
    REASON(STORE_FAILED, "store-failed", "our own store cannot be written") \
    REASON(STORE_CORRUPT, "store-corrupt", "our own store was damaged; it is set aside and filled anew from the network") \
    REASON(READER_DIED, "reader-died", "the reader of Apache's file died, hung or used too much; its foreign entries are dropped") \
    REASON(GUARD_DISPLACED, "guard-displaced", "an entry takes the scan guard's place") \
    /* guarding Apache's file, and restarting Apache (writer) */ \
    REASON(SHIELD_UNSUPPORTED, "shield-unsupported", \
        "the file system or the kernel cannot make the directory immutable; the file is put back after each restart instead") \
    REASON(SHIELD_OFF, "shield-off", "shield = off") \
    REASON(SHIELD_IN_DOUBT, "shield-in-doubt", "the file is being looked at; until it is found good, Apache may delete it") \
    REASON(APACHE_NOT_RUNNING, "apache-not-running", "Apache is not running; see pid_file") \
    REASON(CONFIGTEST_FAILED, "configtest-failed", "Apache finds its own configuration broken, so it was not restarted") \
    REASON(RESTART_UNSEEN, "restart-unseen", "Apache was told to restart, but nobody saw it do so in time") \
    REASON(LOCK_TIMEOUT, "lock-timeout", "Apache held its ssl-stapling lock for too long; written without it") \
    REASON(INTERNAL, "internal", "stapleguard itself failed")

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
