/*
 * The command line: what is accepted, and how what is not is refused.
 */
#include "cli/cli.h"
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_WORDS = 16 };

static dozan_status parse_for(const char *command, dz_cli_options *options, dozan_error *err,
                              const char *const *words)
{
    static char *argv[MAX_WORDS + 1];
    int argc = 0;
    argv[argc++] = (char *)(uintptr_t)command;
    while (words[argc - 1] != NULL && argc < MAX_WORDS) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    argv[argc] = NULL;
    *err = (dozan_error){0};
    return dz_cli_options_parse(options, dz_cli_find(command)->options, argc, argv, err);
}

static void options_and_arguments_may_be_mixed(void **state)
{
    static const char *const words[] = {
        "--parallel", "4",           "e.yaml",    "--set=spec.maxTrialCount=5",
        "-ojson",     "--keep",      "--map",     "/opt/trainer=/tmp",
        "--plugin",   "mine=./mine", "--grace=7", "--durability=off",
        NULL};
    dz_cli_options options;
    dozan_error err;
    (void)state;
    assert_int_equal(parse_for("run", &options, &err, words), DOZAN_OK);
    assert_int_equal(options.argument_count, 1);
    assert_string_equal(options.arguments[0], "e.yaml");
    assert_int_equal(options.override_count, 2);
    assert_string_equal(options.overrides[0].path, "spec.parallelTrialCount");
    assert_string_equal(options.overrides[0].value, "4");
    assert_string_equal(options.overrides[1].path, "spec.maxTrialCount");
    assert_string_equal(options.overrides[1].value, "5");
    assert_int_equal(options.output, DZ_OUTPUT_JSON);
    assert_int_equal(options.durability, DZ_DURABILITY_OFF);
    assert_int_equal(options.grace_ms, 7000);
    assert_true(options.keep);
    assert_string_equal(options.maps[0].from, "/opt/trainer");
    assert_string_equal(options.maps[0].to, "/tmp");
    assert_string_equal(options.plugins[0].name, "mine");
    assert_string_equal(options.plugins[0].target, "./mine");
    dz_cli_options_fini(&options);
}

/* A trial has a folder of its own, where a relative path would lead elsewhere. */
static void targets_of_maps_become_absolute(void **state)
{
    static const char *const words[] = {"--map", "/opt=.", "--map", "/etc/x=/etc/../tmp", NULL};
    dz_cli_options options;
    dozan_error err;
    char *here = getcwd(NULL, 0);
    (void)state;
    assert_non_null(here);
    assert_int_equal(parse_for("run", &options, &err, words), DOZAN_OK);
    assert_int_equal(options.map_count, 2);
    assert_string_equal(options.maps[0].to, here);
    assert_string_equal(options.maps[1].to, "/etc/../tmp");
    dz_cli_options_fini(&options);
    free(here);
}

static void two_dashes_end_the_options(void **state)
{
    static const char *const words[] = {"--", "--keep", NULL};
    dz_cli_options options;
    dozan_error err;
    (void)state;
    assert_int_equal(parse_for("run", &options, &err, words), DOZAN_OK);
    assert_int_equal(options.argument_count, 1);
    assert_string_equal(options.arguments[0], "--keep");
    assert_false(options.keep);
    dz_cli_options_fini(&options);
}

static void the_database_is_named_once_for_all(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const named[] = {"--db", "x.db", NULL};
    dz_cli_options options;
    dozan_error err;
    (void)state;
    assert_int_equal(unsetenv("DOZAN_DB"), 0);
    assert_int_equal(parse_for("get", &options, &err, none), DOZAN_OK);
    assert_string_equal(options.db, "dozan.db");
    assert_string_equal(options.job_directory, "dozan.db.d");
    assert_string_equal(options.db_hint, "");
    dz_cli_options_fini(&options);
    assert_int_equal(setenv("DOZAN_DB", "/srv/all.db", 1), 0);
    assert_int_equal(parse_for("get", &options, &err, none), DOZAN_OK);
    assert_string_equal(options.job_directory, "/srv/all.db.d");
    assert_string_equal(options.db_hint, "");
    dz_cli_options_fini(&options);
    assert_int_equal(parse_for("get", &options, &err, named), DOZAN_OK);
    assert_string_equal(options.job_directory, "x.db.d");
    assert_string_equal(options.db_hint, " --db x.db");
    dz_cli_options_fini(&options);
    assert_int_equal(unsetenv("DOZAN_DB"), 0);
}

