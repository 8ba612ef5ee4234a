/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing the parser of what Apache prints: every line lies in a site or at server level, a macro's sources in its text.
 * Runs in: libFuzzer.
 * Never: runs Apache.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/apache_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void check_place(const struct apache_place *place)
{
    struct apache_macro macro;
    size_t len = strlen(place->source);

    require(place->line > 0);
    if (apache_macro_parse(place->source, len, &macro))
        require(macro.defined_in + macro.defined_in_len < place->source + len
            && macro.used_in + macro.used_in_len < place->source + len);
}

static void check_site(const struct apache_dump *dump, size_t index)
{
    check_place(&dump->sites[index].place);
    for (size_t i = 0; i < APACHE_SETTING_COUNT; i++) {
        const struct apache_line *line = apache_dump_effective(dump, index, (enum apache_setting)i);

        require(line == NULL || (line->setting == i && (line->site == index || line->site == APACHE_SERVER)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct apache_dump dump;

    require(apache_dump_parse(&dump, (const char *)data, size));
    for (size_t i = 0; i < dump.line_count; i++) {
        require(dump.lines[i].site == APACHE_SERVER || dump.lines[i].site < dump.site_count);
        check_place(&dump.lines[i].place);
    }
    for (size_t i = 0; i < dump.site_count; i++)
        check_site(&dump, i);
    require(dump.has_config || dump.line_count == 0);
    apache_dump_free(&dump);
    return 0;
}
