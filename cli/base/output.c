/* SPDX-License-Identifier: ISC */
#include "base/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "cert/asn1_value.h"
#include "system/log.h"
#include "text/duration.h"
#include "text/text.h"

#define LINE_TEXT_MAX (FILE_PATH_MAX + DETAIL_MAX)

void output_field(const char *name, const char *text)
{
    char clean[LINE_TEXT_MAX + 1];

    if (text_clean_copy(clean, sizeof clean, text, strlen(text)) > 0)
        printf("%s: %s\n", name, clean);
}

void output_time(const char *name, int64_t time, int64_t now)
{
    char text[ASN1_TIME_TEXT_SIZE];
    char distance[32];
    int64_t ahead;

    if (time == 0)
        return;
    asn1_time_text(time, text);
    if (__builtin_sub_overflow(time, now, &ahead) || ahead == INT64_MIN) {
        printf("%s: %s\n", name, text);
        return;
    }
    duration_format(ahead < 0 ? -ahead : ahead, distance, sizeof distance);
    printf("%s: %s (%s %s)\n", name, text, distance, ahead < 0 ? "ago" : "ahead");
}

int output_width(const char *text)
{
    int width = 0;

    /* Continuation octets of UTF-8 take no column. */
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    return width;
}

void output_padded(const char *text, int width)
{
    printf("%s%*s", text, width > output_width(text) ? width - output_width(text) : 0, "");
}

int output_end(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    log_error("standard output: %s", strerror(errno));
    return CLI_EXIT_ERROR;
}
