/*
 * `dozan import mlflow|optuna FILE` and `dozan export csv NAME`: moving in, and out.
 */
#include "cli/cli.h"

#include "store/track_csv.h"
#include <stdlib.h>
#include <string.h>

enum { EXPORT_MAX = 1 << 30 };

static dozan_status import_csv(dz_track *track, const char *file, dz_imported *imported,
                               dozan_error *err);

int dz_cli_import(dz_cli *cli)
{
    const char *kind = cli->options.arguments[0], *file = cli->options.arguments[1];
    bool mlflow = strcmp(kind, "mlflow") == 0, csv = strcmp(kind, "csv") == 0;
    dz_imported imported = {0};
    dozan_error err = {0};
    dz_track *track = NULL;
    if (!mlflow && !csv && strcmp(kind, "optuna") != 0)
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT,
                            "\"%.40s\" cannot be imported; mlflow, optuna and csv can", kind);
    dozan_status status =
        dz_track_open(cli->options.db, DZ_STORE_WRITE, cli->options.durability, &track, &err);
    if (status == DOZAN_OK && csv)
        status = import_csv(track, file, &imported, &err);
    else if (status == DOZAN_OK)
        status = dz_track_import(track, mlflow ? DZ_IMPORT_MLFLOW : DZ_IMPORT_OPTUNA, file,
                                 &imported, &err);
    dz_track_close(track);
    if (status != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    (void)fprintf(cli->out,
                  "imported %lld experiments, %lld runs, %lld metric points, %lld model versions\n",
                  (long long)imported.experiments, (long long)imported.runs,
                  (long long)imported.points, (long long)imported.versions);
    return DZ_EXIT_SUCCEEDED;
}

int dz_cli_export(dz_cli *cli)
{
    const char *kind = cli->options.arguments[0];
    dozan_error err = {0};
    dozan_buf out;
    dz_track *track = NULL;
    int result = DZ_EXIT_FAILED;
    if (strcmp(kind, "csv") != 0)
        return dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT, "\"%.40s\" cannot be exported; csv can",
                            kind);
    dozan_buf_init(&out, EXPORT_MAX);
    dozan_status status =
        dz_track_open(cli->options.db, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &track, &err);
    if (status == DOZAN_OK)
        status = dz_track_export(track, cli->options.arguments[1], &out, &err);
    dz_track_close(track);
    result = status == DOZAN_OK ? dz_cli_put(cli, &out) : dz_cli_fail(cli, &err);
    dozan_buf_fini(&out);
    return result;
}

/* The experiment is named as the file is, without its ending. */
static dozan_status import_csv(dz_track *track, const char *file, dz_imported *imported,
                               dozan_error *err)
{
    const char *base = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
    size_t size = 0, length = strlen(base);
    char *text = NULL, *name = NULL;
    dozan_status status = dz_cli_read_file(file, &text, &size, err);
    if (length > 4 && strcmp(base + length - 4, ".csv") == 0)
        length -= 4;
    if (status == DOZAN_OK && (name = strndup(base, length)) == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK)
        status = dz_track_import_csv(track, name, text, size, imported, err);
    free(name);
    free(text);
    return status;
}
