#include "store/objects.h"

#include "store/db.h"

#include <string.h>
#include <time.h>

static dozan_status next_version(dz_store *store, int64_t *version, dozan_error *err);
static dozan_status present(dz_store *store, const dz_object *object, int64_t *version,
                            dozan_error *err);
static dozan_status add(dz_store *store, dz_object *object, dozan_error *err);
static dozan_status change(dz_store *store, dz_object *object, int64_t expected, dozan_error *err);

dozan_status dz_store_object_add(dz_store *store, dz_object *object, dozan_error *err)
{
    struct timespec now = {0};
    if (strlen(object->document) > DZ_OBJECT_MAX_BYTES)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "it has more than 1 MiB");
    (void)clock_gettime(CLOCK_REALTIME, &now);
    object->created_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    dozan_status status = dz_db_begin(store, err);
    return status == DOZAN_OK ? dz_db_finish(store, add(store, object, err), err) : status;
}

dozan_status dz_store_object_change(dz_store *store, dz_object *object, int64_t expected,
                                    dozan_error *err)
{
    if (strlen(object->document) > DZ_OBJECT_MAX_BYTES)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "it has more than 1 MiB");
    dozan_status status = dz_db_begin(store, err);
    return status == DOZAN_OK ? dz_db_finish(store, change(store, object, expected, err), err)
                              : status;
}

dozan_status dz_store_object_remove(dz_store *store, const char *kind, const char *namespace_,
                                    const char *name, dozan_error *err)
{
    int changed = 0;
    dz_bind bind =
        dz_bind_new(store, "DELETE FROM objects WHERE kind=? AND namespace=? AND name=?");
    dz_bind_text(&bind, kind);
    dz_bind_text(&bind, namespace_);
    dz_bind_text(&bind, name);
    dozan_status status = dz_bind_run(&bind, "cannot delete it", &changed, err);
    if (status == DOZAN_OK && changed == 0)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "there is no such object");
    return status;
}

dozan_status dz_store_objects(dz_store *store, const char *kind, const char *namespace_,
                              const char *name, dz_object_visit *visit, void *user,
                              dozan_error *err)
{
    bool more = true;
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, "SELECT namespace, name, document, version, created_ms FROM "
                                      "objects WHERE kind=?1 AND (?2 IS NULL OR namespace=?2) AND "
                                      "(?3 IS NULL OR name=?3) ORDER BY namespace, name");
    dz_bind_text(&bind, kind);
    dz_bind_text(&bind, namespace_);
    dz_bind_text(&bind, name);
    while (more && status == DOZAN_OK && dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        dz_object object = {.kind = kind};
        object.namespace_ = dz_row_text(&row);
        object.name = dz_row_text(&row);
        object.document = dz_row_text(&row);
        object.version = dz_row_int(&row, 0, INT64_MAX);
        object.created_ms = dz_row_int(&row, 0, INT64_MAX);
        status = row.status;
        if (status == DOZAN_OK)
            more = visit(user, &object);
    }
    return dz_bind_end(&bind, status, "cannot read the objects", err);
}

/* ---- inside of a transaction ---- */

static dozan_status next_version(dz_store *store, int64_t *version, dozan_error *err)
{
    dozan_status status = dz_db_number(
        store, "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name='objects'",
        version, err);
    return status;
}

/* 0 = there is none. */
static dozan_status present(dz_store *store, const dz_object *object, int64_t *version,
                            dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind =
        dz_bind_new(store, "SELECT version FROM objects WHERE kind=? AND namespace=? AND name=?");
    dz_bind_text(&bind, object->kind);
    dz_bind_text(&bind, object->namespace_);
    dz_bind_text(&bind, object->name);
    *version = 0;
    if (dz_bind_step(&bind)) {
        dz_row row = dz_row_of(&bind, 0);
        *version = dz_row_int(&row, 1, INT64_MAX);
        status = row.status;
    }
    return dz_bind_end(&bind, status, "cannot read the object", err);
}

static dozan_status add(dz_store *store, dz_object *object, dozan_error *err)
{
    int64_t version = 0, count = 0;
    dozan_status status = present(store, object, &version, err);
    if (status == DOZAN_OK && version != 0)
        return dozan_error_set(err, DOZAN_ALREADY_EXISTS, NULL, "\"%s\" already exists",
                               object->name);
    if (status == DOZAN_OK)
        status = dz_db_number(store, "SELECT count(*) FROM objects", &count, err);
    if (status == DOZAN_OK && count >= DZ_OBJECTS_MAX)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "there are %d objects already: delete some", DZ_OBJECTS_MAX);
    if (status == DOZAN_OK)
        status = next_version(store, &object->version, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind = dz_bind_new(store, "INSERT INTO objects (version, kind, namespace, name, "
                                      "document, created_ms) VALUES (?,?,?,?,?,?)");
    dz_bind_int(&bind, object->version);
    dz_bind_text(&bind, object->kind);
    dz_bind_text(&bind, object->namespace_);
    dz_bind_text(&bind, object->name);
    dz_bind_text(&bind, object->document);
    dz_bind_int(&bind, object->created_ms);
    return dz_bind_run(&bind, "cannot write the object", NULL, err);
}

static dozan_status change(dz_store *store, dz_object *object, int64_t expected, dozan_error *err)
{
    int64_t version = 0;
    dozan_status status = present(store, object, &version, err);
    if (status == DOZAN_OK && version == 0)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "\"%s\" is not there", object->name);
    if (status == DOZAN_OK && expected != 0 && expected != version)
        return dozan_error_set(err, DOZAN_ABORTED, NULL,
                               "\"%s\" has been changed since: read it again and change that",
                               object->name);
    /* A new row with the next version takes the old one's place. */
    if (status == DOZAN_OK)
        status = next_version(store, &object->version, err);
    if (status != DOZAN_OK)
        return status;
    dz_bind bind = dz_bind_new(store, "INSERT INTO objects (version, kind, namespace, name, "
                                      "document, created_ms) SELECT ?, kind, namespace, name, ?, "
                                      "created_ms FROM objects WHERE version=?");
    dz_bind_int(&bind, object->version);
    dz_bind_text(&bind, object->document);
    dz_bind_int(&bind, version);
    status = dz_bind_run(&bind, "cannot write the object", NULL, err);
    if (status != DOZAN_OK)
        return status;
    bind = dz_bind_new(store, "DELETE FROM objects WHERE version=?");
    dz_bind_int(&bind, version);
    return dz_bind_run(&bind, "cannot write the object", NULL, err);
}
