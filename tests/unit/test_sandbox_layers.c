/* SPDX-License-Identifier: ISC */
/* A kernel that lacks a layer of the sandbox: which one is said, and whether that is put up with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "children/sandbox_layers.h"
#include "sandbox/jail.h"

static void a_layer_that_nothing_stands_in_for_stops_the_service(void **state)
{
    static const struct {
        uint32_t layer;
        const char *word;
    } needed[] = {{SANDBOX_LAYER_LANDLOCK_FS, "Landlock (Linux 5.13"}, {SANDBOX_LAYER_SECCOMP, "seccomp"}};
    struct conf conf = {.is_sandbox_required = true};
    char error[512];

    (void)state;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        error[0] = '\0';
        conf.is_sandbox_required = true;
        assert_false(layers_are_enough(&conf, needed[i].layer));
        assert_false(layers_check(&conf, needed[i].layer, error, sizeof error));
        assert_non_null(strstr(error, needed[i].word));
        assert_non_null(strstr(error, "require_sandbox = no"));
        conf.is_sandbox_required = false;
        assert_true(layers_are_enough(&conf, needed[i].layer));
        assert_true(layers_check(&conf, needed[i].layer, error, sizeof error));
    }
}

/* What they refuse, seccomp refuses too: Debian 12's own kernel has neither. */
static void the_other_layers_are_only_said(void **state)
{
    const struct conf conf = {.is_sandbox_required = true};
    char error[512] = "";

    (void)state;
    assert_true(layers_check(&conf, SANDBOX_LAYER_LANDLOCK_NET | SANDBOX_LAYER_LANDLOCK_SCOPE, error, sizeof error));
    assert_true(layers_check(&conf, 0, error, sizeof error));
    assert_string_equal(error, "");
}

static void all_that_is_missing_is_named(void **state)
{
    const struct conf conf = {.is_sandbox_required = true};
    char error[512] = "";

    (void)state;
    assert_false(layers_check(&conf, SANDBOX_LAYERS_NEEDED, error, sizeof error));
    assert_non_null(strstr(error, "seccomp"));
    assert_non_null(strstr(error, "Landlock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_that_nothing_stands_in_for_stops_the_service),
        cmocka_unit_test(the_other_layers_are_only_said),
        cmocka_unit_test(all_that_is_missing_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
