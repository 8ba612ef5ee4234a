/* SPDX-License-Identifier: ISC */
/*
 * Owns: the names of the sandbox's layers that depend on the kernel.
 * Runs in: supervisor, fetcher, writer.
 * Never: says what a layer does; landlock.h and policy.h do.
 */
#ifndef STAPLEGUARD_LAYER_H
#define STAPLEGUARD_LAYER_H

/* Layers that an old kernel may lack; the bits of MSG_READY.missing_layers. */
enum {
    SANDBOX_LAYER_LANDLOCK_FS = 1,    /* Linux 5.13 */
    SANDBOX_LAYER_LANDLOCK_NET = 2,   /* Linux 6.7: no TCP bind, no TCP connect but the fetcher's */
    SANDBOX_LAYER_LANDLOCK_SCOPE = 4, /* Linux 6.12: no signal, no abstract socket out of the sandbox */
    SANDBOX_LAYER_SECCOMP = 8,        /* CONFIG_SECCOMP_FILTER */
};
/* Those that no other layer stands in for: what the rest refuses, seccomp refuses too. */
#define SANDBOX_LAYERS_NEEDED (SANDBOX_LAYER_LANDLOCK_FS | SANDBOX_LAYER_SECCOMP)

#endif
