/*
 * Fuzzes rendering, the taking of a command, and conditions. The input's lines are, in turn: a
 * value of the search parameter, a word of the command, a condition, a path to map from. A rendered
 * object must survive being written and read as JSON, whatever the value was.
 */
#include "spec/template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char placeholder_name[] = "lr", container_name[] = "main", space_name[] = "default";
static char reference[] = "lr", trial_reference[] = "${trialSpec.Name}", trial_name[] = "n";

/* A specification made by hand: only what rendering reads. */
static cJSON *make_object(const char *word)
{
    cJSON *object = cJSON_Parse(
        "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"labels\":{"
        "\"${trialParameters.lr}\":\"${trialParameters.n}\"}},\"spec\":{\"template\":{\"spec\":{"
        "\"containers\":[{\"name\":\"main\",\"command\":[\"run\",\"--lr=${trialParameters.lr}\"],"
        "\"env\":[{\"name\":\"A\",\"value\":\"$(B)${trialParameters.lr}\"}]}]}}}}");
    cJSON *spec = cJSON_GetObjectItem(cJSON_GetObjectItem(object, "spec"), "template");
    cJSON *containers = cJSON_GetObjectItem(cJSON_GetObjectItem(spec, "spec"), "containers");
    cJSON *command = cJSON_GetObjectItem(cJSON_GetArrayItem(containers, 0), "command");
    cJSON *added = cJSON_CreateString(word);

    if (object == NULL || added == NULL || !cJSON_AddItemToArray(command, added)) {
        abort();
    }
    return object;
}

static void check_rendered(const dz_experiment_spec *spec, const cJSON *object, const char *from)
{
    const dz_path_map map = {from, "/mapped"};
    char *json = cJSON_PrintUnformatted(object);
    cJSON *again = json == NULL ? NULL : cJSON_Parse(json);
    dz_command *command = NULL;
    dozan_error err = {0};

    if (again == NULL || !cJSON_Compare(object, again, true)) {
        abort();
    }
    if (dz_template_command(spec, object, &map, 1, &command, &err) != DOZAN_OK) {
        abort();
    }
    dz_command_destroy(command);
    cJSON_Delete(again);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dz_trial_parameter parameters[] = {{placeholder_name, reference, NULL},
                                       {trial_name, trial_reference, NULL}};
    dz_experiment_spec spec = {.namespace_ = space_name,
                               .primary_container_name = container_name,
                               .trial_parameters = parameters,
                               .trial_parameter_count = 2};
    char *text = malloc(size + 1);
    char *lines[4];
    char *rest = text;
    cJSON *object = NULL;
    dozan_error err = {0};
    bool holds = false;

    if (text == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    for (size_t i = 0; i < 4; i++) {
        lines[i] = rest;
        rest += strcspn(rest, "\n");
        if (*rest == '\n') {
            *rest++ = '\0';
        }
    }
    spec.trial_spec = make_object(lines[1]);
    spec.collector = size % 2 == 0 ? DZ_COLLECTOR_STDOUT : DZ_COLLECTOR_PUSH;
    {
        const dozan_pair assignment = {reference, lines[0]};
        if (dz_template_render(&spec, "t-1", &assignment, 1, &object, &err) == DOZAN_OK) {
            check_rendered(&spec, object, lines[3]);
            (void)!dz_condition_holds(lines[2], object, &holds, &err);
        } else if (err.code != DOZAN_INVALID_ARGUMENT && err.code != DOZAN_RESOURCE_EXHAUSTED) {
            abort();
        }
    }
    cJSON_Delete(object);
    cJSON_Delete(spec.trial_spec);
    free(text);
    return 0;
}
