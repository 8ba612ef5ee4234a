/* SPDX-License-Identifier: ISC */
#include "text/help.h"

#include <assert.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH 80u
/* A name that is longer than this has its description in the next line. */
#define NAME_WIDTH_MAX 20u
#define USAGE "usage: "

static const struct help_option help_row = {OPTION_HELP, 0, "help", NULL, "print this text"};

/* To the next blank that is outside of brackets, so that "[--cert NAME]" stays in one line. */
static size_t word_len(const char *text)
{
    size_t len = 0;
    int depth = 0;

    for (; text[len] != '\0' && text[len] != '\n' && (text[len] != ' ' || depth > 0); len++)
        depth += text[len] == '[' ? 1 : text[len] == ']' ? -1 : 0;
    return len;
}

/* Print text, to the end of its line, from `column` on; further lines begin at `indent`.  Returns what follows the line. */
static const char *print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
    bool is_first = true;

    while (*text != '\0' && *text != '\n') {
        size_t len = word_len(text);

        if (!is_first && column + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, len, out);
        column += len;
        text += len;
        is_first = false;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
    return *text == '\n' ? text + 1 : text;
}

void help_print_usage(FILE *out, const char *program, const struct help *help)
{
    size_t column = sizeof USAGE + strlen(program);
    const char *at = help->usage;

    for (bool is_first = true; *at != '\0'; is_first = false) {
        fprintf(out, "%*s%s ", (int)(sizeof USAGE - 1), is_first ? USAGE : "", program);
        at = print_wrapped(out, at, column, column);
    }
}

/* "-c, --config FILE"; returns its length.  out NULL: only that. */
static size_t print_name(FILE *out, const struct help_option *option)
{
    const char letter[] = {'-', option->letter, '\0'};
    const char *const parts[] = {
        option->letter == 0 ? "" : letter,
        option->letter != 0 && option->name != NULL ? ", " : "",
        option->name != NULL ? "--" : "",
        option->name != NULL ? option->name : "",
        option->argument != NULL && (option->letter != 0 || option->name != NULL) ? " " : "",
        option->argument != NULL ? option->argument : "",
    };
    size_t len = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        len += strlen(parts[i]);
        if (out != NULL)
            fputs(parts[i], out);
    }
    return len;
}

static void print_option(FILE *out, const struct help_option *option, size_t indent)
{
    size_t len;

    fputs("  ", out);
    len = 2 + print_name(out, option);
    if (len + 2 > indent) {
        fputc('\n', out);
        len = 0;
    }
    fprintf(out, "%*s", (int)(indent - len), "");
    print_wrapped(out, option->text, indent, indent);
}

static void print_options(FILE *out, const struct help_option *options)
{
    size_t width = print_name(NULL, &help_row);

    for (const struct help_option *option = options; option->text != NULL; option++) {
        size_t len = print_name(NULL, option);

        width = len > width && len <= NAME_WIDTH_MAX ? len : width;
    }
    fputs("\nOptions:\n", out);
    for (const struct help_option *option = options; option->text != NULL; option++)
        print_option(out, option, 2 + width + 2);
    print_option(out, &help_row, 2 + width + 2);
}

static void print_exits(FILE *out, const struct help_exit *exits)
{
    const struct help_exit *before = NULL;

    for (const struct help_exit *exit = exits; exit->text != NULL; before = exit++) {
        if (before == NULL || before->option != exit->option)
            fprintf(out, "\nExit codes%s%s:\n", exit->option != NULL ? " of " : "", exit->option != NULL ? exit->option : "");
        fprintf(out, "  %s  ", exit->code);
        print_wrapped(out, exit->text, 5, 5);
    }
}

void help_print(FILE *out, const char *program, const struct help *help)
{
    help_print_usage(out, program, help);
    fprintf(out, "\n%s.\n", help->summary);
    if (help->note != NULL) {
        fputc('\n', out);
        print_wrapped(out, help->note, 0, 0);
    }
    print_options(out, help->options);
    print_exits(out, help->exits);
}

int help_next_option(const struct help *help, int argc, char **argv)
{
    struct option options[HELP_OPTIONS_MAX + 1] = {{help_row.name, no_argument, NULL, OPTION_HELP}};
    char letters[2 * HELP_OPTIONS_MAX + 1] = "";
    size_t count = 1;
    size_t len = 0;
    int found;

    for (const struct help_option *option = help->options; option->text != NULL; option++) {
        assert(count < HELP_OPTIONS_MAX);
        if (option->name != NULL)
            options[count++]
                = (struct option){option->name, option->argument != NULL ? required_argument : no_argument, NULL, option->value};
        if (option->letter != 0) {
            letters[len++] = option->letter;
            if (option->argument != NULL)
                letters[len++] = ':';
        }
    }
    found = getopt_long(argc, argv, letters, options, NULL);
    for (const struct help_option *option = help->options; option->text != NULL; option++)
        if (found > 0 && found == option->letter)
            return option->value;
    return found;
}
