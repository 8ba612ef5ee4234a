/* SPDX-License-Identifier: ISC */
#include "system/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "text/text.h"

static const char *log_program = "stapleguard";
static bool log_verbose;
static log_sink *log_current_sink;

bool log_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat status;

    return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(fd, &status) == 0 && status.st_dev == device
        && status.st_ino == inode;
}

/* sd-daemon(3): a line that systemd reads from standard error may begin with its syslog level. */
static const char *journal_prefix(enum severity severity)
{
    if (!log_is_journal(STDERR_FILENO))
        return "";
    return severity == SEVERITY_ERROR ? "<3>" : severity == SEVERITY_WARNING ? "<4>" : "<6>";
}

/* Where standard error is a socket (the journal's stream), somebody who does not read it must not stop us. */
static ssize_t write_unblocked(const char *line, size_t len)
{
    ssize_t sent = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return sent < 0 && errno == ENOTSOCK ? write(STDERR_FILENO, line, len) : sent;
}

static void write_stderr(enum severity severity, const char *text)
{
    char line[LOG_TEXT_MAX + 128];
    const char *word = severity == SEVERITY_ERROR ? "error: " : severity == SEVERITY_WARNING ? "warning: " : "";
    int len = snprintf(line, sizeof line, "%s%s: %s%s\n", journal_prefix(severity), log_program, word, text);
    ssize_t written = 0;

    if (len > 0)
        written = write_unblocked(line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    (void)written; /* nowhere is left to say that standard error is gone */
}

static __attribute__((format(printf, 2, 0))) void log_arguments(enum severity severity, const char *format, va_list arguments)
{
    char raw[LOG_TEXT_MAX + 1];
    char text[LOG_TEXT_MAX + 1];

    vsnprintf(raw, sizeof raw, format, arguments);
    text_clean_copy(text, sizeof text, raw, strlen(raw));
    if (log_current_sink != NULL)
        log_current_sink(severity, text);
    else
        write_stderr(severity, text);
}

void log_init(const char *program, bool is_verbose)
{
    log_program = program;
    log_verbose = is_verbose;
}

void log_to(log_sink *sink)
{
    log_current_sink = sink;
}

void log_line(enum severity severity, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_arguments(severity, format, arguments);
    va_end(arguments);
}

void log_unless_told(bool is_told, enum severity severity, const char *format, ...)
{
    va_list arguments;

    if (is_told && log_is_journal(STDERR_FILENO))
        return;
    va_start(arguments, format);
    log_arguments(severity, format, arguments);
    va_end(arguments);
}

void log_trace(const char *format, ...)
{
    va_list arguments;

    if (!log_verbose)
        return;
    va_start(arguments, format);
    log_arguments(SEVERITY_INFO, format, arguments);
    va_end(arguments);
}

bool log_is_verbose(void)
{
    return log_verbose;
}
