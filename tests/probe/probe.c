/* SPDX-License-Identifier: ISC */
/*
 * Owns: a process of stapleguard that, in place of its work, tries what it must not do.  Linked with -Wl,--wrap into the real
 *       programs: their set-up and their jail are the code that is in service.
 * Runs in: probe_supervisor, probe_fetcher, probe_writer (tests only).
 * Never: installed.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attempts.h"
#include "loosen.h"
#include "page.h"
#include "sandbox/policy.h"

#define EXIT_ALL_TRIED 42

int __real_sandbox_apply(const struct sandbox_policy *policy);
int __wrap_sandbox_apply(const struct sandbox_policy *policy);
void __real_tzset(void);
void __wrap_tzset(void);
int __real_landlock_restrict(int ruleset);
int __wrap_landlock_restrict(int ruleset);

static struct probe_page *page;

/* Before main, which forgets the environment. */
__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("STAPLEGUARD_PROBE_PAGE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *mapped;

    if (fd < 0)
        return;
    mapped = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        page = mapped;
}

static bool leaves_out(uint32_t layer)
{
    return page != NULL && (page->without & layer) != 0;
}

static void try_all(void)
{
    for (uint32_t i = 0; i < page->count && i < PROBE_ATTEMPTS_MAX; i++) {
        if (page->attempts[i].outcome != PROBE_NOT_BEGUN)
            continue;
        page->attempts[i].outcome = PROBE_BEGUN;
        page->attempts[i].outcome = attempts_make(page, page->attempts[i].name);
    }
    _exit(EXIT_ALL_TRIED);
}

/* Called once the inherited descriptors are closed and before the jail: as if a library had left one open in between. */
void __wrap_tzset(void)
{
    int fd = open("/etc/passwd", O_RDONLY);

    __real_tzset();
    if (fd >= 0 && dup2(fd, PROBE_STRAY_FD) >= 0)
        close(fd);
}

int __wrap_landlock_restrict(int ruleset)
{
    return leaves_out(PROBE_WITHOUT_LANDLOCK) ? 0 : __real_landlock_restrict(ruleset);
}

/* The last step of every set-up. */
int __wrap_sandbox_apply(const struct sandbox_policy *policy)
{
    bool is_target = page != NULL && strcmp(policy->name, page->target) == 0;
    const struct sandbox_policy *applied = is_target ? policy_loosened(policy, page->loosened) : policy;
    int result = leaves_out(PROBE_WITHOUT_SECCOMP) ? 0 : __real_sandbox_apply(applied);

    if (is_target && result == 0)
        try_all();
    return result;
}
