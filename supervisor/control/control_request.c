/* SPDX-License-Identifier: ISC */
#include "control/control_request.h"

#include <string.h>

#include "text/escape.h"
#include "text/text.h"

#define SECONDS_MAX 86400

size_t control_request_split(char *line, char *words[CONTROL_WORDS_MAX])
{
    size_t count = 0;
    char *rest = line;
    char *word;

    while ((word = strsep(&rest, " ")) != NULL) {
        if (*word == '\0' || count == CONTROL_WORDS_MAX || !escape_percent_decode(word) || *word == '\0'
            || !text_is_clean(word, strlen(word)))
            return 0;
        words[count++] = word;
    }
    return count;
}

bool control_request_seconds(const char *word, int *seconds)
{
    int value = 0;

    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9')
            return false;
        value = value * 10 + (*word - '0');
        if (value > SECONDS_MAX)
            return false;
    }
    *seconds = value;
    return true;
}
