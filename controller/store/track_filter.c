#include "store/track_filter.h"

#include <string.h>
#include <strings.h>

typedef enum comparison {
    EQUAL,
    NOT_EQUAL,
    LESS,
    LESS_EQUAL,
    MORE,
    MORE_EQUAL,
    LIKE,
    ILIKE,
    IN,
    NOT_IN,
    IS_NULL,
    IS_NOT_NULL,
    COMPARISONS
} comparison;

/* ILIKE is SQLite's LIKE; a LIKE that knows letters' cases is GLOB with a pattern of its own. */
static const char *const sql_of[COMPARISONS] = {
    "=", "!=", "<", "<=", ">", ">=", "GLOB", "LIKE", "IN", "NOT IN", "", ""};

static dozan_status read_comparison(track_filter *filter, comparison *how, dozan_error *err);
static dozan_status check(track_filter *filter, const filter_key *key, comparison how,
                          dozan_error *err);
static dozan_status add_clause(track_filter *filter, dozan_error *err);
static dozan_status add_test(track_filter *filter, const filter_key *key, const char *column,
                             comparison how, bool number, dozan_error *err);
static dozan_status add_list(track_filter *filter, dozan_error *err);
static dozan_status open_owned(track_filter *filter, const filter_key *key, comparison how,
                               const char **column, dozan_error *err);
static const char *glob_of(track_filter *filter, const char *like);

dozan_status track_filter_where(track_filter *filter, const char *text, dozan_error *err)
{
    if (text == NULL)
        return DOZAN_OK;
    dozan_status status = DOZAN_OK;
    filter->at = filter->whole = text;
    track_filter_space(filter);
    while (*filter->at != '\0') {
        status = add_clause(filter, err);
        if (status != DOZAN_OK)
            return status;
        track_filter_space(filter);
        if (*filter->at == '\0')
            break;
        if (!track_filter_word(filter, "AND"))
            return track_filter_bad(filter, "AND is missing", err);
        track_filter_space(filter);
        if (*filter->at == '\0')
            return track_filter_bad(filter, "a comparison is missing", err);
    }
    return DOZAN_OK;
}

static dozan_status add_clause(track_filter *filter, dozan_error *err)
{
    filter_key key;
    comparison how = EQUAL;
    const char *column = NULL;
    dozan_status status = track_filter_key(filter, &key, err);
    if (status == DOZAN_OK)
        status = read_comparison(filter, &how, err);
    if (status == DOZAN_OK)
        status = check(filter, &key, how, err);
    if (status != DOZAN_OK)
        return status;
    (void)dozan_buf_puts(&filter->sql, " AND ");
    if (key.entity == ENTITY_ATTRIBUTE)
        return add_test(filter, &key, key.attribute->column, how, key.attribute->number, err);
    status = open_owned(filter, &key, how, &column, err);
    if (status != DOZAN_OK)
        return status;
    if (how != IS_NULL && how != IS_NOT_NULL) {
        (void)dozan_buf_puts(&filter->sql, " AND ");
        /* A model without this tag is no prompt. */
        bool prompt = how == NOT_EQUAL && key.entity == ENTITY_TAG &&
                      strcmp(key.name, "mlflow.prompt.is_prompt") == 0;
        status =
            add_test(filter, &key, column, prompt ? EQUAL : how, key.entity == ENTITY_METRIC, err);
    }
    (void)dozan_buf_puts(&filter->sql, ")");
    return status;
}

