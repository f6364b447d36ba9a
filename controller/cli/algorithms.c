/*
 * `dozan algorithms`: what the plugins tell of themselves.
 */
#include "cli/driver.h"

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
    bool failed;
} description_walk;

static int finish(dz_cli *cli, description_walk *walk);
static bool visit(void *user, const char *plugin, const dozan_description *description);
static void add_page(description_walk *walk, const char *plugin,
                     const dozan_description *description);
static void add_item(description_walk *walk, const char *plugin,
                     const dozan_description *description);
static bool add_setting(cJSON *settings, const dozan_setting *setting);
static bool add_choices(cJSON *item, const dozan_setting *setting);
static bool add_text(cJSON *object, const char *name, const char *text);
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
    walk.failed = walk.items == NULL;
    dozan_buf_init(&walk.page, DZ_PAGE_MAX);
    dz_table_init(&walk.table);
    dz_table_column(&walk.table, "NAME", false);
    dz_table_column(&walk.table, "KIND", false);
    dz_table_column(&walk.table, "PLUGIN", false);
    dz_table_column(&walk.table, "SUMMARY", false);
    if (dz_driver_create(cli, NULL, &driver, &err) != DOZAN_OK ||
        dz_loop_describe(dz_driver_loop(driver), name, visit, &walk, &err) != DOZAN_OK)
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
    if (walk->failed)
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
    return !walk->failed;
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
    cJSON *item = cJSON_CreateObject();
    bool made = add_text(item, "name", description->name) &&
                add_text(item, "kind", kind_name(description->kind)) &&
                add_text(item, "plugin", plugin) &&
                add_text(item, "summary", description->summary) &&
                add_text(item, "limits", description->limits) &&
                add_text(item, "reference", description->reference);
    cJSON *settings = cJSON_AddArrayToObject(item, "settings");
    made = made && settings != NULL;
    for (size_t i = 0; made && i < description->setting_count; i++)
        made = add_setting(settings, &description->settings[i]);
    if (made && cJSON_AddItemToArray(walk->items, item))
        return;
    cJSON_Delete(item);
    walk->failed = true;
}

static bool add_setting(cJSON *settings, const dozan_setting *setting)
{
    cJSON *item = cJSON_CreateObject();
    bool made = add_text(item, "name", setting->name) &&
                add_text(item, "type", type_name(setting->type)) &&
                add_text(item, "default", setting->default_text) &&
                add_text(item, "min", setting->min) && add_text(item, "max", setting->max) &&
                add_choices(item, setting) && add_text(item, "help", setting->help);
    if (made && setting->min_exclusive)
        made = cJSON_AddTrueToObject(item, "minExclusive") != NULL;
    if (made && setting->max_exclusive)
        made = cJSON_AddTrueToObject(item, "maxExclusive") != NULL;
    if (made && setting->required)
        made = cJSON_AddTrueToObject(item, "required") != NULL;
    if (made && cJSON_AddItemToArray(settings, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool add_choices(cJSON *item, const dozan_setting *setting)
{
    if (setting->choices == NULL || setting->choices[0] == NULL)
        return true;
    cJSON *choices = cJSON_AddArrayToObject(item, "choices");
    for (size_t i = 0; choices != NULL && setting->choices[i] != NULL; i++) {
        cJSON *choice = cJSON_CreateString(setting->choices[i]);
        if (choice == NULL || !cJSON_AddItemToArray(choices, choice)) {
            cJSON_Delete(choice);
            return false;
        }
    }
    return choices != NULL;
}

/* Nothing for an absent text. */
static bool add_text(cJSON *object, const char *name, const char *text)
{
    return object != NULL &&
           (text == NULL || *text == '\0' || cJSON_AddStringToObject(object, name, text) != NULL);
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
