/*
 * spec.onSuccess.register: what becomes of the best trial's model.
 *
 *   onSuccess:
 *     register:
 *       model: digits          # the registered model
 *       artifact: classifier   # the name that the trial has logged it by; else its last one
 *       alias: champion        # and/or stage: Production
 *       ifBetter: {}           # only if it is better than the one that has it now; {metric, type}
 */
#include "spec/validate.h"

#include <string.h>

enum { NAME_MAX_BYTES = 256 };

static const dz_word stage_words[] = {
    {"None", 0}, {"Staging", 1}, {"Production", 2}, {"Archived", 3}};

static void check_name(const dz_check *check, const dz_node *node, const char *forbidden);

void dz_check_on_success(const dz_check *check)
{
    const dz_node *parent = dz_node_get(check->spec, "onSuccess");
    const dz_node *node = dz_node_get(parent, "register");
    const dz_node *stage = dz_node_get(node, "stage"), *alias = dz_node_get(node, "alias");
    const dz_node *type = dz_node_get(dz_node_get(node, "ifBetter"), "type");
    if (parent == NULL || parent->kind != DZ_NODE_MAP)
        return;
    if (node == NULL)
        dz_reject(check->findings, parent, "register", "must be specified");
    if (node == NULL || node->kind != DZ_NODE_MAP)
        return;
    if (dz_node_blank(dz_node_get(node, "model")))
        dz_reject(check->findings, node, "model", "must be specified: the registered model's name");
    check_name(check, dz_node_get(node, "model"), "/:");
    check_name(check, dz_node_get(node, "artifact"), "/:");
    check_name(check, alias, "/:@ ");
    if (dz_node_is(alias, DZ_SCALAR_STRING) &&
        (strcmp(alias->text, "latest") == 0 ||
         (alias->text[0] == 'v' && alias->text[1] != '\0' &&
          alias->text[1 + strspn(alias->text + 1, "0123456789")] == '\0')))
        dz_reject(check->findings, alias, NULL, "\"%.64s\" is a word of MLflow's own", alias->text);
    if (dz_node_is(stage, DZ_SCALAR_STRING) && DZ_WORD_VALUE(stage_words, stage->text) < 0)
        dz_reject(check->findings, stage, NULL,
                  "is \"%.64s\", and must be None, Staging, Production or Archived", stage->text);
    if (dz_node_is(type, DZ_SCALAR_STRING) && strcmp(type->text, "minimize") != 0 &&
        strcmp(type->text, "maximize") != 0)
        dz_reject(check->findings, type, NULL, "is \"%.64s\", and must be minimize or maximize",
                  type->text);
}

static void check_name(const dz_check *check, const dz_node *node, const char *forbidden)
{
    if (!dz_node_is(node, DZ_SCALAR_STRING))
        return;
    if (strlen(node->text) > NAME_MAX_BYTES || strpbrk(node->text, forbidden) != NULL)
        dz_reject(check->findings, node, NULL,
                  "\"%.64s\" is no name: it has more than %d bytes, or one of \"%s\"", node->text,
                  (int)NAME_MAX_BYTES, forbidden);
}
