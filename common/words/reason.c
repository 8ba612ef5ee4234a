/* SPDX-License-Identifier: ISC */
#include "words/reason.h"

#include <stddef.h>

struct reason_text {
    const char *word;
    const char *sentence;
};

static const struct reason_text reason_texts[REASON_COUNT] = {
#define REASON_TEXT(constant, word, sentence) {word, sentence},
    REASON_TABLE(REASON_TEXT)
#undef REASON_TEXT
};

static const struct reason_text *text_of(enum reason reason)
{
    return (size_t)reason < REASON_COUNT ? &reason_texts[reason] : &reason_texts[REASON_INTERNAL];
}

const char *reason_word(enum reason reason)
{
    return text_of(reason)->word;
}

const char *reason_sentence(enum reason reason)
{
    return text_of(reason)->sentence;
}
