/*
 * The store as an API reads it: namespaces, versions, what has changed, lists in parts, counts.
 */
#include "support/experiment.h"
#include "support/store_compare.h"

#include "store/changes.h"
#include "store/db.h"

static int set_up(void **state)
{
    store_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture_open(fixture, 11);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static dz_experiment *make(store_fixture *fixture, dz_store *store, const char *namespace_,
                           const char *name, int trials)
{
    dz_experiment *e = fixture_experiment(fixture, name);
    dz_changes changes = {0};
    dz_spec_destroy(e->spec);
    e->spec = test_spec(
        (const char *const[]){"metadata.name", name, "metadata.namespace", namespace_, NULL});
    insert(store, e);
    for (int i = 1; i <= trials; i++)
        fixture_activate(e, fixture_trial(fixture, e, i, DZ_TRIAL_RUNNING));
    e->dirty = true;
    commit(store, e, &changes);
    return e;
}

/* A walk over changes: "EXPERIMENT a/x 5;" and so on. */
typedef struct told {
    char text[2048];
    int64_t last;
    int count;
} told;

static bool tell(void *user, const dz_change *change)
{
    told *t = user;
    size_t used = strlen(t->text);
    assert_true(change->version > t->last);
    assert_true(change->created_version <= change->version);
    t->last = change->version;
    t->count++;
    if (sizeof t->text - used > 64)
        (void)snprintf(t->text + used, sizeof t->text - used, "%s%s/%s%s ",
                       change->deleted ? "-" : "", change->namespace_, change->name,
                       change->kind == DZ_OBJECT_TRIAL ? "!" : "");
    return true;
}

static told changes_since(dz_store *store, int64_t since, int kinds, const char *namespace_)
{
    told t = {.last = since};
    dozan_error err = {0};
    assert_ok(dz_store_changes(store, since, kinds, namespace_, 0, tell, &t, &err), err);
    return t;
}

static int64_t now(dz_store *store)
{
    dozan_error err = {0};
    int64_t version = 0;
    assert_ok(dz_store_version_now(store, &version, &err), err);
    assert_int_equal(version, dz_store_owned_version(store));
    return version;
}

static void test_the_same_name_in_two_namespaces(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *a = make(fixture, store, "a", "bowl", 1), *read = NULL;
    assert_ok(dz_store_load(store, "bowl", &read, &err), err); /* only one has the name */
    assert_int_equal(read->id, a->id);
    dz_experiment_destroy(read);
    dz_experiment *b = make(fixture, store, "b", "bowl", 1);
    assert_int_equal(dz_store_load(store, "bowl", &read, &err), DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "a/bowl, b/bowl"));
    assert_ok(dz_store_load(store, "b/bowl", &read, &err), err);
    assert_int_equal(read->id, b->id);
    dz_experiment_destroy(read);
    dz_experiment *c = make(fixture, store, "default", "bowl", 0);
    assert_ok(dz_store_load(store, "bowl", &read, &err), err); /* the default one goes first */
    assert_int_equal(read->id, c->id);
    dz_experiment_destroy(read);
    assert_int_equal(dz_store_load(store, "c/bowl", &read, &err), DOZAN_NOT_FOUND);
    dz_experiment_destroy(a);
    dz_experiment_destroy(b);
    dz_experiment_destroy(c);
    dz_store_close(store);
}

static void test_changes_come_once_and_in_order(void **state)
{
    enum { BOTH = DZ_OBJECT_EXPERIMENT | DZ_OBJECT_TRIAL };
    store_fixture *fixture = *state;
    dz_changes changes = {0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    dz_experiment *a = make(fixture, store, "a", "x", 2);
    dz_experiment *b = make(fixture, store, "b", "y", 1);
    int64_t begun = now(store);
    assert_int_equal(changes_since(store, begun, BOTH, NULL).count, 0);
    assert_int_equal(changes_since(store, 1, BOTH, NULL).count, 5);
    assert_int_equal(changes_since(store, 1, DZ_OBJECT_EXPERIMENT, NULL).count, 2);
    assert_int_equal(changes_since(store, 1, DZ_OBJECT_TRIAL, "a").count, 2);

    a->active[0]->dirty = true; /* twice: told once, with the last version */
    commit(store, a, &changes);
    a->active[0]->dirty = true;
    commit(store, a, &changes);
    told t = changes_since(store, begun, BOTH, NULL);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.last, now(store));

    int64_t before_end = now(store);
    (void)fixture_log(fixture, a, &changes, DOZAN_EVENT_COMPLETED, 1);
    fixture_end(a, 0, DZ_TRIAL_SUCCEEDED, &changes);
    a->dirty = true;
    commit(store, a, &changes);
    t = changes_since(store, before_end, BOTH, NULL);
    assert_int_equal(t.count, 2);
    assert_string_equal(strncmp(t.text, "a/x ", 4) == 0 ? "a/x" : t.text, "a/x");

    /* a report is no change of the experiment's */
    int64_t version = a->version;
    (void)fixture_log(fixture, a, &changes, DOZAN_EVENT_REPORT, 2);
    a->dirty = false;
    commit(store, a, &changes);
    assert_int_equal(a->version, version);
    dz_experiment *read = NULL;
    dozan_error err = {0};
    assert_ok(dz_store_load_id(store, a->id, &read, &err), err);
    assert_int_equal(read->last_seq, a->last_seq);
    assert_int_equal(read->version, version);
    dz_experiment_destroy(read);

    int64_t before = now(store);
    assert_ok(dz_store_delete(store, b->id, &err), err);
    t = changes_since(store, before, BOTH, NULL);
    assert_int_equal(t.count, 2);
    assert_non_null(strstr(t.text, "-b/y "));
    assert_int_equal(changes_since(store, before, BOTH, "a").count, 0);
    int64_t after = now(store);
    dz_store_close(store);

    /* the counter goes on where it was, whoever is the owner */
    store = open_owned(fixture, DZ_DURABILITY_OFF);
    assert_int_equal(now(store), after);
    dz_experiment_destroy(a);
    dz_experiment_destroy(b);
    dz_store_close(store);
}

