/* SPDX-License-Identifier: ISC */
/*
 * Owns: a keeper over a directory of its own, and a process that stands for Apache.
 * Runs in: unit tests, as root.
 * Never: leaves a file, a process or the shield behind.
 */
#ifndef STAPLEGUARD_TEST_KEEPER_SCENE_H
#define STAPLEGUARD_TEST_KEEPER_SCENE_H

#include <stdbool.h>
#include <sys/types.h>

#include "keeper/keeper.h"

#define KEEPER_SCENE_FILE "ocsp_cache.db"
/* A user and group that are neither root nor the writer. */
#define KEEPER_SCENE_OTHER_ID 64124

struct keeper_scene {
    char directory[64];
    char staging[96];
    char path[96]; /* of Apache's file */
    struct keeper *keeper;
    pid_t apache; /* 0: there is none */
    int pidfd;    /* of apache; -1: none */
};

/* cmocka's setup and teardown.  *state: the scene.  The teardown fails when the keeper left anything. */
int keeper_scene_set_up(void **state);
int keeper_scene_set_up_without_shield(void **state);
int keeper_scene_tear_down(void **state);

/* Write text into a file as the writer's user, over what it held. */
void keeper_scene_write(const char *path, const char *text);
/* Fail the test unless Apache's file holds exactly this. */
void keeper_scene_expect(const struct keeper_scene *scene, const char *text);
/* Have the keeper put a new file with this text in place; how: KEEPER_IF_UNCHANGED, KEEPER_TAKE_LOCK. */
enum keeper_result keeper_scene_place(struct keeper_scene *scene, const char *text, unsigned how);
/* Wait for the next news of this kind; others are passed over. */
struct keeper_news keeper_scene_news(struct keeper_scene *scene, enum keeper_kind kind);
/* Wait until the keeper has heard all that the kernel had to say: it carries out an order after that. */
void keeper_scene_settle(struct keeper_scene *scene);
/* Start a process that stands for Apache's main process: it lives, and ends with 42 at SIGUSR1. */
void keeper_scene_run_apache(struct keeper_scene *scene);

/* Report whether a keeper can run here; if not, say why.  The program then ends with 77 (skipped). */
bool keeper_scene_can_run(void);

#endif
