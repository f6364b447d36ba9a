/*
 * `dozan describe`: which of the two it is, and the page that both write on.
 */
#include "cli/describe.h"

#include "api/resource.h"
#include "cli/text.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS = 16, TIME_BYTES = 32 };

int dz_cli_describe(dz_cli *cli)
{
    int status = DZ_EXIT_USAGE;
    dz_found found = {0};
    dozan_error err = {0};
    dz_kind kind = dz_find_kind(cli, cli->options.arguments[0]);
    if (kind == DZ_KIND_NONE)
        return status;
    if (cli->service == NULL && dz_cli_config_load(&cli->options, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status;
    const char *name = cli->options.arguments[1];
    if (kind == DZ_KIND_EXPERIMENT) {
        status = dz_find_experiment(cli, store, name, &found);
        if (status == DZ_EXIT_SUCCEEDED)
            status = dz_describe_experiment(cli, store, found.experiment);
    } else {
        status = dz_find_trial(cli, store, name, &found);
        if (status == DZ_EXIT_SUCCEEDED)
            status = dz_describe_trial(cli, store, &found);
    }
    dz_found_fini(&found);
    dz_store_close(store);
    return status;
}

void dz_page_field(dozan_buf *page, const char *name, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    int blanks = NAME_COLUMNS - (int)strlen(name);
    dozan_buf_printf(page, "%s:%*s", name, blanks > 0 ? blanks : 1, "");
    dz_text_fit(page, text, SIZE_MAX);
    dozan_buf_puts(page, "\n");
}

void dz_page_fieldf(dozan_buf *page, const char *name, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        page->failed = true;
        return;
    }
    dz_page_field(page, name, text);
    free(text);
}

void dz_page_time(dozan_buf *page, const char *name, int64_t time_ms)
{
    char text[TIME_BYTES], age[TIME_BYTES];
    if (time_ms == 0)
        return;
    dz_time_text(time_ms, text);
    dz_duration_text(dz_cli_now() - time_ms, age);
    dz_page_fieldf(page, name, "%s (%s ago)", text, age);
}

void dz_page_table(dozan_buf *page, const char *title, dz_table *table)
{
    if (dz_table_rows(table) > 0 || table->failed) {
        dozan_buf_printf(page, "\n%s:\n", title);
        if (!dz_table_write(table, "  ", 0, page))
            page->failed = true;
    }
    dz_table_fini(table);
    dz_table_init(table);
}