/* What is forgotten of deletions is told as too old, and never passed over. */
static void test_old_deletions_are_forgotten(void **state)
{
    store_fixture *fixture = *state;
    dozan_error err = {0};
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    static const char many_trials[] =
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) "
        "INSERT INTO trials SELECT experiment, n.i, name || n.i, active, state, stop_cause,"
        " attempt, failures, losses, assignments, labels, observations, judged_dirty, "
        "created_ms, started_ms, ended_ms, not_before_ms, cpu_milli, gpus, reason, message,"
        " version, created_version FROM trials, n";
    told t = {0};
    int64_t oldest = 0;
    for (int i = 0; i < 3; i++) {
        dz_experiment *e = make(fixture, store, "a", "large", 1);
        assert_int_equal(sqlite3_exec(store->db, many_trials, NULL, NULL, NULL), SQLITE_OK);
        e->trial_count = 6000;
        e->dirty = true;
        dz_changes none = {0};
        commit(store, e, &none);
        assert_ok(dz_store_delete(store, e->id, &err), err);
        dz_experiment_destroy(e);
    }
    assert_ok(dz_store_version_oldest(store, &oldest, &err), err);
    assert_true(oldest > 1);
    assert_int_equal(dz_store_changes(store, oldest - 1, 3, NULL, 0, tell, &t, &err),
                     DOZAN_OUT_OF_RANGE);
    t = changes_since(store, oldest, 3, NULL);
    assert_int_equal(t.count, 10000);
    dz_store_close(store);
}

static bool list_name(void *user, const dz_experiment *e)
{
    size_t used = strlen(user);
    (void)snprintf((char *)user + used, 256 - used, "%s/%s ", e->spec->namespace_, e->spec->name);
    return true;
}

static bool list_trial(void *user, const dz_experiment *e, const dz_trial *trial)
{
    size_t used = strlen(user);
    (void)snprintf((char *)user + used, 256 - used, "%s%lld ", e->spec->name,
                   (long long)trial->number);
    return true;
}

static bool list_counts(void *user, const dz_counts *counts)
{
    size_t used = strlen(user);
    int64_t experiments = 0;
    for (int i = 0; i < DZ_EXPERIMENT_STATE_COUNT; i++)
        experiments += counts->experiments[i];
    (void)snprintf((char *)user + used, 256 - used, "%s %lld; ", counts->namespace_,
                   (long long)experiments);
    return true;
}

static void test_lists_go_on_where_they_ended(void **state)
{
    static const char *const names[][2] = {{"b", "m"}, {"a", "z"}, {"a", "k"}};
    store_fixture *fixture = *state;
    dozan_error err = {0};
    char text[256] = "";
    dz_store *store = open_owned(fixture, DZ_DURABILITY_OFF);
    int64_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        dz_experiment *e = make(fixture, store, names[i][0], names[i][1], 3);
        ids[i] = e->id;
        dz_experiment_destroy(e);
    }
    dz_list_from from = {0};
    assert_ok(dz_store_list_experiments(store, NULL, &from, 2, list_name, text, &err), err);
    assert_string_equal(text, "a/k a/z ");
    from = (dz_list_from){.namespace_ = "a", .name = "z"};
    assert_ok(dz_store_list_experiments(store, NULL, &from, 2, list_name, text, &err), err);
    assert_string_equal(text, "a/k a/z b/m ");
    text[0] = '\0';
    assert_ok(dz_store_list_experiments(store, "a", NULL, 0, list_name, text, &err), err);
    assert_string_equal(text, "a/k a/z ");

    text[0] = '\0';
    assert_ok(dz_store_list_trials(store, NULL, NULL, 4, list_trial, text, &err), err);
    assert_string_equal(text, "m1 m2 m3 z1 ");
    from = (dz_list_from){.experiment_id = ids[1], .trial = 1};
    assert_ok(dz_store_list_trials(store, NULL, &from, 0, list_trial, text, &err), err);
    assert_string_equal(text, "m1 m2 m3 z1 z2 z3 k1 k2 k3 ");
    text[0] = '\0';
    assert_ok(dz_store_list_trials(store, "a", NULL, 0, list_trial, text, &err), err);
    assert_string_equal(text, "z1 z2 z3 k1 k2 k3 ");
    /* the experiment that the last part ended in is gone */
    assert_ok(dz_store_delete(store, ids[1], &err), err);
    text[0] = '\0';
    assert_ok(dz_store_list_trials(store, NULL, &from, 0, list_trial, text, &err), err);
    assert_string_equal(text, "k1 k2 k3 ");
    text[0] = '\0';
    assert_ok(dz_store_counts(store, list_counts, text, &err), err);
    assert_string_equal(text, "a 1; b 1; ");
    dz_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_name_in_two_namespaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changes_come_once_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_deletions_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists_go_on_where_they_ended, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
