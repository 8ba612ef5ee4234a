/* SPDX-License-Identifier: ISC */
#include "audit/audit_request.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/review_when.h"
#include "conf/conf.h"
#include "system/file.h"
#include "system/log.h"

#define ERROR_MAX 2048u
#define KEY_FILE_MAX 4096u
#define KEY_START "sg1-"

/* Bits of enum audit_mode that an option may go with. */
#define WITH(mode) (1u << (mode))
#define WITH_SHOW WITH(AUDIT_MODE_SHOW)
#define WITH_LOOKING (WITH_SHOW | WITH(AUDIT_MODE_SUMMARY))
#define WITH_READING (WITH_LOOKING | WITH(AUDIT_MODE_VERIFY))
#define WITH_ANY (WITH_READING | WITH(AUDIT_MODE_SETUP_SEAL))

static const unsigned goes_with[AUDIT_OPTION_COUNT - AUDIT_OPTION_SINCE] = {
    [AUDIT_OPTION_SINCE - AUDIT_OPTION_SINCE] = WITH_LOOKING,
    [AUDIT_OPTION_UNTIL - AUDIT_OPTION_SINCE] = WITH_LOOKING,
    [AUDIT_OPTION_CERT - AUDIT_OPTION_SINCE] = WITH_LOOKING,
    [AUDIT_OPTION_EVENT - AUDIT_OPTION_SINCE] = WITH_SHOW,
    [AUDIT_OPTION_PROCESS - AUDIT_OPTION_SINCE] = WITH_SHOW,
    [AUDIT_OPTION_SEVERITY - AUDIT_OPTION_SINCE] = WITH_SHOW,
    [AUDIT_OPTION_JSON - AUDIT_OPTION_SINCE] = WITH_READING,
    [AUDIT_OPTION_SUMMARY - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_SUMMARY),
    [AUDIT_OPTION_VERIFY - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_VERIFY),
    [AUDIT_OPTION_KEY - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_VERIFY),
    [AUDIT_OPTION_KEY_FILE - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_VERIFY),
    [AUDIT_OPTION_ANCHOR - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_VERIFY),
    [AUDIT_OPTION_JOURNAL - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_VERIFY),
    [AUDIT_OPTION_SETUP_SEAL - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_SETUP_SEAL),
    [AUDIT_OPTION_REPLACE - AUDIT_OPTION_SINCE] = WITH(AUDIT_MODE_SETUP_SEAL),
};

static const char *const mode_names[] = {
    [AUDIT_MODE_SHOW] = "showing records",
    [AUDIT_MODE_SUMMARY] = "--summary",
    [AUDIT_MODE_VERIFY] = "--verify, which looks at the whole log",
    [AUDIT_MODE_SETUP_SEAL] = "--setup-seal",
};

static bool parse_when(const char *option, const char *text, const struct audit_request *request, int64_t *usec, char *out)
{
    if (!review_when_parse(text, request->now_sec, usec)) {
        log_error("%s \"%s\": give " REVIEW_WHEN_FORMS, option, text);
        return false;
    }
    review_when_utc(*usec, out, REVIEW_TIME_LEN + 1);
    return true;
}

static bool add_anchor(struct audit_request *request, const char *text)
{
    struct review_anchor anchor;

    if (!review_anchor_parse(text, &anchor)) {
        log_error(
            "--anchor %s: give SEQ:HASH, a record's number and its hash of 64 hexadecimal digits, as --verify prints it", text);
        return false;
    }
    if (review_anchors_add(&request->anchors, &anchor))
        return true;
    log_error("out of memory");
    return false;
}

/* One key in each line; what else may stand there (the words around it, empty lines) does not begin like one. */
static bool add_key(struct audit_request *request, const char *where, const char *text)
{
    struct audit_key *key = &request->keys[request->key_count];

    if (request->key_count == REVIEW_KEYS_MAX) {
        log_error("%s: more than %u keys", where, REVIEW_KEYS_MAX);
        return false;
    }
    if (!audit_key_parse(text, key)) {
        log_error("%s: a key looks like sg1-START-INTERVAL- and 64 hexadecimal digits, as --setup-seal printed it", where);
        return false;
    }
    request->key_count++;
    return true;
}

static bool add_keys_of(struct audit_request *request, const char *where, char *text)
{
    size_t before = request->key_count;
    char *rest = text;
    char *word;

    while ((word = strsep(&rest, " \t\r\n")) != NULL)
        if (strncmp(word, KEY_START, sizeof KEY_START - 1) == 0 && !add_key(request, where, word))
            return false;
    if (request->key_count > before)
        return true;
    log_error("%s: there is no key in it: a word that begins with " KEY_START ", as --setup-seal printed it", where);
    return false;
}

static bool add_key_file(struct audit_request *request, const char *path)
{
    bool is_input = strcmp(path, "-") == 0;
    const char *why = "";
    int fd = is_input ? STDIN_FILENO : file_open_regular(path, &why);
    char text[KEY_FILE_MAX + 1];
    size_t len = 0;
    ssize_t got = 0;
    bool is_well = false;

    if (fd < 0) {
        log_error("%s: %s; name the file with the verification key, or - for standard input", path, why);
        return false;
    }
    do {
        got = read(fd, text + len, KEY_FILE_MAX - len);
        len += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && len < KEY_FILE_MAX) || (got < 0 && errno == EINTR));
    text[len] = '\0';
    if (got < 0)
        log_error("%s: %s", path, strerror(errno));
    else
        is_well = add_keys_of(request, is_input ? "standard input" : path, text);
    explicit_bzero(text, sizeof text);
    if (!is_input)
        close(fd);
    return is_well;
}

