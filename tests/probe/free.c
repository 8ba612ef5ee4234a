/* SPDX-License-Identifier: ISC */
/*
 * Owns: the same attempts in a process without a jail: that each of them is one, and would succeed.
 * Runs in: probe_free (tests only), as root in namespaces of its own.
 * Never: installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"
#include "page.h"

int main(int argc, char **argv)
{
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
    struct probe_page *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED || dup2(open("/etc/passwd", O_RDONLY | O_CLOEXEC), PROBE_STRAY_FD) < 0)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < page->count && i < PROBE_ATTEMPTS_MAX; i++) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            page->attempts[i].outcome = PROBE_BEGUN;
            page->attempts[i].outcome = attempts_make(page, page->attempts[i].name);
            _exit(EXIT_SUCCESS);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return EXIT_FAILURE;
        /* A kernel without 32-bit calls faults on one. */
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
            page->attempts[i].outcome = EFAULT;
    }
    return EXIT_SUCCESS;
}
