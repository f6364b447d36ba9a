/*
 * Who may do what: the file of users, tokens, certificates, and roles by namespace.
 */
#include "auth/auth.h"

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

/* SHA-256 of "abc", from FIPS 180-4's examples. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000001"

static const char good[] = "users:\n"
                           "  - name: alice\n"
                           "    tokenSha256: " ABC "\n"
                           "    grants:\n"
                           "      - {role: editor, namespaces: [vision, speech]}\n"
                           "      - {role: viewer}\n"
                           "  - name: robot\n"
                           "    certificate: robot.example.org\n"
                           "    grants: [{role: admin, namespaces: [vision]}]\n";

static dz_auth *parse(const char *text)
{
    dz_auth *auth = NULL;
    dozan_error err = {0};
    dozan_status status = dz_auth_parse(text, strlen(text), "users.yaml", &auth, &err);
    if (status != DOZAN_OK)
        print_message("%s: %s\n", err.place, err.message);
    assert_int_equal(status, DOZAN_OK);
    return auth;
}

static void a_token_and_a_certificate_name_their_user(void **state)
{
    (void)state;
    dz_auth *auth = parse(good);
    assert_int_equal(dz_auth_user_count(auth), 2);
    const dz_auth_user *alice = dz_auth_by_token(auth, "abc", 3);
    assert_non_null(alice);
    assert_string_equal(dz_auth_user_name(alice), "alice");
    assert_null(dz_auth_by_token(auth, "abd", 3));
    assert_null(dz_auth_by_token(auth, "ab", 2));
    assert_null(dz_auth_by_token(auth, "", 0));
    const dz_auth_user *robot = dz_auth_by_certificate(auth, "robot.example.org");
    assert_non_null(robot);
    assert_string_equal(dz_auth_user_name(robot), "robot");
    assert_null(dz_auth_by_certificate(auth, "alice"));
    dz_auth_destroy(auth);
}

static void a_role_counts_in_the_namespaces_of_its_grant(void **state)
{
    (void)state;
    dz_auth *auth = parse(good);
    const dz_auth_user *alice = dz_auth_by_token(auth, "abc", 3);
    const dz_auth_user *robot = dz_auth_by_certificate(auth, "robot.example.org");
    assert_int_equal(dz_auth_role(alice, "vision"), DZ_ROLE_EDITOR);
    assert_int_equal(dz_auth_role(alice, "speech"), DZ_ROLE_EDITOR);
    assert_int_equal(dz_auth_role(alice, "default"), DZ_ROLE_VIEWER);
    assert_int_equal(dz_auth_role(alice, NULL), DZ_ROLE_VIEWER);
    assert_int_equal(dz_auth_role(robot, "vision"), DZ_ROLE_ADMIN);
    assert_int_equal(dz_auth_role(robot, "visio"), DZ_ROLE_NONE);
    assert_int_equal(dz_auth_role(robot, "speech"), DZ_ROLE_NONE);
    assert_int_equal(dz_auth_role(robot, NULL), DZ_ROLE_NONE);
    dz_auth_destroy(auth);
}

static void the_bearer_scheme_is_read_in_any_case_and_nothing_else_is(void **state)
{
    (void)state;
    size_t size = 0;
    assert_string_equal(dz_auth_bearer("Bearer abc", &size), "abc");
    assert_int_equal(size, 3);
    assert_string_equal(dz_auth_bearer("bEARER   abc", &size), "abc");
    assert_null(dz_auth_bearer("Basic abc", &size));
    assert_null(dz_auth_bearer("Bearer", &size));
    assert_null(dz_auth_bearer("Bearer ", &size));
    assert_null(dz_auth_bearer("Bearer a b", &size));
    assert_null(dz_auth_bearer("Bearerabc", &size));
    assert_null(dz_auth_bearer(NULL, &size));
}

static void what_is_wrong_in_the_file_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *message;
    } rows[] = {
        {"", "users.yaml", "empty"},
        {"[]", "users.yaml", "list of users"},
        {"users: []", "users.yaml:1: users", "at least one user"},
        {"user: []", "users.yaml:1: user", "users"},
        {"users: [3]", "users.yaml:1: users[0]", "name"},
        {"users:\n- name: a\n  grants: [{role: admin}]", "users.yaml:2: users[0]", "tokenSha256"},
        {"users:\n- name: a\n  token: x", "users.yaml:3: users[0].token", "unknown field"},
        {"users:\n- name: a\n  tokenSha256: abc\n  grants: [{role: admin}]",
         "users.yaml:3: users[0].tokenSha256", "64 hexadecimal"},
        {"users:\n- name: a\n  tokenSha256: " ABC, "users.yaml:2: users[0]", "grants"},
        {"users:\n- name: a\n  tokenSha256: " ABC "\n  grants: [{role: root}]",
         "users.yaml:4: users[0].grants[0]", "viewer, editor or admin"},
        {"users:\n- name: a\n  tokenSha256: " ABC "\n  grants: [{role: none}]",
         "users.yaml:4: users[0].grants[0]", "viewer, editor or admin"},
        {"users:\n- name: a\n  tokenSha256: " ABC "\n  grants: [{role: admin, namespaces: []}]",
         "users.yaml:4: users[0].grants[0].namespaces", "leave it out"},
        {"users:\n- {name: a, tokenSha256: " ABC ", grants: [{role: admin}]}\n"
         "- {name: b, tokenSha256: " ABC ", grants: [{role: admin}]}",
         "users.yaml:3: users[1]", "token of a"},
        {"users:\n- {name: a, tokenSha256: " ABC ", grants: [{role: admin}]}\n"
         "- {name: a, tokenSha256: " OTHER ", grants: [{role: admin}]}",
         "users.yaml:3: users[1]", "two users named a"},
        {"users:\n- {name: a, certificate: c, grants: [{role: admin}]}\n"
         "- {name: b, certificate: c, grants: [{role: admin}]}",
         "users.yaml:3: users[1]", "certificate of a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof *rows; i++) {
        dz_auth *auth = NULL;
        dozan_error err = {0};
        assert_int_equal(
            dz_auth_parse(rows[i].text, strlen(rows[i].text), "users.yaml", &auth, &err),
            DOZAN_INVALID_ARGUMENT);
        assert_null(auth);
        assert_string_equal(err.place, rows[i].place);
        if (strstr(err.message, rows[i].message) == NULL)
            fail_msg("row %zu: %s", i, err.message);
    }
}

static void a_file_that_everybody_may_write_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/dozan-auth-XXXXXX";
    int fd = mkstemp(path);
    dz_auth *auth = NULL;
    dozan_error err = {0};
    assert_true(fd >= 0);
    assert_int_equal(write(fd, good, sizeof(good) - 1), sizeof(good) - 1);
    assert_int_equal(fchmod(fd, 0602), 0);
    assert_int_equal(dz_auth_read(path, &auth, &err), DOZAN_PERMISSION_DENIED);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(dz_auth_read(path, &auth, &err), DOZAN_OK);
    dz_auth_destroy(auth);
    close(fd);
    unlink(path);
    assert_int_equal(dz_auth_read(path, &auth, &err), DOZAN_NOT_FOUND);
}

static dozan_status counted(void *bytes, size_t size, dozan_error *err)
{
    (void)err;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(0xff - i);
    return DOZAN_OK;
}

static void a_new_token_is_the_one_that_its_hash_admits(void **state)
{
    (void)state;
    char token[DZ_AUTH_TOKEN_TEXT], hash[DZ_AUTH_HASH_TEXT], text[512];
    dozan_error err = {0};
    assert_int_equal(dz_auth_new_token(counted, token, hash, &err), DOZAN_OK);
    assert_int_equal(strlen(token), 3 + 43);
    assert_int_equal(strspn(token + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_"),
                     43);
    assert_int_equal(strlen(hash), 64);
    int written =
        snprintf(text, sizeof(text),
                 "users:\n- {name: a, tokenSha256: \"%s\", grants: [{role: viewer}]}\n", hash);
    assert_true(written > 0);
    dz_auth *auth = parse(text);
    assert_non_null(dz_auth_by_token(auth, token, strlen(token)));
    token[5]++;
    assert_null(dz_auth_by_token(auth, token, strlen(token)));
    dz_auth_destroy(auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_and_a_certificate_name_their_user),
        cmocka_unit_test(a_role_counts_in_the_namespaces_of_its_grant),
        cmocka_unit_test(the_bearer_scheme_is_read_in_any_case_and_nothing_else_is),
        cmocka_unit_test(what_is_wrong_in_the_file_is_told_with_its_line),
        cmocka_unit_test(a_file_that_everybody_may_write_is_refused),
        cmocka_unit_test(a_new_token_is_the_one_that_its_hash_admits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
