/* SPDX-License-Identifier: ISC */
/*
 * Owns: the page that a probe shares with the test that started it: what to try, and what came of it.
 * Runs in: probes (tests only).
 * Never: needs a descriptor or a name once it is mapped, so that it works in every jail.
 */
#ifndef STAPLEGUARD_PROBE_PAGE_H
#define STAPLEGUARD_PROBE_PAGE_H

#include <stdint.h>

#define PROBE_NAME_MAX 31
#define PROBE_PATH_MAX 255
#define PROBE_ATTEMPTS_MAX 256

/* A descriptor that somebody forgot, of a file that is nobody's business. */
#define PROBE_STRAY_FD 40

/* Layers to leave out, to see what the others do. */
enum {
    PROBE_WITHOUT_SECCOMP = 1,
    PROBE_WITHOUT_LANDLOCK = 2,
};

/* What came of an attempt; anything above is the errno it was refused with. */
enum {
    PROBE_NOT_BEGUN = -3,
    PROBE_BEGUN = -2, /* the process did not outlive it */
    PROBE_UNKNOWN = -1,
    PROBE_SUCCEEDED = 0,
};

/* Laid out by tests/helpers/probe.py too: native byte order, no padding. */
struct probe_page {
    char target[16]; /* whose filter ends the set-up: the policy's name; "nobody": no jail at all */
    uint32_t without;
    uint32_t victim_pid; /* a process of the target's own uid, outside of its jail */
    uint32_t port;       /* a TCP port on 127.0.0.1 where somebody listens */
    uint32_t loosened;   /* which rule on an argument to leave out, counted from 1 in the order of the table; 0: none */
    uint32_t count;
    char upwards[PROBE_PATH_MAX + 1]; /* a file outside, by a path that begins with ".." */
    char socket[PROBE_PATH_MAX + 1];  /* name of an abstract UNIX socket where somebody listens */
    struct {
        char name[PROBE_NAME_MAX + 1];
        int32_t outcome;
    } attempts[PROBE_ATTEMPTS_MAX];
};

#endif
