/*
 * `dozan algorithms`: what the plugins tell of themselves.
 */
#include "cli/driver.h"

#include "api/build.h"
#include "cli/describe.h"
#include "cli/text.h"
#include <string.h>

typedef struct description_walk {
    bool one;       /* all about one, else a line for each */
    bool tree;      /* JSON or YAML */
    bool names;     /* nothing but names */
    dz_table table; /* a line for each */
    dozan_buf page; /* all about one */
    cJSON *items;
    dz_builder build;
} description_walk;

static int finish(dz_cli *cli, description_walk *walk);
static bool visit(void *user, const char *plugin, const dozan_description *description);
static void add_page(description_walk *walk, const char *plugin,
                     const dozan_description *description);
static void add_item(description_walk *walk, const char *plugin,
                     const dozan_description *description);
static void add_setting(dz_builder *build, cJSON *settings, const dozan_setting *setting);
static void range_text(const dozan_setting *setting, dozan_buf *text);
static const char *kind_name(dozan_algorithm_kind kind);
static const char *type_name(dozan_setting_type type);

int dz_cli_algorithms(dz_cli *cli)
{
    dz_driver *driver = NULL;
    dozan_error err = {0};
    const char *name = cli->options.argument_count > 0 ? cli->options.arguments[0] : NULL;
    int status = DZ_EXIT_FAILED;
    description_walk walk = {.one = name != NULL};
    walk.tree = cli->options.output == DZ_OUTPUT_JSON || cli->options.output == DZ_OUTPUT_YAML;
    walk.names = cli->options.output == DZ_OUTPUT_NAME;
    walk.items = cJSON_CreateArray();
    walk.build.failed = walk.items == NULL;
    dozan_buf_init(&walk.page, DZ_PAGE_MAX);
    dz_table_init(&walk.table);
    dz_table_column(&walk.table, "NAME", false);
    dz_table_column(&walk.table, "KIND", false);
    dz_table_column(&walk.table, "PLUGIN", false);
    dz_table_column(&walk.table, "SUMMARY", false);
    dozan_status described = DOZAN_OK;
    if (cli->service != NULL)
        described = dz_service_describe(cli->service, name, visit, &walk, &err);
    else if ((described = dz_driver_create(cli, NULL, &driver, &err)) == DOZAN_OK)
        described = dz_loop_describe(dz_driver_loop(driver), name, visit, &walk, &err);
    if (described != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else
        status = finish(cli, &walk);
    dz_driver_destroy(driver);
    cJSON_Delete(walk.items);
    dozan_buf_fini(&walk.page);
    dz_table_fini(&walk.table);
    return status;
}

static int finish(dz_cli *cli, description_walk *walk)
{
    if (walk->build.failed)
        return dz_cli_failf(cli, DOZAN_RESOURCE_EXHAUSTED, "out of memory");
    if (walk->tree && walk->one)
        return dz_cli_put_tree(cli, cJSON_GetArrayItem(walk->items, 0));
    if (walk->tree)
        return dz_cli_put_tree(cli, walk->items);
    if (!walk->one && !walk->names &&
        !dz_table_write(&walk->table, "", dz_cli_columns(cli->out), &walk->page))
        walk->page.failed = true;
    return dz_cli_put(cli, &walk->page);
}

static bool visit(void *user, const char *plugin, const dozan_description *description)
{
    description_walk *walk = user;
    if (walk->tree) {
        add_item(walk, plugin, description);
    } else if (walk->names) {
        dozan_buf_printf(&walk->page, "%s\n", description->name);
    } else if (walk->one) {
        add_page(walk, plugin, description);
    } else {
        dz_table_cell(&walk->table, description->name);
        dz_table_cell(&walk->table, kind_name(description->kind));
        dz_table_cell(&walk->table, plugin);
        dz_table_cell(&walk->table, description->summary);
    }
    return !walk->build.failed;
}

/* ---- for people ---- */

static void add_page(description_walk *walk, const char *plugin,
                     const dozan_description *description)
{
    static const char *const titles[] = {"NAME", "TYPE", "DEFAULT", "RANGE", "MEANING"};
    dozan_buf *page = &walk->page;
    dozan_buf range;
    dz_table table;
    dz_page_field(page, "Name", description->name);
    dz_page_field(page, "Kind", kind_name(description->kind));
    dz_page_field(page, "Plugin", plugin);
    dz_page_field(page, "Summary", description->summary);
    dz_page_field(page, "Limits", description->limits);
    dz_page_field(page, "Reference", description->reference);
    dozan_buf_init(&range, DZ_PAGE_MAX);
    dz_table_init(&table);
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        dz_table_column(&table, titles[i], false);
    for (size_t i = 0; i < description->setting_count; i++) {
        const dozan_setting *setting = &description->settings[i];
        dozan_buf_clear(&range);
        range_text(setting, &range);
        dz_table_cell(&table, setting->name);
        dz_table_cell(&table, type_name(setting->type));
        dz_table_cell(&table, setting->required ? "(required)" : setting->default_text);
        dz_table_cell(&table, range.size > 0 ? range.data : "");
        dz_table_cell(&table, setting->help);
    }
    if (description->setting_count == 0)
        dozan_buf_puts(page, "\nIt has no settings.\n");
    dz_page_table(page, "Settings", &table);
    dz_table_fini(&table);
    dozan_buf_fini(&range);
}

/* "0 <= x < 1", "a|b|c", or nothing. */
static void range_text(const dozan_setting *setting, dozan_buf *text)
{
    bool low = setting->min != NULL && *setting->min != '\0';
    bool high = setting->max != NULL && *setting->max != '\0';
    for (size_t i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++)
        dozan_buf_printf(text, "%s%s", i > 0 ? "|" : "", setting->choices[i]);
    if (low && high)
        dozan_buf_printf(text, "%s %s x %s %s", setting->min, setting->min_exclusive ? "<" : "<=",
                         setting->max_exclusive ? "<" : "<=", setting->max);
    else if (low)
        dozan_buf_printf(text, "%s %s", setting->min_exclusive ? ">" : ">=", setting->min);
    else if (high)
        dozan_buf_printf(text, "%s %s", setting->max_exclusive ? "<" : "<=", setting->max);
}

/* ---- for programs ---- */

static void add_item(description_walk *walk, const char *plugin,
                     const dozan_description *description)
{
    dz_builder *build = &walk->build;
    cJSON *item = dz_build_item(build, walk->items);
    dz_build_text(build, item, "name", description->name);
    dz_build_text(build, item, "kind", kind_name(description->kind));
    dz_build_text(build, item, "plugin", plugin);
    dz_build_text(build, item, "summary", description->summary);
    dz_build_text(build, item, "limits", description->limits);
    dz_build_text(build, item, "reference", description->reference);
    cJSON *settings = dz_build_array(build, item, "settings");
    for (size_t i = 0; i < description->setting_count; i++)
        add_setting(build, settings, &description->settings[i]);
}

static void add_setting(dz_builder *build, cJSON *settings, const dozan_setting *setting)
{
    cJSON *item = dz_build_item(build, settings);
    dz_build_text(build, item, "name", setting->name);
    dz_build_text(build, item, "type", type_name(setting->type));
    dz_build_text(build, item, "default", setting->default_text);
    dz_build_text(build, item, "min", setting->min);
    dz_build_text(build, item, "max", setting->max);
    if (setting->min_exclusive)
        dz_build_add(build, item, "minExclusive", cJSON_CreateTrue());
    if (setting->max_exclusive)
        dz_build_add(build, item, "maxExclusive", cJSON_CreateTrue());
    if (setting->required)
        dz_build_add(build, item, "required", cJSON_CreateTrue());
    int count = 0;
    while (setting->choices != NULL && setting->choices[count] != NULL)
        count++;
    if (count > 0)
        dz_build_add(build, item, "choices", cJSON_CreateStringArray(setting->choices, count));
    dz_build_text(build, item, "help", setting->help);
}

static const char *kind_name(dozan_algorithm_kind kind)
{
    return kind == DOZAN_KIND_EARLY_STOPPING ? "early stopping" : "search";
}

static const char *type_name(dozan_setting_type type)
{
    static const char *const names[] = {"string", "int", "double", "bool", "choice"};
    size_t index = (size_t)type;
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : "unknown";
}