/* "EXISTS (SELECT ... WHERE its key": the row of a tag, param, metric or dataset. */
static dozan_status open_owned(track_filter *filter, const filter_key *key, comparison how,
                               const char **column, dozan_error *err)
{
    const track_domain *domain = filter->domain;
    bool absent = how == IS_NULL || (how == NOT_EQUAL && key->entity == ENTITY_TAG &&
                                     strcmp(key->name, "mlflow.prompt.is_prompt") == 0);
    (void)dozan_buf_puts(&filter->sql, absent ? "NOT EXISTS (" : "EXISTS (");
    if (key->entity == ENTITY_DATASET) {
        *column = strcmp(key->name, "name") == 0     ? "d.name"
                  : strcmp(key->name, "digest") == 0 ? "d.digest"
                                                     : "c.value";
        (void)dozan_buf_puts(&filter->sql,
                             "SELECT 1 FROM track_inputs i JOIN track_datasets d ON d.id = "
                             "i.dataset LEFT JOIN track_pairs c ON c.kind = 3 AND c.owner = i.id "
                             "AND c.key = 'mlflow.data.context' WHERE i.run = t.id");
        return DOZAN_OK;
    }
    *column = "x.value";
    if (key->entity == ENTITY_METRIC)
        (void)dozan_buf_printf(&filter->sql,
                               "SELECT 1 FROM track_latest x WHERE x.kind = %d AND x.owner = t.id "
                               "AND x.is_nan = 0 AND x.key = ",
                               domain->metrics);
    else
        (void)dozan_buf_printf(
            &filter->sql,
            "SELECT 1 FROM track_pairs x WHERE x.kind = %d AND x.owner = t.id AND x.key = ",
            key->entity == ENTITY_TAG ? domain->tags : domain->params);
    return track_filter_bind(filter, (filter_value){.text = key->name}, err);
}

static dozan_status read_comparison(track_filter *filter, comparison *how, dozan_error *err)
{
    static const struct {
        const char *text;
        comparison how;
    } signs[] = {{"!=", NOT_EQUAL}, {"<=", LESS_EQUAL}, {">=", MORE_EQUAL},
                 {"=", EQUAL},      {"<", LESS},        {">", MORE}};
    track_filter_space(filter);
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        size_t size = strlen(signs[i].text);
        if (strncmp(filter->at, signs[i].text, size) != 0)
            continue;
        filter->at += size;
        *how = signs[i].how;
        return DOZAN_OK;
    }
    if (track_filter_word(filter, "LIKE"))
        *how = LIKE;
    else if (track_filter_word(filter, "ILIKE"))
        *how = ILIKE;
    else if (track_filter_word(filter, "IN"))
        *how = IN;
    else if (track_filter_word(filter, "NOT") && track_filter_word(filter, "IN"))
        *how = NOT_IN;
    else if (track_filter_word(filter, "IS")) {
        bool negated = track_filter_word(filter, "NOT");
        if (!track_filter_word(filter, "NULL"))
            return track_filter_bad(filter, "NULL is missing", err);
        *how = negated ? IS_NOT_NULL : IS_NULL;
    } else {
        return track_filter_bad(filter, "a comparison operator is missing", err);
    }
    return DOZAN_OK;
}

/* What may be asked of what. */
static dozan_status check(track_filter *filter, const filter_key *key, comparison how,
                          dozan_error *err)
{
    bool list = how == IN || how == NOT_IN, null = how >= IS_NULL;
    bool order = how >= LESS && how <= MORE_EQUAL;
    bool number =
        key->entity == ENTITY_METRIC || (key->entity == ENTITY_ATTRIBUTE && key->attribute->number);
    bool good;
    if (number)
        good = how <= MORE_EQUAL;
    else if (key->entity == ENTITY_ATTRIBUTE)
        good = !order && !null && (!list || key->attribute->in);
    else if (key->entity == ENTITY_DATASET)
        good = !order && !null &&
               (strcmp(key->name, "name") == 0 || strcmp(key->name, "digest") == 0 ||
                strcmp(key->name, "context") == 0);
    else
        good = !order && !list;
    return good ? DOZAN_OK
                : track_filter_bad(filter, "this comparison is not known for this key", err);
}

static dozan_status add_test(track_filter *filter, const filter_key *key, const char *column,
                             comparison how, bool number, dozan_error *err)
{
    filter_value value = {0};
    (void)key;
    (void)dozan_buf_printf(&filter->sql, "%s %s ", column, sql_of[how]);
    if (how == IN || how == NOT_IN)
        return add_list(filter, err);
    dozan_status status = track_filter_value(filter, &value, err);
    if (status != DOZAN_OK)
        return status;
    if (number && value.text != NULL)
        return track_filter_bad(filter, "Expected numeric value type", err);
    if (!number && value.text == NULL)
        return track_filter_bad(filter, "Expected a quoted string value", err);
    if (how == LIKE)
        value.text = glob_of(filter, value.text);
    if (!number && value.text == NULL)
        return track_filter_bad(filter, "it is too long", err);
    return track_filter_bind(filter, value, err);
}

