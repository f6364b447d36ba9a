/*
 * `dozan metrics`: every value that a trial has reported, in the order of its output.
 */
#include "cli/find.h"

#include "api/resource.h"
#include "cli/table.h"

typedef struct point_walk {
    const dz_experiment_spec *spec;
    dz_table table;
} point_walk;

static bool visit_point(void *user, int32_t attempt, const dz_point *point);

int dz_cli_metrics(dz_cli *cli)
{
    static const char *const titles[] = {"METRIC", "STEP", "VALUE", "TIME"};
    static const char *const csv[] = {"metric", "step", "value", "time"};
    int status = DZ_EXIT_USAGE;
    bool as_csv = cli->options.output == DZ_OUTPUT_CSV;
    dz_found found = {0};
    dozan_error err = {0};
    dozan_buf out;
    point_walk walk = {0};
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status;
    dozan_buf_init(&out, DZ_TABLE_MAX_BYTES);
    dz_table_init(&walk.table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&walk.table, as_csv ? csv[i] : titles[i], i == 1 || i == 2);
    status = dz_find_trial(cli, store, cli->options.arguments[0], &found);
    if (status != DZ_EXIT_SUCCEEDED)
        goto done;
    walk.spec = found.experiment->spec;
    if (dz_store_points(store, found.experiment->id, found.trial->number, 0, -1, visit_point, &walk,
                        &err) != DOZAN_OK) {
        status = dz_cli_fail(cli, &err);
        goto done;
    }
    if (dz_table_rows(&walk.table) == 0 && !as_csv)
        (void)fprintf(cli->err, "trial %s has reported nothing yet; it is %s: %s\n",
                      found.trial->name, dz_trial_state_name(found.trial->state),
                      found.trial->message);
    else if (!(as_csv ? dz_table_write_csv(&walk.table, &out)
                      : dz_table_write(&walk.table, "", 0, &out)))
        out.failed = true;
    status = dz_cli_put(cli, &out);
done:
    dozan_buf_fini(&out);
    dz_table_fini(&walk.table);
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

static bool visit_point(void *user, int32_t attempt, const dz_point *point)
{
    point_walk *walk = user;
    char time[32];
    (void)attempt; /* the last one: earlier ones count for nothing */
    dz_time_text(point->time_ms, time);
    dz_table_cell(&walk->table, point->metric < walk->spec->metric_count
                                    ? walk->spec->metrics[point->metric].name
                                    : "");
    dz_table_cellf(&walk->table, "%lld", (long long)point->step);
    dz_table_cell(&walk->table, point->text);
    dz_table_cell(&walk->table, time);
    return true;
}
