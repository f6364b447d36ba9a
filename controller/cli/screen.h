/*
 * What a run shows on standard error: a live view that is drawn over itself on a terminal, plain
 * lines elsewhere, nothing but notes of trouble when quiet.
 */
#ifndef DZ_CLI_SCREEN_H
#define DZ_CLI_SCREEN_H

#include "cli/progress.h"
#include <stdio.h>

typedef struct dz_screen {
    FILE *file;
    bool live;    /* a terminal that can move its cursor */
    bool quiet;   /* no progress */
    size_t drawn; /* lines of the view that are on the terminal now */
    dz_progress progress;
    dozan_buf best_text;
    dozan_buf trouble;
    int64_t ended;  /* trials that have ended in this run */
    int64_t faults; /* of the plugins, as far as they are told */
    bool faulty;    /* the last thing told of the algorithm is a fault */
    bool interrupted;
} dz_screen;

void dz_screen_init(dz_screen *screen, FILE *file, bool quiet);
void dz_screen_fini(dz_screen *screen);

/* A run starts: rates count from here. `best` is the best trial of earlier runs, or NULL. */
void dz_screen_start(dz_screen *screen, const dz_experiment *experiment, const dz_trial *best,
                     int64_t now_ms);

/* Tells a new fault of a plugin, and that its algorithm answers again. */
void dz_screen_faults(dz_screen *screen, const dz_experiment *experiment);

/* Draws the live view, if there is one. */
void dz_screen_draw(dz_screen *screen, const dz_experiment *experiment, int64_t now_ms);

/* A trial has ended: a line, or in the live view its trouble. */
void dz_screen_ended(dz_screen *screen, const dz_experiment *experiment, const dz_trial *trial);

/* A sentence that stays, above the live view. */
void dz_screen_note(dz_screen *screen, const char *line);

/* The user has asked for the end: says, once, what goes on. */
void dz_screen_interrupt(dz_screen *screen, const char *text);

/* Takes the live view away. */
void dz_screen_clear(dz_screen *screen);

#endif
