/*
 * The table of trials: sorted and filtered over all of them in the frame; only the rows of the page
 * are read from the store.
 */
#include "api/views/column.h"
#include "api/views/shared.h"
#include "api/views/top.h"

#include <string.h>

enum { MAX_PAGE = 200, PAGE = 25, MAX_DEPTH = 10000000 };

typedef struct page {
    dz_held held;
    dz_filter filter;
    dz_column column;
    bool descending;
    int64_t offset, limit;
    size_t total;
    dz_top rows;
} page;

static dozan_status read_page(page *of, dozan_error *err);
static dozan_status choose_rows(page *of, dozan_error *err);
static dozan_status build_rows(const page *of, dz_builder *build, cJSON *tree, dozan_error *err);

dozan_status dz_view_trials(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    page of = {0};
    dz_builder build = {0};
    cJSON *tree = NULL;
    dozan_status status = dz_hold(request, &of.held, err);
    if (status != DOZAN_OK)
        return status;
    status = read_page(&of, err);
    if (status == DOZAN_OK)
        status = choose_rows(&of, err);
    if (status != DOZAN_OK)
        goto done;
    tree = cJSON_CreateObject();
    dz_build_number(&build, tree, "total", (int64_t)of.total);
    dz_build_number(&build, tree, "all", (int64_t)of.held.frame->count);
    dz_build_number(&build, tree, "offset", of.offset);
    dz_build_number(&build, tree, "now", request->now_ms);
    status = build_rows(&of, &build, tree, err);
    if (status == DOZAN_OK)
        status = dz_build_done(&build, tree, answer, err);
    else
        cJSON_Delete(tree);
done:
    dz_top_fini(&of.rows);
    dz_release(&of.held);
    return status;
}

/* ---- helpers */

/* sort=-metric:accuracy: a leading "-" for the largest first. The newest first if none is given. */
static dozan_status read_page(page *of, dozan_error *err)
{
    const dz_view_request *request = &of->held.request;
    const char *sort = dz_query_text(request, "sort");
    if (sort == NULL || *sort == '\0')
        sort = "-number";
    of->descending = *sort == '-';
    sort += of->descending;
    dozan_status status = dz_column_find(&of->held, sort, strlen(sort), &of->column, err);
    if (status == DOZAN_OK)
        status = dz_filter_read(&of->held, &of->filter, err);
    if (status == DOZAN_OK)
        status = dz_query_number(request, "offset", 0, MAX_DEPTH, 0, &of->offset, err);
    if (status == DOZAN_OK)
        status = dz_query_number(request, "limit", 1, MAX_PAGE, PAGE, &of->limit, err);
    return status;
}

/* The rows up to the end of the page, in order. No trial has a place beyond the last one. */
static dozan_status choose_rows(page *of, dozan_error *err)
{
    const dz_frame *frame = of->held.frame;
    size_t depth = (size_t)(of->offset + of->limit);
    dozan_status status = dz_top_init(&of->rows, depth < frame->count ? depth : frame->count, err);
    if (status != DOZAN_OK)
        return status;
    for (size_t row = 0; row < frame->count; row++) {
        if (!dz_filter_holds(&of->held, &of->filter, row))
            continue;
        double key = dz_column_key(&of->held, &of->column, row);
        dz_top_offer(&of->rows, of->descending ? -key : key, row);
        of->total++;
    }
    dz_top_sort(&of->rows);
    return DOZAN_OK;
}

static dozan_status build_rows(const page *of, dz_builder *build, cJSON *tree, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    cJSON *items = dz_build_array(build, tree, "items");
    for (size_t i = (size_t)of->offset; status == DOZAN_OK && i < of->rows.count; i++)
        status = dz_put_trial(&of->held, of->held.frame->numbers[of->rows.items[i].row], false,
                              build, dz_build_item(build, items), err);
    return status;
}
