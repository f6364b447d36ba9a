/*
 * Which service a command works on, and contexts: every order of precedence, and every mistake in
 * the file.
 */
#include "cli/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char contexts_text[] = "current: team\n"
                                    "contexts:\n"
                                    "  team:\n"
                                    "    server: https://team:1\n"
                                    "    namespace: vision\n"
                                    "    token-file: /team.token\n"
                                    "  other: {server: 'https://other:1'}\n";

typedef struct place {
    char folder[64];
    char path[128];
} place;

static void write_contexts(const place *here, const char *text)
{
    FILE *file = fopen(here->path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    static place here;
    char folder[96];
    (void)snprintf(here.folder, sizeof(here.folder), "/tmp/dozan-target-XXXXXX");
    if (mkdtemp(here.folder) == NULL)
        return -1;
    (void)snprintf(folder, sizeof(folder), "%s/dozan", here.folder);
    (void)snprintf(here.path, sizeof(here.path), "%s/contexts.yaml", folder);
    *state = &here;
    return mkdir(folder, S_IRWXU) != 0 || setenv("XDG_CONFIG_HOME", here.folder, 1) != 0;
}

static int tear_down(void **state)
{
    const place *here = *state;
    char folder[96];
    (void)snprintf(folder, sizeof(folder), "%s/dozan", here->folder);
    (void)unlink(here->path);
    return rmdir(folder) != 0 || rmdir(here->folder) != 0;
}

static void set(const char *name, const char *value)
{
    assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void assert_text(const char *got, const char *wanted)
{
    if (wanted == NULL)
        assert_null(got);
    else
        assert_string_equal(got != NULL ? got : "(nothing)", wanted);
}

static void what_is_nearer_goes_first(void **state)
{
    const struct {
        dz_cli_options options;
        const char *server_environment, *db_environment, *token_environment;
        const char *server, *namespace_, *token, *origin;
    } cases[] = {
        {.server = "https://team:1",
         .namespace_ = "vision",
         .token = "/team.token",
         .origin = "context team"},
        {.db_environment = "a.db"},
        {.options = {.db_given = true}, .server_environment = "http://env:1"},
        {.server_environment = "http://env:1",
         .db_environment = "a.db",
         .token_environment = "/env.token",
         .server = "http://env:1",
         .namespace_ = "default",
         .token = "/env.token",
         .origin = "$DOZAN_SERVER"},
        /* a token of the environment is not for a context's server */
        {.options = {.context = "other"},
         .server_environment = "http://env:1",
         .token_environment = "/env.token",
         .server = "https://other:1",
         .namespace_ = "default",
         .origin = "context other"},
        {.options = {.context = "local"}, .server_environment = "http://env:1"},
        {.options = {.server = "http://given:1", .namespace_ = "speech"},
         .server_environment = "http://env:1",
         .server = "http://given:1",
         .namespace_ = "speech",
         .origin = "--server"},
        {.options = {.namespace_ = "speech", .token_file = "/mine"},
         .server = "https://team:1",
         .namespace_ = "speech",
         .token = "/mine",
         .origin = "context team"},
        {.options = {.context = "team"},
         .db_environment = "a.db",
         .server = "https://team:1",
         .namespace_ = "vision",
         .token = "/team.token",
         .origin = "context team"},
    };
    write_contexts(*state, contexts_text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dz_target target;
        dozan_error err = {0};
        set("DOZAN_SERVER", cases[i].server_environment);
        set("DOZAN_DB", cases[i].db_environment);
        set("DOZAN_TOKEN_FILE", cases[i].token_environment);
        set("DOZAN_CERTIFICATE_AUTHORITY", NULL);
        assert_int_equal(dz_target_choose(&cases[i].options, &target, &err), DOZAN_OK);
        assert_text(target.server, cases[i].server);
        if (target.server != NULL) {
            assert_text(target.namespace_, cases[i].namespace_);
            assert_text(target.token_file, cases[i].token);
            assert_text(target.origin, cases[i].origin);
        }
        dz_target_fini(&target);
    }
    set("DOZAN_SERVER", NULL);
    set("DOZAN_DB", NULL);
    set("DOZAN_TOKEN_FILE", NULL);
}

static void what_excludes_each_other_is_refused(void **state)
{
    const struct {
        dz_cli_options options;
        dozan_status status;
        const char *message;
    } cases[] = {
        {{.server = "http://a:1", .context = "team"},
         DOZAN_INVALID_ARGUMENT,
         "--server names the service already: leave one of them out"},
        {{.server = "http://a:1", .db_given = true},
         DOZAN_INVALID_ARGUMENT,
         "a service has its own database: leave --db out, or --server"},
        {{.context = "team", .db_given = true},
         DOZAN_INVALID_ARGUMENT,
         "a service has its own database: leave --db out, or --context"},
        {{.context = "teem"}, DOZAN_NOT_FOUND, "there is no context \"teem\"; did you mean team?"},
    };
    write_contexts(*state, contexts_text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dz_target target;
        dozan_error err = {0};
        assert_int_equal(dz_target_choose(&cases[i].options, &target, &err), cases[i].status);
        assert_string_equal(err.message, cases[i].message);
        dz_target_fini(&target);
    }
}

static void a_bad_file_is_refused_with_its_line(void **state)
{
    const struct {
        const char *text, *place_end, *message;
    } cases[] = {
        {"[]\n", ":1", "the file is no mapping with current and contexts in it"},
        {"currrent: x\n", ":1: currrent", "unknown field; there are current and contexts"},
        {"current: [x]\n", ":1: current", "has to be the name of a context"},
        {"contexts: x\n", ":1: contexts", "is no mapping of names to contexts"},
        {"contexts:\n  a: {}\n", ":2: contexts.a", "has to be a mapping with a server in it"},
        {"contexts:\n  a:\n    server: x\n    sever: y\n", ":4: contexts.a.sever",
         "unknown field of a context"},
        {"contexts:\n  a:\n    server: x\n    namespace: 3\n", ":4: contexts.a.namespace",
         "has to be a text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dz_contexts contexts;
        dozan_error err = {0};
        write_contexts(*state, cases[i].text);
        assert_int_equal(dz_contexts_read(&contexts, &err), DOZAN_INVALID_ARGUMENT);
        assert_string_equal(err.message, cases[i].message);
        size_t size = strlen(err.place), end = strlen(cases[i].place_end);
        assert_true(size > end);
        assert_string_equal(err.place + size - end, cases[i].place_end);
        dz_contexts_fini(&contexts);
    }
}

static void what_is_written_is_read(void **state)
{
    const place *here = *state;
    dz_contexts contexts, again;
    dozan_error err = {0};
    struct stat info;
    write_contexts(here, "\n");
    assert_int_equal(dz_contexts_read(&contexts, &err), DOZAN_OK);
    assert_string_equal(dz_contexts_current(&contexts), "local");
    assert_null(dz_contexts_list(&contexts));
    cJSON *context = cJSON_AddObjectToObject(cJSON_AddObjectToObject(contexts.tree, "contexts"),
                                             "yes: [odd] \"name\"");
    assert_non_null(cJSON_AddStringToObject(context, "server", "http://a:1"));
    assert_non_null(cJSON_AddStringToObject(context, "namespace", "123"));
    assert_int_equal(dz_contexts_write(&contexts, &err), DOZAN_OK);
    assert_int_equal(dz_contexts_read(&again, &err), DOZAN_OK);
    assert_true(cJSON_Compare(contexts.tree, again.tree, true));
    assert_int_equal(stat(here->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    dz_contexts_fini(&contexts);
    dz_contexts_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_nearer_goes_first),
        cmocka_unit_test(what_excludes_each_other_is_refused),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
