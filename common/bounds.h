/* SPDX-License-Identifier: ISC */
/*
 * Owns: every bound of stapleguard, with its reason.
 * Runs in: all processes.
 * Never: lets anything that comes from outside be larger than what stands here.
 */
#ifndef STAPLEGUARD_BOUNDS_H
#define STAPLEGUARD_BOUNDS_H

/* httpd ssl_util_stapling.c reads flag + DER into 10,240 bytes: a longer response can never be served. */
#define STAPLE_DER_MAX 10239u

/* A certificate's name in configuration, messages and audit log.  Discovered ones are named by their path. */
#define CERT_NAME_MAX 255u

/* A responder's URL.  Real ones are below 100 bytes; a certificate may hold anything. */
#define URL_MAX 1024u

/* Responder URLs of one certificate that are tried; more are ignored, and said so. */
#define CERT_URLS_MAX 8u

/* A sentence that a child sends about an event, and a line that it wants logged. */
#define DETAIL_MAX 400u
#define LOG_TEXT_MAX 900u

/* A file's path, as the kernel bounds it (PATH_MAX less the end). */
#define FILE_PATH_MAX 4095u

/* CERTIFICATE blocks of one certificate and its chain, as PEM text; and how many of them. */
#define CERT_PEM_MAX (256u * 1024u)
#define CERT_BLOCKS_MAX 32u

/* A certificate file that we are willing to read: keys, comments and parameters may stand in it. */
#define CERT_FILE_MAX (1024u * 1024u)

/* RFC 5280 4.1.2.2: at most 20 octets; a little more is tolerated, as OpenSSL and CAs did. */
#define CERT_SERIAL_MAX 32u

/* Certificates of one Apache.  Above what any known site has; bounds every table. */
#define CERTS_MAX 200000u

/* One message between two processes: the longest is an offer. */
#define MSG_LEN_MAX 12288u

/* Answers over the control socket, all together: a certificate takes some 500 octets of the status. */
#define CONTROL_DATA_MAX (512u * 1024u * 1024u)

/* Configuration: 100,000 certificate sections of four lines fit. */
#define CONF_FILE_MAX (64u * 1024u * 1024u)

/* Clock difference between us and a responder that is forgiven: mod_ssl forgives the same 5 minutes. */
#define CLOCK_SKEW_SEC 300

/* Certificates embedded in a response that are looked at as signers.  More than three was never seen. */
#define OCSP_SIGNERS_MAX 8

/* RFC 5019 section 5: a GET of at most 255 bytes, the whole URL counted; a longer request is a POST. */
#define GET_URL_MAX 255u

/* Redirects followed in one exchange.  A responder behind a CDN uses one; three are a loop or a mistake. */
#define REDIRECTS_MAX 2u

/* Header lines of one answer, all together.  Real ones are below 1 KiB; libcurl itself would take 300 KiB. */
#define HTTP_HEADER_MAX (16u * 1024u)

/* Addresses of one name that are tried; large CDNs answer with 8 of each family. */
#define NAME_ADDRESSES_MAX 16u

/* A host name, RFC 1035 3.1 (255 octets on the wire are 253 as text). */
#define HOST_NAME_MAX_LEN 253u

/* How long a name's addresses, or its absence, are believed: a whole pass asks once, a move is seen within a minute. */
#define NAME_KEEP_SEC 60

/* /etc/hosts.  Blocking lists of 200,000 lines are below 8 MiB. */
#define HOSTS_FILE_MAX (16u * 1024u * 1024u)

/*
 * Exchanges in a row that a responder left without any HTTP answer, after which the rest of its certificates fail at once in
 * this pass.  Twice the default per_responder: one burst that meets a hiccup does not trip it, and 10,000 certificates of a
 * dead responder cost two timeouts instead of 1,250.
 */
#define RESPONDER_FAILURES_MAX 16u

/* A Retry-After or max-age that says more is not believed: a responder must not silence us for longer than a week. */
#define HTTP_WAIT_MAX_SEC (7 * 86400)

/* Bounds of what FETCH_CONFIG may ask for. */
#define CONCURRENCY_MAX 1024u
#define BODY_MAX (16u * 1024u * 1024u)

/*
 * Offers for one certificate in one pass that the writer looks at.  Each URL by GET and by POST gives 2 * CERT_URLS_MAX =
 * 16; four times that leaves room for every retry there may be, and none for keeping the writer busy.
 */
#define OFFERS_PER_PASS_MAX 64u

/* Foreign entries carried over from Apache's file, and the longest key that is believed to be one. */
#define FOREIGN_ENTRIES_MAX 200000u
#define FOREIGN_BYTES_MAX (512u * 1024u * 1024u)
#define FOREIGN_READ_SEC 10

#endif
