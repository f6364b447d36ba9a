/*
 * Removing a folder: all of it, and nothing besides.
 */
#include "runners/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(base, sizeof base, "/tmp/dozan-remove-XXXXXX");
    return mkdtemp(base) == NULL || chdir(base) != 0;
}

static int tear_down(void **state)
{
    dozan_error err;
    (void)state;
    if (chdir("/tmp") != 0)
        return 1;
    return dz_remove_below("/tmp", strrchr(base, '/') + 1, &err) != DOZAN_OK;
}

static void make_file(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
}

static bool there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void a_tree_goes_whole_and_its_neighbours_stay(void **state)
{
    dozan_error err = {0};
    (void)state;
    assert_int_equal(mkdir("a", 0700), 0);
    assert_int_equal(mkdir("a/trial", 0700), 0);
    assert_int_equal(mkdir("a/trial/1", 0700), 0);
    make_file("a/trial/1/output");
    make_file("a/.hidden");
    assert_int_equal(mkdir("ab", 0700), 0);
    assert_int_equal(dz_remove_below(base, "a", &err), DOZAN_OK);
    assert_false(there("a"));
    assert_true(there("ab"));
    assert_int_equal(dz_remove_below(base, "a", &err), DOZAN_OK); /* as good as removed */
    assert_int_equal(dz_remove_below("absent", "a", &err), DOZAN_OK);
}

static void links_are_removed_and_never_followed(void **state)
{
    dozan_error err = {0};
    (void)state;
    assert_int_equal(mkdir("outside", 0700), 0);
    make_file("outside/kept");
    assert_int_equal(mkdir("b", 0700), 0);
    assert_int_equal(symlink("../outside", "b/folder"), 0);
    assert_int_equal(symlink("../outside/kept", "b/file"), 0);
    assert_int_equal(symlink("b", "b/itself"), 0);
    assert_int_equal(symlink("nowhere", "b/dangling"), 0);
    assert_int_equal(symlink("outside", "c"), 0);
    assert_int_equal(dz_remove_below(base, "b", &err), DOZAN_OK);
    assert_false(there("b"));
    assert_int_equal(dz_remove_below(base, "c", &err), DOZAN_OK);
    assert_false(there("c"));
    assert_true(there("outside/kept"));
}

static void a_name_is_one_folder_below(void **state)
{
    static const char *const names[] = {"", ".", "..", "../x", "a/b", "/tmp", "a/"};
    dozan_error err = {0};
    (void)state;
    make_file("kept");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(dz_remove_below(base, names[i], &err), DOZAN_INVALID_ARGUMENT);
    assert_true(there("kept"));
}

static void a_tree_too_deep_is_refused_not_overrun(void **state)
{
    dozan_error err = {0};
    (void)state;
    int folder = open(base, O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 200; depth++) {
        assert_int_equal(mkdirat(folder, "d", 0700), 0);
        int next = openat(folder, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        assert_int_equal(close(folder), 0);
        folder = next;
    }
    assert_int_equal(close(folder), 0);
    assert_int_not_equal(dz_remove_below(base, "d", &err), DOZAN_OK);
    assert_true(there("d"));
    assert_int_equal(
        rename("d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/"
               "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/"
               "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d",
               "rest"),
        0);
    assert_int_equal(dz_remove_below(base, "d", &err), DOZAN_OK);
    assert_int_equal(dz_remove_below(base, "rest", &err), DOZAN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tree_goes_whole_and_its_neighbours_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(links_are_removed_and_never_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_is_one_folder_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tree_too_deep_is_refused_not_overrun, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
