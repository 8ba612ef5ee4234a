/* SPDX-License-Identifier: ISC */
#include "dbm/dbm_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dbm/dbm_identify.h"
#include "keeper/keeper.h"

#define FILE_MODE 0660

/* Berkeley DB makes a new file under this prefix and renames it (fop_util.c, __db_backup_name). */
#define BDB_PREFIX "__db."

static const char *type_words(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFLNK:
        return "a symbolic link";
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

static enum reason refuse_type(mode_t mode, struct dbm_place *place)
{
    snprintf(place->detail, sizeof place->detail,
        "%s stands where Apache's DBM file belongs; remove it, or let dbm name the file itself", type_words(mode));
    return REASON_DBM_UNWRITABLE;
}

/* Never stat(2), which the sandbox allows of nothing but what is open. */
static int open_to_look(const char *name)
{
    return open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool is_there(const char *name, const char *suffix)
{
    char path[NAME_MAX + 8];
    int fd = snprintf(path, sizeof path, "%s%s", name, suffix) < (int)sizeof path ? open_to_look(path) : -1;

    if (fd < 0)
        return errno == EACCES || errno == ELOOP;
    close(fd);
    return true;
}

static enum reason look_for_sdbm(const char *name, struct dbm_place *place)
{
    if (!is_there(name, ".pag") || !is_there(name, ".dir"))
        return REASON_NONE;
    snprintf(
        place->detail, sizeof place->detail, "a pair of SDBM files (.pag, .dir) stands beside the name of Apache's DBM file");
    return REASON_NOT_BERKELEY_DB;
}

static enum reason identify(struct dbm_place *place)
{
    uint8_t bytes[DBM_IDENTIFY_LEN];
    ssize_t len = pread(place->fd, bytes, sizeof bytes, 0);
    enum dbm_kind kind;

    if (len < 0) {
        snprintf(place->detail, sizeof place->detail, "Apache's DBM file cannot be read: %s", strerror(errno));
        dbm_place_close(place);
        place->is_unread = true;
        return REASON_NONE;
    }
    kind = dbm_identify(bytes, (size_t)len);
    if (kind == DBM_KIND_BDB_HASH)
        return REASON_NONE;
    snprintf(place->detail, sizeof place->detail, "Apache's DBM file is %s", dbm_kind_words(kind));
    dbm_place_close(place);
    return kind == DBM_KIND_EMPTY ? REASON_NONE : REASON_NOT_BERKELEY_DB;
}

/* Say of what could not be opened what it is, by how that failed. */
static enum reason judge_unopened(const char *name, int error, struct dbm_place *place)
{
    if (error == ENOENT)
        return look_for_sdbm(name, place);
    if (error == ELOOP)
        return refuse_type(S_IFLNK, place);
    if (error == ENXIO)
        return refuse_type(S_IFSOCK, place);
    if (error == EACCES && is_there(name, "/."))
        return refuse_type(S_IFDIR, place);
    place->is_there = true;
    place->is_unread = true;
    snprintf(place->detail, sizeof place->detail, "Apache's DBM file cannot be read: %s", strerror(error));
    return REASON_NONE;
}

enum reason dbm_place_open(const char *name, struct dbm_place *place)
{
    *place = (struct dbm_place){.fd = open_to_look(name)};
    if (place->fd < 0)
        return judge_unopened(name, errno, place);
    if (fstat(place->fd, &place->st) != 0 || !S_ISREG(place->st.st_mode)) {
        dbm_place_close(place);
        return refuse_type(place->st.st_mode, place);
    }
    place->is_there = true;
    return identify(place);
}

bool dbm_place_is_changed(const struct dbm_place *place)
{
    struct stat now;

    if (place->fd < 0 || fstat(place->fd, &now) != 0)
        return false;
    return now.st_size != place->st.st_size || now.st_mtim.tv_sec != place->st.st_mtim.tv_sec
        || now.st_mtim.tv_nsec != place->st.st_mtim.tv_nsec;
}

bool dbm_place_is_ours(const struct dbm_place *place)
{
    return place->fd >= 0 && place->st.st_gid == getegid() && (place->st.st_mode & ALLPERMS) == FILE_MODE;
}

void dbm_place_close(struct dbm_place *place)
{
    if (place->fd >= 0)
        close(place->fd);
    place->fd = -1;
}

bool dbm_place_temporary(const char *name, char out[NAME_MAX + 1])
{
    int len = snprintf(out, NAME_MAX + 1, ".%s.stapleguard-new", name);

    return len > 0 && (size_t)len + strlen(BDB_PREFIX) <= NAME_MAX;
}

void dbm_place_staging(char out[NAME_MAX + 1])
{
    snprintf(out, NAME_MAX + 1, "%s", KEEPER_STAGING "/" DBM_PLACE_NEW);
}

static bool remove_file(const char *name)
{
    return unlink(name) == 0 || errno == ENOENT;
}

bool dbm_place_clean(const char *temporary)
{
    char made_by_bdb[NAME_MAX + sizeof BDB_PREFIX];

    const char *slash = strrchr(temporary, '/');
    int directory_len = slash == NULL ? 0 : (int)(slash + 1 - temporary);

    snprintf(made_by_bdb, sizeof made_by_bdb, "%.*s" BDB_PREFIX "%s", directory_len, temporary, temporary + directory_len);
    return remove_file(temporary) && remove_file(made_by_bdb);
}

enum reason dbm_place_prepare(const char *temporary, struct dbm_place *placed)
{
    const char *step = "opening the new file";

    *placed = (struct dbm_place){.is_there = true};
    placed->fd = open(temporary, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (placed->fd < 0 || fstat(placed->fd, &placed->st) != 0)
        goto out;
    /* A directory with the set-group-ID bit gives its own group. */
    step = "giving the new file to Apache's group";
    if (placed->st.st_gid != getegid() && fchown(placed->fd, (uid_t)-1, getegid()) != 0)
        goto out;
    step = "setting the new file's mode";
    if (fchmod(placed->fd, FILE_MODE) == 0)
        return REASON_NONE;
out:
    snprintf(placed->detail, sizeof placed->detail, "%s: %s", step, strerror(errno));
    dbm_place_close(placed);
    return REASON_DBM_UNWRITABLE;
}

enum reason dbm_place_put(const char *temporary, const char *name, struct dbm_place *placed)
{
    enum reason reason = dbm_place_prepare(temporary, placed);

    if (reason != REASON_NONE || rename(temporary, name) == 0)
        return reason;
    snprintf(placed->detail, sizeof placed->detail, "renaming the new file into place: %s", strerror(errno));
    dbm_place_close(placed);
    return REASON_DBM_UNWRITABLE;
}

uint64_t dbm_place_disk_bytes(const struct dbm_place *place)
{
    return (uint64_t)place->st.st_blocks * 512;
}
