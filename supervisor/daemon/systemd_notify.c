/* SPDX-License-Identifier: ISC */
#include "daemon/systemd_notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"

static struct {
    struct sockaddr_un address;
    socklen_t address_len; /* 0: nobody wants to know */
    int64_t watchdog_msec;
} notify;

static void read_address(const char *path)
{
    size_t len = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof notify.address.sun_path)
        return;
    notify.address.sun_family = AF_UNIX;
    memcpy(notify.address.sun_path, path, len);
    notify.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (path[0] == '@') /* an abstract name */
        notify.address.sun_path[0] = '\0';
    else
        notify.address_len++;
}

/* Half of the interval, as sd_watchdog_enabled(3) advises. */
static void read_watchdog(const char *usec, const char *pid)
{
    if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
        return;
    notify.watchdog_msec = strtoll(usec, NULL, 10) / 2000;
    if (notify.watchdog_msec < 0)
        notify.watchdog_msec = 0;
}

void notify_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const char *usec = getenv("WATCHDOG_USEC");

    memset(&notify, 0, sizeof notify);
    if (path != NULL)
        read_address(path);
    if (usec != NULL)
        read_watchdog(usec, getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void tell(const char *text)
{
    int fd;

    if (notify.address_len == 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&notify.address, notify.address_len);
    close(fd);
}

void notify_ready(void)
{
    tell("READY=1");
}

void notify_reloading(void)
{
    char text[80];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(
        text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)now.tv_sec * 1000000 + (int64_t)now.tv_nsec / 1000);
    tell(text);
}

void notify_stopping(void)
{
    tell("STOPPING=1");
}

void notify_status(const char *format, ...)
{
    char text[DETAIL_MAX + 16] = "STATUS=";
    size_t len = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + len, sizeof text - len, format, arguments);
    va_end(arguments);
    tell(text);
}

int64_t notify_watchdog_msec(void)
{
    return notify.watchdog_msec;
}

void notify_watchdog(void)
{
    tell("WATCHDOG=1");
}
