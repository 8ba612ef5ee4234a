/* SPDX-License-Identifier: ISC */
/*
 * Owns: the tests of the last gates in fetcher/http.c, which nothing before them may be needed for.
 * Runs in: the build.
 * Never: leaves loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

/* A listener that nobody accepts from: whoever connects is seen. */
struct world {
    struct loop loop;
    X509_STORE *trust;
    struct http *http;
    struct http_transfer *transfer;
    struct http_result result;
    int listener;
    uint16_t port;
};

static void transfer_done(void *owner, const struct http_result *result)
{
    struct world *world = owner;

    world->result = *result;
    loop_stop(&world->loop, 0);
}

static int make_world(void **state)
{
    static struct world world;
    struct http_settings settings = {.policy = {.is_private_allowed = true}, .body_max = 1000, .connections = 1};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    memset(&world, 0, sizeof world);
    assert_int_equal(curl_global_init(CURL_GLOBAL_ALL), CURLE_OK);
    assert_int_equal(loop_init(&world.loop), 0);
    world.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(world.listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(world.listener, 8), 0);
    assert_int_equal(getsockname(world.listener, (struct sockaddr *)&address, &len), 0);
    world.port = ntohs(address.sin_port);
    world.trust = X509_STORE_new();
    settings.trust = world.trust;
    world.http = http_new(&world.loop, &settings);
    assert_non_null(world.http);
    world.transfer = http_transfer_new(world.http, transfer_done, &world);
    assert_non_null(world.transfer);
    *state = &world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;

    http_transfer_free(world->transfer);
    http_free(world->http);
    X509_STORE_free(world->trust);
    loop_end(&world->loop);
    close(world->listener);
    curl_global_cleanup();
    return 0;
}

static bool nothing_to_do(void *owner)
{
    (void)owner;
    return false;
}

static void run_text(
    struct world *world, const struct url *target, const char *text, const struct address *addresses, size_t count)
{
    const struct http_request request
        = {.target = target, .text = text, .addresses = addresses, .address_count = count, .timeout_msec = 300};

    assert_true(http_transfer_start(world->transfer, &request));
    world->loop.is_over = false;
    assert_int_equal(loop_run(&world->loop, nothing_to_do, NULL), 0);
}

/* Ask http://host at the listener's port, until done. */
static void run(struct world *world, const char *host, const struct address *addresses, size_t count)
{
    char text[URL_MAX];
    struct url target;

    snprintf(text, sizeof text, "http://%s:%u/", host, (unsigned)world->port);
    assert_null(url_parse(text, &target));
    run_text(world, &target, target.text, addresses, count);
}

static void assert_nobody_connected(const struct world *world)
{
    assert_int_equal(accept(world->listener, NULL, NULL), -1);
}

static void an_address_that_is_not_allowed_is_not_connected_to(void **state)
{
    struct world *world = *state;
    const struct address loopback = {.family = AF_INET, .octets = {127, 0, 0, 1}};

    run(world, "name.test", &loopback, 1);
    assert_int_equal(world->result.reason, REASON_ADDRESS_REFUSED);
    assert_string_equal(world->result.detail, "127.0.0.1 is loopback (see allow_loopback)");
    assert_nobody_connected(world);
}

static void neither_is_a_literal(void **state)
{
    struct world *world = *state;

    run(world, "127.0.0.1", NULL, 0);
    assert_int_equal(world->result.reason, REASON_ADDRESS_REFUSED);
    assert_nobody_connected(world);
    run(world, "[::ffff:127.0.0.1]", NULL, 0);
    assert_int_equal(world->result.reason, REASON_ADDRESS_REFUSED);
    assert_nobody_connected(world);
}

/* The addresses are another name's: libcurl would begin a thread for this one.  "localhost" it even knows by itself. */
static void libcurl_is_not_allowed_to_look_up_a_name(void **state)
{
    static const char *const names[] = {"other.test", "localhost", "other.test.localhost"};
    const struct address loopback = {.family = AF_INET, .octets = {127, 0, 0, 1}};
    struct world *world = *state;
    struct url target;

    assert_null(url_parse("http://name.test/", &target));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[URL_MAX];

        snprintf(text, sizeof text, "http://%s:%u/", names[i], (unsigned)world->port);
        run_text(world, &target, text, &loopback, 1);
        assert_int_equal(world->result.reason, REASON_INTERNAL);
    }
    assert_nobody_connected(world);
}

/* The addresses that come with a transfer hold for that transfer, whatever came before. */
static void addresses_replace_those_of_the_transfer_before(void **state)
{
    struct world *world = *state;
    const struct address link_local = {.family = AF_INET, .octets = {169, 254, 1, 1}};
    const struct address loopback = {.family = AF_INET, .octets = {127, 0, 0, 1}};

    run(world, "name.test", &link_local, 1);
    assert_string_equal(world->result.detail, "169.254.1.1 is link-local");
    run(world, "name.test", &loopback, 1);
    assert_string_equal(world->result.detail, "127.0.0.1 is loopback (see allow_loopback)");
}

static void a_cancelled_transfer_is_over_without_a_word(void **state)
{
    struct world *world = *state;
    struct url target;
    const struct http_request request = {.target = &target, .text = target.text, .timeout_msec = 300};

    assert_null(url_parse("http://127.0.0.1:1/", &target));
    world->result.reason = REASON_NONE;
    assert_true(http_transfer_start(world->transfer, &request));
    http_transfer_cancel(world->transfer);
    http_transfer_cancel(world->transfer);
    run(world, "127.0.0.1", NULL, 0);
    assert_int_equal(world->result.reason, REASON_ADDRESS_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_that_is_not_allowed_is_not_connected_to, make_world, end_world),
        cmocka_unit_test_setup_teardown(neither_is_a_literal, make_world, end_world),
        cmocka_unit_test_setup_teardown(libcurl_is_not_allowed_to_look_up_a_name, make_world, end_world),
        cmocka_unit_test_setup_teardown(addresses_replace_those_of_the_transfer_before, make_world, end_world),
        cmocka_unit_test_setup_teardown(a_cancelled_transfer_is_over_without_a_word, make_world, end_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
