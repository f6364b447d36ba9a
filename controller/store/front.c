#include "store/front.h"

#include "store/codec.h"

#include <stdlib.h>

static dozan_status write_point(dz_store *store, int64_t experiment_id, const dz_front *front,
                                size_t index, dozan_error *err);
static dozan_status remove_point(dz_store *store, int64_t experiment_id, int64_t trial,
                                 dozan_error *err);
static dozan_status read_point(const dz_bind *bind, dz_experiment *experiment, dozan_error *err);

dozan_status dz_front_write(dz_store *store, int64_t experiment_id, const dz_front *front,
                            dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; status == DOZAN_OK && i < front->gone_count; i++)
        status = remove_point(store, experiment_id, front->gone[i], err);
    for (size_t i = 0; status == DOZAN_OK && i < front->count; i++)
        if (!front->stored[i])
            status = write_point(store, experiment_id, front, i, err);
    return status;
}

dozan_status dz_front_read(dz_store *store, dz_experiment *experiment, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (experiment->spec->objective_count < 2)
        return DOZAN_OK;
    dz_bind bind =
        dz_bind_new(store, "SELECT trial, objectives FROM front WHERE experiment=? ORDER BY trial");
    dz_bind_int(&bind, experiment->id);
    while (status == DOZAN_OK && dz_bind_step(&bind))
        status = read_point(&bind, experiment, err);
    return dz_bind_end(&bind, status, "cannot read the Pareto front", err);
}

/* ---- helpers */

static dozan_status write_point(dz_store *store, int64_t experiment_id, const dz_front *front,
                                size_t index, dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_FRONT_INSERT);
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, front->trials[index]);
    dz_bind_json(&bind, dz_numbers_write(&front->values[index * front->width], front->width));
    return dz_bind_run(&bind, "cannot write the Pareto front", NULL, err);
}

static dozan_status remove_point(dz_store *store, int64_t experiment_id, int64_t trial,
                                 dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_FRONT_DELETE);
    dz_bind_int(&bind, experiment_id);
    dz_bind_int(&bind, trial);
    return dz_bind_run(&bind, "cannot write the Pareto front", NULL, err);
}

static dozan_status read_point(const dz_bind *bind, dz_experiment *experiment, dozan_error *err)
{
    double *values = NULL;
    size_t count = 0;
    dz_row row = dz_row_of(bind, 0);
    int64_t trial = dz_row_int(&row, 1, INT64_MAX);
    dz_row_fail(&row, dz_numbers_read(dz_row_text(&row), &values, &count));
    if (row.status == DOZAN_OK && count != experiment->spec->objective_count)
        dz_row_fail(&row, DOZAN_DATA_LOSS);
    dozan_status status = dz_row_error(bind->store, &row, err);
    if (status == DOZAN_OK)
        status = dz_front_restore(&experiment->front, experiment->spec, trial, values, err);
    free(values);
    return status;
}
