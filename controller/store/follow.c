#include "store/follow.h"

#include "store/build.h"
#include "store/codec.h"

#include <math.h>
#include <string.h>

/* instr() and not LIKE: what the user types has no wildcards. */
#define MATCHES                                                                                    \
    "(?1 IS NULL OR e.namespace = ?1) AND (?2 IS NULL OR instr(lower(e.name), lower(?2)) > 0)"

dozan_status dz_store_follow(dz_store *store, const dz_follow_key *key, int64_t after_seq,
                             dz_follow_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(store, "SELECT seq, step, time_ms, value FROM metrics "
                                      "INDEXED BY metrics_by_trial WHERE experiment=? AND trial=? "
                                      "AND attempt=? AND seq>? AND metric=? ORDER BY seq");
    dz_bind_int(&bind, key->experiment);
    dz_bind_int(&bind, key->trial);
    dz_bind_int(&bind, key->attempt);
    dz_bind_int(&bind, after_seq);
    dz_bind_int(&bind, key->metric);
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        bool numeric = false;
        dz_row row = dz_row_of(&bind, 0);
        int64_t seq = dz_row_int(&row, 1, INT64_MAX);
        int64_t step = dz_row_int(&row, INT64_MIN, INT64_MAX);
        int64_t time_ms = dz_row_int(&row, INT64_MIN, INT64_MAX);
        double value = dz_row_double(&row, &numeric);
        status = dz_row_error(store, &row, err);
        if (status == DOZAN_OK)
            go_on = visit(user, seq, step, time_ms, numeric ? value : (double)NAN);
    }
    return dz_bind_end(&bind, status, "cannot read the metrics", err);
}

static void bind_filter(dz_bind *bind, const dz_store_filter *filter)
{
    dz_bind_text(bind, filter->namespace_);
    dz_bind_text(bind, filter->text);
}

dozan_status dz_store_list(dz_store *store, const dz_store_filter *filter,
                           dz_experiment_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
                                      " WHERE " MATCHES " AND (?3 IS NULL OR e.state = ?3)"
                                      " ORDER BY e.id DESC LIMIT ?4 OFFSET ?5");
    bind_filter(&bind, filter);
    dz_bind_text(&bind, filter->state >= 0 ? dz_experiment_state_codes[filter->state] : NULL);
    dz_bind_int(&bind, filter->limit);
    dz_bind_int(&bind, filter->offset);
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_experiment *experiment = NULL;
        status = dz_build_experiment(&bind, &experiment, err);
        if (status == DOZAN_OK)
            go_on = visit(user, experiment);
        dz_experiment_destroy(experiment);
    }
    return dz_bind_end(&bind, status, "cannot read the experiments", err);
}

dozan_status dz_store_count(dz_store *store, const dz_store_filter *filter,
                            int64_t counts[DZ_EXPERIMENT_FAILED + 1], dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, "SELECT e.state, count(*) FROM experiments e WHERE " MATCHES
                                      " GROUP BY e.state");
    memset(counts, 0, (DZ_EXPERIMENT_FAILED + 1) * sizeof *counts);
    bind_filter(&bind, filter);
    while (status == DOZAN_OK && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        int state = dz_row_name(&row, dz_experiment_state_codes, DZ_EXPERIMENT_STATE_COUNT);
        int64_t count = dz_row_int(&row, 0, INT64_MAX);
        status = dz_row_error(store, &row, err);
        if (status == DOZAN_OK)
            counts[state] = count;
    }
    return dz_bind_end(&bind, status, "cannot count the experiments", err);
}