static dozan_status add_list(track_filter *filter, dozan_error *err)
{
    bool first = true;
    track_filter_space(filter);
    if (*filter->at != '(')
        return track_filter_bad(filter, "a list in parentheses is missing", err);
    do {
        filter_value value;
        filter->at++;
        (void)dozan_buf_puts(&filter->sql, first ? "(" : ", ");
        first = false;
        dozan_status status = track_filter_value(filter, &value, err);
        if (status == DOZAN_OK && value.text == NULL)
            status = track_filter_bad(filter, "Expected a quoted string value", err);
        if (status == DOZAN_OK)
            status = track_filter_bind(filter, value, err);
        if (status != DOZAN_OK)
            return status;
        track_filter_space(filter);
    } while (*filter->at == ',');
    if (*filter->at != ')')
        return track_filter_bad(filter, "a list is not closed", err);
    filter->at++;
    (void)dozan_buf_puts(&filter->sql, ")");
    return DOZAN_OK;
}

/* % and _ are * and ?; what GLOB would take for more than a letter is put into brackets. */
static const char *glob_of(track_filter *filter, const char *like)
{
    char *out = filter->memory + filter->used;
    size_t size = 0, need = strlen(like) * 3 + 1;
    if (need > filter->room - filter->used)
        return NULL;
    for (; *like != '\0'; like++) {
        if (strchr("*?[", *like) != NULL) {
            out[size++] = '[';
            out[size++] = *like;
            out[size++] = ']';
        } else {
            out[size++] = (char)(*like == '%' ? '*' : *like == '_' ? '?' : *like);
        }
    }
    out[size] = '\0';
    filter->used += size + 1;
    return out;
}

/* ---- order ---- */

dozan_status track_filter_order(track_filter *filter, const cJSON *order, dozan_error *err)
{
    const char *field = track_arg(order, "field_name");
    const char *text = cJSON_IsString(order) ? order->valuestring : field;
    bool descends = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(order, "ascending"));
    filter_key key;
    if (text == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid order_by clause: a text is missing");
    filter->at = filter->whole = text;
    dozan_status status = track_filter_key(filter, &key, err);
    if (status != DOZAN_OK)
        return status;
    if (track_filter_word(filter, "DESC"))
        descends = true;
    else if (track_filter_word(filter, "ASC"))
        descends = false;
    track_filter_space(filter);
    if (*filter->at != '\0' || key.entity == ENTITY_DATASET)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid order_by clause '%.200s': it is KEY, KEY ASC or KEY DESC",
                               text);
    if (key.entity == ENTITY_ATTRIBUTE) {
        (void)dozan_buf_puts(&filter->sql, key.attribute->column);
    } else {
        const track_domain *domain = filter->domain;
        if (key.entity == ENTITY_METRIC)
            (void)dozan_buf_printf(&filter->sql,
                                   "(SELECT iif(x.is_nan, NULL, x.value) FROM track_latest x WHERE "
                                   "x.kind = %d AND x.owner = t.id AND x.key = ",
                                   domain->metrics);
        else
            (void)dozan_buf_printf(
                &filter->sql,
                "(SELECT x.value FROM track_pairs x WHERE x.kind = %d AND x.owner = t.id AND "
                "x.key = ",
                key.entity == ENTITY_TAG ? domain->tags : domain->params);
        status = track_filter_bind(filter, (filter_value){.text = key.name}, err);
        (void)dozan_buf_puts(&filter->sql, " LIMIT 1)");
    }
    (void)dozan_buf_puts(&filter->sql, descends ? " DESC NULLS LAST, " : " ASC NULLS LAST, ");
    return status;
}
