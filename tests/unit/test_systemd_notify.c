/* SPDX-License-Identifier: ISC */
/* What systemd hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/systemd_notify.h"

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    size_t len = strlen(path);

    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    return fd;
}

static void expect(int fd, const char *text)
{
    char heard[1024] = "";

    assert_true(recv(fd, heard, sizeof heard - 1, 0) > 0);
    if (strncmp(heard, text, strlen(text)) != 0)
        assert_string_equal(heard, text);
}

static void heard_at(const char *path)
{
    int fd = listen_at(path);

    setenv("NOTIFY_SOCKET", path, 1);
    notify_init();
    assert_null(getenv("NOTIFY_SOCKET")); /* apachectl must not speak for us */
    notify_ready();
    expect(fd, "READY=1");
    notify_reloading();
    expect(fd, "RELOADING=1\nMONOTONIC_USEC=");
    notify_status("%d of %d", 3, 4);
    expect(fd, "STATUS=3 of 4");
    notify_watchdog();
    expect(fd, "WATCHDOG=1");
    notify_stopping();
    expect(fd, "STOPPING=1");
    close(fd);
}

static void everything_is_heard(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof path, "/tmp/test_notify.%d", (int)getpid());
    heard_at(path);
    unlink(path);
    snprintf(path, sizeof path, "@test_notify.%d", (int)getpid());
    heard_at(path);
}

static void without_systemd_nothing_happens(void **state)
{
    static const char *const wrong[] = {"", "relative", "@", "/"};

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_init();
    notify_ready();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("NOTIFY_SOCKET", wrong[i], 1);
        notify_init();
        notify_ready();
    }
    assert_int_equal(notify_watchdog_msec(), 0);
}

static void the_watchdog_is_fed_twice_in_its_time(void **state)
{
    char pid[16];

    (void)state;
    setenv("WATCHDOG_USEC", "60000000", 1);
    notify_init();
    assert_int_equal(notify_watchdog_msec(), 30000);
    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("WATCHDOG_PID", "1", 1); /* somebody else's */
    notify_init();
    assert_int_equal(notify_watchdog_msec(), 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "nonsense", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_init();
    assert_int_equal(notify_watchdog_msec(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_heard),
        cmocka_unit_test(without_systemd_nothing_happens),
        cmocka_unit_test(the_watchdog_is_fed_twice_in_its_time),
    };

    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
