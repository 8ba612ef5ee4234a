/* SPDX-License-Identifier: ISC */
/*
 * Owns: the writer's life: set up as root, lock in, run the loop.
 * Runs in: writer.
 * Never: opens anything outside of its two directories once it is locked in; ends because the fetcher misbehaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "keeper/shield.h"
#include "report/writer_report.h"
#include "sandbox/child.h"
#include "sandbox/jail.h"
#include "store/store_lock.h"
#include "system/log.h"
#include "writer_loop.h"

/* Berkeley DB's log and database, Apache's file three times over, a pipe; and the channels. */
#define OPEN_FILES_MAX 64
/* The keeper, the reader of Apache's file, the trial of the store; and those of other writers that are just ending. */
#define PROCESSES_MAX 24
/* Foreign records (FOREIGN_BYTES_MAX), 2 KiB a certificate (CERTS_MAX), the libraries; and as much again. */
#define ADDRESS_SPACE_MAX (UINT64_C(4) << 30)

/* How long a writer of before, whose supervisor was killed, may take to end: it may be in the middle of a large commit. */
#define LOCK_WAIT_MSEC 10000

/* The store's directory as seen from inside. */
#define STORE_ROOT "/writer"

static bool receive_config(struct ipc *supervisor, struct msg_write_config *config)
{
    struct msg msg;
    const char *slash;

    if (ipc_receive(supervisor, &msg, NULL, IPC_WAIT) != IPC_OK || msg.type != MSG_WRITE_CONFIG) {
        log_error("the writer received no configuration");
        return false;
    }
    *config = msg.write_config;
    log_init("writer", (config->flags & MSG_FLAG_VERBOSE) != 0);
    slash = strrchr(config->dbm_path, '/');
    if (config->dbm_path[0] != '/' || slash[1] == '\0' || config->state_dir[0] != '/') {
        log_error("the writer received a path that does not begin at the root, or ends in a slash");
        return false;
    }
    return true;
}

/* What libcrypto would look up at first use, it looks up here; its configuration file is not for us. */
static bool prepare_libraries(void)
{
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1
        && EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL) == 1)
        return true;
    log_error("libcrypto could not be set up");
    return false;
}

static void forget_held(void *context)
{
    roster_forget_held(context);
}

/* The parts that a commit brings together; config lives as long as the writer. */
static bool prepare_parts(struct writer *writer, const struct msg_write_config *config)
{
    struct offers *offers = &writer->offers;

    offers->roster = roster_new();
    if (offers->roster == NULL) {
        log_error("no memory for the certificates");
        return false;
    }
    answers_init(&offers->answers);
    offers->fetcher.state = MSG_STATE_RUN;
    writer->access = (struct store_access){.root = STORE_ROOT, .forget = forget_held, .context = offers->roster};
    writer->file.path = config->dbm_path;
    writer->file.name = strrchr(config->dbm_path, '/') + 1;
    writer->file.is_guard_wanted = (config->flags & MSG_FLAG_SCAN_GUARD) != 0;
    writer->parts = (struct commit_parts){&writer->file, offers, &writer->access};
    writer->commit_delay_msec = config->commit_delay_msec;
    return true;
}

/* Only where it differs: on a read-only file system what is held can still be served. */
static bool give(int fd, const struct msg_write_config *config)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    return (st.st_uid == config->uid && st.st_gid == config->gid) || fchown(fd, config->uid, config->gid) == 0;
}

/* Our own directory below state_dir.  One that root left behind half made is finished; one of somebody else's is refused. */
static bool prepare_directory(const struct msg_write_config *config, const char *path)
{
    struct stat st;
    int fd = -1;

    if (mkdir(path, 0700) == 0 || errno == EEXIST || errno == EROFS)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        goto failed;
    if (st.st_uid != 0 && st.st_uid != config->uid) {
        log_error("%s belongs to user %u, but the writer runs as %u; do: chown -R %u %s", path, st.st_uid, config->uid,
            config->uid, path);
        goto out;
    }
    /* The mode first: root has given up the right to change it on somebody else's directory. */
    if ((st.st_uid == 0 && fchmod(fd, 0700) != 0) || !give(fd, config))
        goto failed;
    close(fd);
    return true;
failed:
    log_error("%s: %s", path, strerror(errno));
out:
    if (fd >= 0)
        close(fd);
    return false;
}

/*
 * The keeper, started before anything else is open, so that it holds nothing of ours.  A shield that a killed service left
 * behind is lifted in any case: under it nothing can be made here.
 */
static bool prepare_keeper(struct apache_file *file, const struct msg_write_config *config, const char *dbm_directory)
{
    char staging[FILE_PATH_MAX + sizeof KEEPER_STAGING + 1];
    char error[DETAIL_MAX + 1] = "";
    const struct keeper_settings settings = {
        .name = file->name,
        .directory = dbm_directory,
        .root_dir = staging,
        .uid = config->uid,
        .gid = config->gid,
        .is_shield_wanted = (config->flags & MSG_FLAG_SHIELD) != 0,
    };

    if (shield_lift(dbm_directory, config->uid) != 0) {
        log_error("the directory of Apache's DBM file, %s: %s", dbm_directory, strerror(errno));
        return false;
    }
    if ((config->flags & MSG_FLAG_KEEPER) == 0)
        return true;
    snprintf(staging, sizeof staging, "%s/" KEEPER_STAGING, dbm_directory);
    if (!prepare_directory(config, staging))
        return false;
    file->keeper = keeper_start(&settings, error, sizeof error);
    if (file->keeper == NULL)
        log_error("starting the keeper of Apache's file: %s", error);
    return file->keeper != NULL;
}

