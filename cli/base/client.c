/* SPDX-License-Identifier: ISC */
#include "base/client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/output.h"
#include "bounds.h"
#include "system/log.h"
#include "text/escape.h"

/* A deploy may wait for a responder, a restart for a large configuration. */
#define ANSWER_WAIT_SEC (25 * 3600)

#define HOW_TO_START "start it with: systemctl start stapleguard (or run stapleguardd)"

static enum client_result connect_to(const char *run_dir, int *fd, char *error, size_t cap)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ANSWER_WAIT_SEC};

    if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", run_dir) >= sizeof address.sun_path) {
        snprintf(error, cap, "run_dir is too long for a socket's name");
        return CLIENT_REFUSED;
    }
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        return CLIENT_ANSWERED;
    }
    if (errno == ENOENT || errno == ECONNREFUSED) {
        snprintf(error, cap, "stapleguardd is not running; " HOW_TO_START);
        return CLIENT_DOWN;
    }
    snprintf(error, cap, "%.100s: %s%s", address.sun_path, strerror(errno),
        errno == EACCES ? "; be root, or a member of the group stapleguard" : "");
    return CLIENT_REFUSED;
}

static bool send_request(int fd, const char *const words[], size_t count)
{
    FILE *out = fdopen(dup(fd), "w");

    if (out == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putc(' ', out);
        escape_percent(out, words[i]);
    }
    putc('\n', out);
    return fclose(out) == 0;
}

static bool read_data(FILE *in, size_t len, struct client_answer *answer)
{
    if (len > CONTROL_DATA_MAX)
        return false;
    free(answer->data);
    answer->data = malloc(len + 1);
    if (answer->data == NULL || fread(answer->data, 1, len, in) != len)
        return false;
    answer->data[len] = '\0';
    answer->data_len = len;
    return true;
}

/* Returns true when the last line came. */
static bool read_answer(FILE *in, bool is_quiet, struct client_answer *answer)
{
    char *line = NULL;
    size_t cap = 0;
    bool is_whole = false;

    while (!is_whole && getline(&line, &cap, in) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "say ", 4) == 0) {
            if (!is_quiet)
                printf("%s\n", line + 4);
            fflush(stdout);
            snprintf(answer->error, sizeof answer->error, "%s", line + 4);
        } else if (strncmp(line, "data ", 5) == 0) {
            if (!read_data(in, strtoul(line + 5, NULL, 10), answer))
                break;
        } else if (strncmp(line, "end ", 4) == 0) {
            answer->code = atoi(line + 4);
            is_whole = true;
        } else {
            break;
        }
    }
    free(line);
    return is_whole;
}

enum client_result client_ask(
    const char *run_dir, const char *const words[], size_t count, bool is_quiet, struct client_answer *answer)
{
    enum client_result result;
    int fd = -1;
    FILE *in;

    memset(answer, 0, sizeof *answer);
    result = connect_to(run_dir, &fd, answer->error, sizeof answer->error);
    if (result != CLIENT_ANSWERED) {
        if (fd >= 0)
            close(fd);
        return result;
    }
    in = fdopen(fd, "r");
    if (in == NULL || !send_request(fd, words, count) || !read_answer(in, is_quiet, answer)) {
        snprintf(answer->error, sizeof answer->error, "stapleguardd hung up before its answer was whole; see its log");
        result = CLIENT_REFUSED;
    }
    if (in != NULL)
        fclose(in);
    else
        close(fd);
    return result;
}

void client_clear(struct client_answer *answer)
{
    free(answer->data);
    answer->data = NULL;
}

static char *read_saved(const struct conf *conf, char *error, size_t cap)
{
    char path[FILE_PATH_MAX + 16];
    char *text = NULL;
    size_t size = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/status.json", conf->state_dir);
    file = fopen(path, "re");
    if (file == NULL) {
        snprintf(error, cap, "stapleguardd is not running, and there is no status of before: %.150s: %s", path, strerror(errno));
        return NULL;
    }
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
        snprintf(error, cap, "stapleguardd is not running, and its status of before cannot be read: %.150s", path);
    }
    fclose(file);
    return text;
}

char *client_status(const struct conf *conf, bool *is_saved, char *error, size_t cap)
{
    const char *const words[] = {"status"};
    struct client_answer answer;
    enum client_result result = client_ask(conf->run_dir, words, 1, true, &answer);

    *is_saved = false;
    if (result == CLIENT_ANSWERED && answer.data != NULL)
        return answer.data;
    snprintf(error, cap, "%s", answer.error);
    client_clear(&answer);
    if (result != CLIENT_DOWN)
        return NULL;
    *is_saved = true;
    return read_saved(conf, error, cap);
}

struct conf *client_conf(const char *path)
{
    char error[1024];
    struct conf *conf = conf_read(path, error, sizeof error);

    if (conf == NULL)
        log_error("%s", error);
    return conf;
}

int client_options(const struct command *command, int argc, char **argv, int words, const char **config_path)
{
    int code;

    *config_path = CONF_DEFAULT_PATH;
    (void)command_option(command, argc, argv, config_path, &code);
    if (code < 0 && argc - optind != words)
        code = command_usage_error(command);
    return code;
}

int client_run(const char *config_path, const char *const words[], size_t count)
{
    struct conf *conf = client_conf(config_path);
    struct client_answer answer;
    int code = CLI_EXIT_ERROR;

    if (conf == NULL)
        return code;
    if (client_ask(conf->run_dir, words, count, false, &answer) == CLIENT_ANSWERED)
        code = answer.code;
    else
        log_error("%s", answer.error);
    client_clear(&answer);
    conf_free(conf);
    return output_end(code);
}