static void what_is_refused_is_named(void **state)
{
    static const struct {
        const char *command;
        const char *words[3];
        const char *message;
    } cases[] = {
        {"run", {"--paralel", "3"}, "unknown option --paralel; did you mean --parallel?"},
        {"run", {"--qqqqqqqq"}, "unknown option --qqqqqqqq"},
        {"run", {"-x"}, "unknown option -x"},
        {"run", {"--p=1"}, "could be more than one option --p"},
        {"get", {"--parallel=3"}, "unknown option --parallel"},
        {"run", {"--db"}, "--db: its value is missing"},
        {"run", {"--db="}, "--db: the path is empty"},
        {"run", {"--keep=yes"}, "--keep takes no value"},
        {"run", {"--parallel=0"}, "--parallel: \"0\" is no whole number from 1 to 1000000"},
        {"run", {"--parallel=3x"}, "--parallel: \"3x\" is no whole number from 1 to 1000000"},
        {"run", {"--parallel= 3"}, "--parallel: \" 3\" is no whole number from 1 to 1000000"},
        {"run",
         {"--parallel=99999999999999999999"},
         "--parallel: \"99999999999999999999\" is no whole number from 1 to 1000000"},
        {"run", {"-o", "xml"}, "--output: \"xml\" is none of table|json|yaml"},
        {"run", {"-o", "wide"}, "--output: \"wide\" is none of table|json|yaml"},
        {"run", {"-o", "table|json"}, "--output: \"table|json\" is none of table|json|yaml"},
        {"run", {"--set", "spec"}, "--set: \"spec\" has not the form NAME=VALUE"},
        {"run", {"--set", "=5"}, "--set: \"=5\" has not the form NAME=VALUE"},
        {"run", {"--map", "/opt="}, "--map: \"/opt=\" has not the form NAME=VALUE"},
        {"run",
         {"--map", "opt=/tmp"},
         "--map: \"opt\" is no absolute path of the image: write it as in --map /opt/trainer=DIR"},
        {"run",
         {"--map", "/opt=no/such/folder"},
         "--map: \"no/such/folder\", where /opt is to be found, cannot be reached: No such file or "
         "directory"},
        {"run",
         {"--map", "/opt=/no/such/folder"},
         "--map: \"/no/such/folder\", where /opt is to be found, cannot be reached: No such file "
         "or "
         "directory"},
        {"run", {"--durability", "none"}, "--durability: \"none\" is none of full|normal|off"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dz_cli_options options;
        dozan_error err;
        char text[sizeof err.place + sizeof err.message + 4];
        assert_int_equal(parse_for(cases[i].command, &options, &err, cases[i].words),
                         DOZAN_INVALID_ARGUMENT);
        dozan_error_text(&err, text, sizeof text);
        assert_string_equal(text, cases[i].message);
        dz_cli_options_fini(&options);
    }
}

/* ---- the configuration file */

static dozan_status load(const char *text, dz_cli_options *options, dozan_error *err)
{
    static const char *const words[] = {"--plugin", "mine=/cli", "e.yaml", NULL};
    char path[] = "/tmp/dozan-config-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(close(file), 0);
    assert_int_equal(parse_for("run", options, err, words), DOZAN_OK);
    options->config = path;
    dozan_status status = dz_cli_config_load(options, err);
    options->config = NULL;
    assert_int_equal(unlink(path), 0);
    return status;
}

static void the_configuration_adds_what_the_command_line_does_not_say(void **state)
{
    dz_cli_options options;
    dozan_error err;
    (void)state;
    assert_int_equal(load("plugins:\n  mine: /file\n  other: tcp://host:1\n  near: ./near.py\n"
                          "maps: {/opt/a: /b, /opt/c: ../tmp}\n",
                          &options, &err),
                     DOZAN_OK);
    assert_int_equal(options.plugin_count, 3);
    assert_string_equal(options.plugins[0].target, "/cli");
    assert_string_equal(options.plugins[1].target, "tcp://host:1");
    assert_string_equal(options.plugins[2].target, "/tmp/./near.py");
    assert_int_equal(options.map_count, 2);
    assert_string_equal(options.maps[0].from, "/opt/a");
    assert_string_equal(options.maps[0].to, "/b");
    assert_string_equal(options.maps[1].to, "/tmp"); /* from the file's folder */
    dz_cli_options_fini(&options);
    assert_int_equal(load("", &options, &err), DOZAN_OK);
    dz_cli_options_fini(&options);
    assert_int_equal(load("plugins:\n", &options, &err), DOZAN_OK);
    dz_cli_options_fini(&options);
}

static void a_bad_configuration_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *place_end, *message;
    } cases[] = {
        {"[1]\n", ":1", "the file is no mapping with plugins and maps in it"},
        {"plugin:\n  a: b\n", ":1: plugin", "unknown field; there are plugins and maps"},
        {"plugins: x\n", ":1: plugins", "is no mapping of names to targets"},
        {"plugins:\n  a: 1\n", ":2: plugins.a", "has to be a text: a path or a URL"},
        {"plugins:\n  a: ''\n", ":2: plugins.a", "has to be a text: a path or a URL"},
        {"maps:\n  /opt: no/such\n", ":2: maps[/opt]",
         "is not there, counted from the file's folder"},
        {"maps:\n\n  opt: /b\n", ":3: maps.opt", "has to be an absolute path of the image"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dz_cli_options options;
        dozan_error err;
        assert_int_equal(load(cases[i].text, &options, &err), DOZAN_INVALID_ARGUMENT);
        assert_string_equal(err.message, cases[i].message);
        size_t size = strlen(err.place), end = strlen(cases[i].place_end);
        assert_true(size > end);
        assert_string_equal(err.place + size - end, cases[i].place_end);
        dz_cli_options_fini(&options);
    }
}