static int compare_descriptors(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;

    return (x > y) - (x < y);
}

/* The descriptors that survive the jail, ascending. */
static void list_kept(const struct keeper *keeper, int store_lock, int kept[KEEPER_DESCRIPTORS + 2])
{
    size_t count = 0;

    kept[count++] = store_lock;
    if (keeper != NULL) {
        keeper_descriptors(keeper, &kept[count]);
        count += KEEPER_DESCRIPTORS;
    }
    qsort(kept, count, sizeof *kept, compare_descriptors);
    kept[count] = -1;
}

static bool lock_in(struct apache_file *file, const struct msg_write_config *config, uint32_t *missing_layers)
{
    size_t dbm_directory_len = (size_t)(file->name - config->dbm_path);
    char store_directory[FILE_PATH_MAX + 16];
    int store_lock;
    int kept[KEEPER_DESCRIPTORS + 2];
    char dbm_directory[FILE_PATH_MAX + 1];
    const struct landlock_directory directories[] = {
        {store_directory, LANDLOCK_MAY_READ | LANDLOCK_MAY_WRITE | LANDLOCK_MAY_NAME | LANDLOCK_MAY_LIST | LANDLOCK_MAY_MKDIR},
        {dbm_directory, LANDLOCK_MAY_READ | LANDLOCK_MAY_WRITE | LANDLOCK_MAY_NAME},
        {NULL, 0},
    };
    const struct jail jail = {
        .uid = config->uid,
        .gid = config->gid,
        .root_dir = config->state_dir,
        .directories = directories,
        .working_dir = dbm_directory,
        .fd_count = IPC_FD_SIBLING + 1,
        .extra_fds = kept,
        .limits = {
            .open_files = OPEN_FILES_MAX,
            .file_size = RLIM_INFINITY, /* holes count: DBM_LAYOUT_BITS_MAX */
            .address_space = CHILD_IS_SANITIZED ? RLIM_INFINITY : ADDRESS_SPACE_MAX,
            .processes = PROCESSES_MAX,
        },
        .policy = &sandbox_policy_writer,
    };
    char error[DETAIL_MAX + 1];

    snprintf(store_directory, sizeof store_directory, "%s" STORE_ROOT, config->state_dir);
    memcpy(dbm_directory, config->dbm_path, dbm_directory_len);
    dbm_directory[dbm_directory_len] = '\0';
    if (access(dbm_directory, F_OK) != 0) {
        log_error("the directory of Apache's DBM file, %s: %s", dbm_directory, strerror(errno));
        return false;
    }
    if (!prepare_keeper(file, config, dbm_directory) || !prepare_directory(config, store_directory))
        return false;
    store_lock = store_lock_take(store_directory, LOCK_WAIT_MSEC);
    if (store_lock < 0 || !give(store_lock, config)) {
        log_error("locking %s: %s", store_directory, errno == EWOULDBLOCK ? "another writer works on it" : strerror(errno));
        return false;
    }
    list_kept(file->keeper, store_lock, kept);
    if (jail_enter(&jail, missing_layers, error, sizeof error) != 0) {
        log_error("locking in: %s", error);
        return false;
    }
    return true;
}

static bool tell_ready(struct ipc *supervisor, uint32_t missing_layers)
{
    struct msg msg = {.type = MSG_READY};

    msg.ready.missing_layers = missing_layers;
    report_message(&msg);
    supervisor->state = MSG_STATE_RUN;
    return report_is_heard();
}

int main(void)
{
    static struct msg_write_config config;
    static struct writer writer;
    uint32_t missing_layers = 0;
    int keeper_status;
    int code;

    if (!child_take_over(PARTY_WRITER, PARTY_FETCHER, &writer.supervisor, &writer.offers.fetcher))
        return CHILD_EXIT_BY_HAND;
    umask(007); /* Apache's file is for its group too; directories are made with their own mode */
    report_init(&writer.supervisor);
    if (!receive_config(&writer.supervisor, &config) || !prepare_libraries() || !prepare_parts(&writer, &config)
        || !lock_in(&writer.file, &config, &missing_layers))
        return CHILD_EXIT_SETUP;
    if (!tell_ready(&writer.supervisor, missing_layers))
        return EXIT_SUCCESS;
    store_access_can_read(&writer.access, time(NULL));
    code = loop_run(&writer);
    keeper_status = keeper_end(writer.file.keeper);
    store_close(writer.access.store);
    return WIFSIGNALED(keeper_status) && WTERMSIG(keeper_status) == SIGSYS ? CHILD_EXIT_KEEPER_VIOLATION : code;
}
