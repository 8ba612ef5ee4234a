/* SPDX-License-Identifier: ISC */
#include "enable/finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "text/text.h"

#define TEXT_MAX (FILE_PATH_MAX + 2u * DETAIL_MAX)

void findings_add(struct findings *findings, enum finding_weight weight, const char *format, ...)
{
    struct finding *grown = reallocarray(findings->items, findings->count + 1, sizeof *grown);
    char raw[TEXT_MAX], clean[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_clean_copy(clean, sizeof clean, raw, strlen(raw));
    findings->errors += weight == FINDING_ERROR || grown == NULL;
    if (grown == NULL)
        return;
    findings->items = grown;
    grown[findings->count] = (struct finding){weight, strdup(clean)};
    if (grown[findings->count].text != NULL)
        findings->count++;
    else
        findings->errors++;
}

void findings_print(const struct findings *findings, FILE *out)
{
    static const char *const words[] = {"note", "warning", "error"};

    for (int weight = FINDING_ERROR; weight >= FINDING_INFO; weight--)
        for (size_t i = 0; i < findings->count; i++)
            if (findings->items[i].weight == (enum finding_weight)weight)
                fprintf(out, "   %s: %s\n", words[weight], findings->items[i].text);
}

void findings_clear(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        free(findings->items[i].text);
    free(findings->items);
    *findings = (struct findings){.items = NULL};
}