/* ---- the tables */

static void the_tables_are_whole(void **state)
{
    size_t index;
    (void)state;
    for (const dz_cli_command *command = dz_cli_commands; command->name != NULL; command++) {
        assert_true(command->run != NULL || command->remote != NULL);
        assert_true(command->role == DZ_ROLE_NONE ||
                    (command->run != NULL && command->remote == dz_cli_remote));
        assert_int_equal(command->remote != NULL,
                         (command->options & DZ_OPTION_BIT(TOKEN_FILE)) != 0 &&
                             command->run != dz_cli_context);
        assert_non_null(command->summary);
        assert_true((command->options & DZ_OPTION_BIT(HELP)) != 0);
        assert_int_equal(command->options >> DZ_OPTION_COUNT, 0);
        for (int a = 0; a < DZ_OPTION_COUNT; a++)
            for (int b = 0; b < a; b++)
                if ((command->options >> a & 1) != 0 && (command->options >> b & 1) != 0)
                    assert_string_not_equal(dz_cli_option_table[a].name,
                                            dz_cli_option_table[b].name);
        for (size_t i = 1; i < DZ_CLI_MAX_ARGUMENTS; i++)
            assert_false(command->arguments[i - 1].optional && command->arguments[i].name != NULL &&
                         !command->arguments[i].optional);
    }
    assert_true(dz_cli_word("a|bc|d", "bc", &index));
    assert_int_equal(index, 1);
    assert_false(dz_cli_word("a|bc|d", "b", &index));
    assert_false(dz_cli_word("a|bc|d", "", &index));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_may_be_mixed),
        cmocka_unit_test(targets_of_maps_become_absolute),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(the_database_is_named_once_for_all),
        cmocka_unit_test(what_is_refused_is_named),
        cmocka_unit_test(the_configuration_adds_what_the_command_line_does_not_say),
        cmocka_unit_test(a_bad_configuration_is_refused_with_its_line),
        cmocka_unit_test(the_tables_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
