/* SPDX-License-Identifier: ISC */
/*
 * Owns: fuzzing control_request_split: any line gives clean words, or none.
 * Runs in: libFuzzer.
 * Never: opens a socket.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_request.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words[CONTROL_WORDS_MAX];
    char *line = malloc(size + 1);
    size_t count;
    int seconds = 0;

    if (line == NULL)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    count = control_request_split(line, words);
    if (count > CONTROL_WORDS_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (words[i] < line || words[i] >= line + size || words[i][0] == '\0' || !text_is_clean(words[i], strlen(words[i])))
            abort();
        if (control_request_seconds(words[i], &seconds) && (seconds < 0 || seconds > 86400))
            abort();
    }
    free(line);
    return 0;
}
