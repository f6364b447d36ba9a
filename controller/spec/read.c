/*
 * From a document's text to a checked specification: parse, override, check types, default, check
 * values, decode. Each step goes on after a finding as far as the next can still make sense of the
 * tree.
 */
#include "spec/decode.h"
#include "spec/defaults.h"
#include "spec/experiment.h"
#include "spec/findings.h"
#include "spec/project.h"
#include "spec/schema.h"
#include "spec/tree.h"
#include "spec/validate.h"

#include <stdlib.h>
#include <string.h>

enum { PLACE_BYTES = 1024 };

static void apply_overrides(dz_tree *tree, const dz_override *overrides, size_t count,
                            dz_findings *findings);
static bool check_tree(dz_tree *tree, dz_findings *findings);
static dozan_status finish(dz_tree *tree, dz_findings *findings, dozan_status status,
                           dz_experiment_spec **spec, dz_problems *problems);

dozan_status dz_spec_read(const char *text, size_t size, const char *name,
                          const dz_override *overrides, size_t override_count,
                          dz_experiment_spec **spec, dz_problems *problems)
{
    dz_findings findings;
    dz_tree *tree = NULL;
    dozan_error err = {0};
    dozan_status status = DOZAN_OK;

    *problems = (dz_problems){.warnings_only = true};
    if (!dz_findings_init(&findings, name)) {
        return DOZAN_RESOURCE_EXHAUSTED;
    }
    status = dz_tree_parse(text, size, name, &tree, &err);
    if (status != DOZAN_OK) {
        dz_reject_error(&findings, &err);
    } else {
        apply_overrides(tree, overrides, override_count, &findings);
        if (!check_tree(tree, &findings)) {
            status = DOZAN_RESOURCE_EXHAUSTED;
        }
    }
    status = finish(tree, &findings, status, spec, problems);
    dz_findings_fini(&findings);
    return status;
}

dozan_status dz_spec_place(const char *text, size_t size, const char *name,
                           const dz_override *overrides, size_t override_count, const char *path,
                           char **place)
{
    dz_tree *tree = NULL;
    const dz_node *node = NULL;
    bool whole = false;
    dozan_buf buf;
    dozan_buf found;
    dozan_error err = {0};
    dozan_status status = dz_tree_parse(text, size, name, &tree, &err);

    if (status != DOZAN_OK) {
        return status;
    }
    for (size_t i = 0; i < override_count; i++) {
        /* a bad one was told when the document was read */
        (void)!dz_tree_set(tree, overrides[i].path, overrides[i].value, &err);
    }
    dozan_buf_init(&found, PLACE_BYTES);
    dozan_buf_init(&buf, PLACE_BYTES + strlen(name) + strlen(path));
    node = dz_node_find(dz_tree_root(tree), path, &whole);
    dz_node_path(node, &found);
    if (node->line > 0) {
        dozan_buf_printf(&buf, "%s:%u: ", name, node->line);
    } else {
        dozan_buf_puts(&buf, "--set ");
    }
    dozan_buf_puts(&buf, found.size > 0 ? found.data : path);
    dozan_buf_fini(&found);
    dz_tree_destroy(tree);
    *place = dozan_buf_take(&buf);
    dozan_buf_fini(&buf);
    return *place != NULL ? DOZAN_OK : DOZAN_RESOURCE_EXHAUSTED;
}

static void apply_overrides(dz_tree *tree, const dz_override *overrides, size_t count,
                            dz_findings *findings)
{
    for (size_t i = 0; i < count; i++) {
        dozan_error err = {0};
        if (dz_tree_set(tree, overrides[i].path, overrides[i].value, &err) != DOZAN_OK) {
            dz_reject_error(findings, &err);
        }
    }
}

/* False when there is no memory. */
static bool check_tree(dz_tree *tree, dz_findings *findings)
{
    dz_check check = {.tree = tree, .findings = findings, .root = dz_tree_root(tree)};

    dz_schema_check(&dz_schema_experiment, dz_tree_root(tree), findings);
    if (check.root->kind != DZ_NODE_MAP || findings->too_large) {
        return true;
    }
    check.spec = dz_node_get(check.root, "spec");
    if (check.spec == NULL) {
        dz_reject(findings, check.root, "spec", "must be specified");
    }
    if (check.spec == NULL || check.spec->kind != DZ_NODE_MAP) {
        return true;
    }
    if (!dz_project_expand(&check) || !dz_defaults_apply(tree)) {
        return false;
    }
    dz_check_experiment(&check);
    return !findings->no_memory;
}

/* Decodes a tree without errors, and hands out the findings. Takes the tree. */
static dozan_status finish(dz_tree *tree, dz_findings *findings, dozan_status status,
                           dz_experiment_spec **spec, dz_problems *problems)
{
    dz_experiment_spec *made = NULL;

    if (findings->fatal && status == DOZAN_OK) {
        status = DOZAN_INVALID_ARGUMENT;
    }
    if (status == DOZAN_OK) {
        made = dz_decode_experiment(tree);
        status = made != NULL ? DOZAN_OK : DOZAN_RESOURCE_EXHAUSTED;
    }
    if (!dz_findings_publish(findings, problems)) {
        status = DOZAN_RESOURCE_EXHAUSTED;
    }
    if (status == DOZAN_OK) {
        *spec = made;
        return DOZAN_OK;
    }
    if (made != NULL) {
        dz_spec_destroy(made);
    } else {
        dz_tree_destroy(tree);
    }
    return status;
}
