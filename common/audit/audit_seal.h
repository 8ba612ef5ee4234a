/* SPDX-License-Identifier: ISC */
/*
 * Owns: the seals of the audit log: keys that go one way, and the MAC that a record carries.
 * Runs in: supervisor (seals), command line (makes the first key, verifies).
 * Never: touches a file or a clock; can give a key of an epoch before the one it is given.
 *
 * The construction (docs/audit.md): time is cut into epochs of `interval` seconds from `start` on.  The key of epoch 0 is random;
 * the key of the next is HMAC-SHA256(key, "stapleguard audit seal: next key"), and the one before is destroyed.  A sealed line ends in
 *     ,"hash":"hex","epoch":N,"seal":"hex"}
 * where seal is HMAC-SHA256(key of epoch N, hash).  Who takes the machine in epoch N has that key and those after it, so they can
 * write what they like from then on, but not alter a record that was sealed before.
 */
#ifndef STAPLEGUARD_AUDIT_SEAL_H
#define STAPLEGUARD_AUDIT_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_KEY_LEN 32u
#define AUDIT_SEAL_LEN 32u

/* What a seal adds to a line at most. */
#define AUDIT_SEAL_TEXT_MAX (sizeof ",\"epoch\":4294967295,\"seal\":\"\"" - 1 + 2 * AUDIT_SEAL_LEN)

/* "sg1-START-INTERVAL-HEX": what --setup-seal prints and --key takes; with its NUL. */
#define AUDIT_KEY_TEXT_MAX (sizeof "sg1-9223372036854775807-4294967295-" + 2 * AUDIT_KEY_LEN)

struct audit_key {
    int64_t start;     /* seconds since 1970 */
    uint32_t interval; /* seconds; at least 1 */
    uint32_t epoch;
    uint8_t secret[AUDIT_KEY_LEN];
};

/* What a record carries. */
struct audit_seal {
    uint32_t epoch;
    uint8_t mac[AUDIT_SEAL_LEN];
};

/* The epoch of a time (seconds since 1970): 0 before the start, the last one when there are no more numbers. */
uint32_t audit_key_epoch_at(const struct audit_key *key, int64_t time_sec);

/* Move the key on to an epoch; it stays where it is when that lies behind.  The old key is gone. */
void audit_key_evolve(struct audit_key *key, uint32_t epoch);

/* The MAC of a record's hash under the key's own epoch. */
void audit_seal_make(const struct audit_key *key, const uint8_t *hash, size_t hash_len, struct audit_seal *seal);

/*
 * Put the seal behind the hash of a line that ends in '}' (line_len bytes; room for AUDIT_SEAL_TEXT_MAX more and a NUL).
 * Returns the new length.
 */
size_t audit_seal_append(const struct audit_seal *seal, char *line, size_t line_len);

/* Where the line is cut so that neither seal nor '}' is left.  *seal is set, and *is_sealed.  0: it does not end in '}'. */
size_t audit_seal_split(const char *line, size_t len, struct audit_seal *seal, bool *is_sealed);

/* Returns the length.  Only a key of epoch 0 has a text. */
size_t audit_key_format(const struct audit_key *key, char text[AUDIT_KEY_TEXT_MAX]);
bool audit_key_parse(const char *text, struct audit_key *key);

#endif