/* A key itself, or where it stands.  What others see of our arguments is wiped. */
static bool add_key_option(struct audit_request *request, char *text)
{
    bool is_well;

    if (strncmp(text, KEY_START, sizeof KEY_START - 1) != 0)
        return add_key_file(request, text);
    is_well = add_key(request, "--key", text);
    explicit_bzero(text, strlen(text));
    return is_well;
}

static bool set_mode(struct audit_request *request, enum audit_mode mode)
{
    if (request->mode != AUDIT_MODE_SHOW && request->mode != mode) {
        log_error("one of --summary, --verify and --setup-seal at a time");
        return false;
    }
    request->mode = mode;
    return true;
}

static bool take_filter(int option, struct audit_request *request)
{
    struct review_filter *filter = &request->filter;
    char error[ERROR_MAX];
    bool is_well;

    switch (option) {
    case AUDIT_OPTION_EVENT:
        is_well = review_filter_event(filter, optarg, error, sizeof error);
        break;
    case AUDIT_OPTION_PROCESS:
        is_well = review_filter_process(filter, optarg, error, sizeof error);
        break;
    case AUDIT_OPTION_SEVERITY:
        is_well = review_filter_severity(filter, optarg, error, sizeof error);
        break;
    default:
        is_well = review_filter_cert(filter, optarg, error, sizeof error);
        break;
    }
    if (!is_well)
        log_error("%s", error);
    return is_well;
}

/* False: the option or its value is wrong, and was named. */
static bool take_option(int option, struct audit_request *request)
{
    switch (option) {
    case AUDIT_OPTION_SINCE:
        return parse_when("--since", optarg, request, &request->since_usec, request->filter.since);
    case AUDIT_OPTION_UNTIL:
        return parse_when("--until", optarg, request, &request->until_usec, request->filter.until);
    case AUDIT_OPTION_CERT:
    case AUDIT_OPTION_EVENT:
    case AUDIT_OPTION_PROCESS:
    case AUDIT_OPTION_SEVERITY:
        return take_filter(option, request);
    case AUDIT_OPTION_JSON:
        request->is_json = true;
        return true;
    case AUDIT_OPTION_SUMMARY:
        return set_mode(request, AUDIT_MODE_SUMMARY);
    case AUDIT_OPTION_VERIFY:
        return set_mode(request, AUDIT_MODE_VERIFY);
    case AUDIT_OPTION_SETUP_SEAL:
        return set_mode(request, AUDIT_MODE_SETUP_SEAL);
    case AUDIT_OPTION_REPLACE:
        request->replaces = true;
        return true;
    case AUDIT_OPTION_KEY:
        return add_key_option(request, optarg);
    case AUDIT_OPTION_KEY_FILE:
        return add_key_file(request, optarg);
    case AUDIT_OPTION_ANCHOR:
        return add_anchor(request, optarg);
    case AUDIT_OPTION_JOURNAL:
        request->journal = optarg;
        return true;
    default:
        return false;
    }
}

/* Each option that was given must go with what is asked. */
static bool fit_together(const struct command *command, const struct audit_request *request, const bool *given)
{
    for (size_t i = 0; i < AUDIT_OPTION_COUNT - AUDIT_OPTION_SINCE; i++)
        if (given[i] && (goes_with[i] & WITH(request->mode)) == 0) {
            log_error("--%s does not go with %s%s", command->help.options[i].name, mode_names[request->mode],
                goes_with[i] == WITH(AUDIT_MODE_VERIFY)           ? "; say --verify"
                    : goes_with[i] == WITH(AUDIT_MODE_SETUP_SEAL) ? "; say --setup-seal"
                                                                  : "");
            return false;
        }
    if (request->since_usec != 0 && request->until_usec != 0 && request->since_usec >= request->until_usec) {
        log_error("--since is not before --until, so no record can lie between them");
        return false;
    }
    if (request->mode == AUDIT_MODE_SETUP_SEAL && request->path_count > 0) {
        log_error("--setup-seal takes no FILE");
        return false;
    }
    return true;
}

int audit_request_parse(const struct command *command, int argc, char **argv, struct audit_request *request)
{
    bool given[AUDIT_OPTION_COUNT - AUDIT_OPTION_SINCE] = {false};
    int option, code;

    *request = (struct audit_request){.now_sec = (int64_t)time(NULL)};
    while ((option = command_option(command, argc, argv, &request->config_path, &code)) != OPTION_END) {
        if (!take_option(option, request))
            return CLI_EXIT_ERROR;
        given[option - AUDIT_OPTION_SINCE] = true;
    }
    if (code >= 0)
        return code;
    request->is_config_named = request->config_path != NULL;
    if (!request->is_config_named)
        request->config_path = CONF_DEFAULT_PATH;
    request->paths = argv + optind;
    request->path_count = (size_t)(argc - optind);
    return fit_together(command, request, given) ? -1 : CLI_EXIT_ERROR;
}

void audit_request_clear(struct audit_request *request)
{
    review_anchors_clear(&request->anchors);
    explicit_bzero(request->keys, sizeof request->keys);
}
