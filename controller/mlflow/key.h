/*
 * The tokens by which a trial's code writes to its own run: "dzr_RUN.MAC", the run's id and its
 * HMAC-SHA256 under a key of the service, so that none of them is kept anywhere. A token is worth
 * something only while its trial has not ended.
 */
#ifndef DZ_MLFLOW_KEY_H
#define DZ_MLFLOW_KEY_H

#include "store/track_tuned.h"

enum { DZ_KEY = 32, DZ_RUN_TOKEN = 112 };

typedef struct dz_key {
    unsigned char bytes[DZ_KEY];
} dz_key;

/* Reads the file, which is made where it is missing: no one else may read it. */
DOZAN_MUST_USE dozan_status dz_key_open(const char *path, dz_key *key, dozan_error *err);

void dz_key_token(const dz_key *key, const char *run, char token[DZ_RUN_TOKEN]);

/* Whether a token looks like one of a run, and whether it is: then `run` is set. */
bool dz_key_is_token(const char *token);
bool dz_key_check(const dz_key *key, const char *token, size_t size, char run[DZ_RUN_ID]);

#endif
