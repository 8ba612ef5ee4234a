/* SPDX-License-Identifier: ISC */
/* The text of --help, to the column, and the options of the same table read from a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/help.h"

enum { OPTION_ALL = OPTION_OWN, OPTION_LONG, OPTION_QUIET };

static const struct help help = {
    .usage = "--all [--a-name-too-long VALUE] [-q] [--a-name-too-long VALUE] [-q] FILE...\n"
             "--help",
    .summary = "Do something",
    .note = "One sentence that is long enough to be wrapped, because a line has eighty columns and no more.",
    .options = (const struct help_option[]){
        {OPTION_ALL, 'a', "all", NULL, "a description that does not fit into what is left of its line, so that it goes on below"},
        {OPTION_LONG, 0, "a-name-too-long", "VALUE", "below its name"},
        {OPTION_QUIET, 'q', NULL, NULL, "only a letter"},
        {.argument = "FILE...", .text = "an argument"},
        {0},
    },
    .exits = (const struct help_exit[]){{NULL, "0", "done"}, {"--all", "0", "all done"}, {"--all", "1", "not all"}, {0}},
};

static const char wanted[]
    = "usage: program --all [--a-name-too-long VALUE] [-q] [--a-name-too-long VALUE]\n"
      "               [-q] FILE...\n"
      "       program --help\n"
      "\n"
      "Do something.\n"
      "\n"
      "One sentence that is long enough to be wrapped, because a line has eighty\n"
      "columns and no more.\n"
      "\n"
      "Options:\n"
      "  -a, --all  a description that does not fit into what is left of its line, so\n"
      "             that it goes on below\n"
      "  --a-name-too-long VALUE\n"
      "             below its name\n"
      "  -q         only a letter\n"
      "  FILE...    an argument\n"
      "  --help     print this text\n"
      "\n"
      "Exit codes:\n"
      "  0  done\n"
      "\n"
      "Exit codes of --all:\n"
      "  0  all done\n"
      "  1  not all\n";

static void the_text_is_laid_out_in_columns(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    help_print(out, "program", &help);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static void options_are_those_of_the_table(void **state)
{
    char words[9][24] = {"program", "-a", "--a-name-too-long", "v", "file", "-q", "--all", "--help", "--a-name-too-long=w"};
    char *argv[10] = {NULL};

    (void)state;
    for (size_t i = 0; i < 9; i++)
        argv[i] = words[i];
    optind = 0;
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_ALL);
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_LONG);
    assert_string_equal(optarg, "v");
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_QUIET);
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_ALL);
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_HELP);
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_LONG);
    assert_string_equal(optarg, "w");
    assert_int_equal(help_next_option(&help, 9, argv), OPTION_END);
    assert_string_equal(argv[optind], "file");
}

static void what_is_not_in_the_table_is_wrong(void **state)
{
    static const char *const wrong[] = {"-x", "--unknown", "--a-name-too-long", "--all=value", "-h", "-?"};

    (void)state;
    opterr = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char program[] = "program";
        char word[32];
        char *argv[] = {program, word, NULL};

        snprintf(word, sizeof word, "%s", wrong[i]);
        optind = 0;
        assert_int_equal(help_next_option(&help, 2, argv), OPTION_WRONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_laid_out_in_columns),
        cmocka_unit_test(options_are_those_of_the_table),
        cmocka_unit_test(what_is_not_in_the_table_is_wrong),
    };

    return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
