/*
 * Fuzzes the reading of Experiments: whatever the bytes are, there is a specification or a finding
 * that forbids it, and a document that was accepted reads back, from YAML and from JSON, to the
 * same document.
 */
#include "spec/experiment.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reads_back(const dz_experiment_spec *spec, const char *text)
{
    dz_experiment_spec *again = NULL;
    dz_problems problems;

    if (text == NULL ||
        dz_spec_read(text, strlen(text), "again", NULL, 0, &again, &problems) != DOZAN_OK ||
        !cJSON_Compare(spec->document, again->document, true)) {
        abort();
    }
    dz_problems_fini(&problems);
    dz_spec_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    char *yaml = NULL;
    char *json = NULL;
    dozan_status status = dz_spec_read((const char *)data, size, "f", NULL, 0, &spec, &problems);

    if ((status == DOZAN_OK) != problems.warnings_only || (status == DOZAN_OK) != (spec != NULL)) {
        abort();
    }
    if (spec != NULL) {
        if (dz_yaml_write(spec->document, &yaml) != DOZAN_OK) {
            abort();
        }
        json = cJSON_PrintUnformatted(spec->document);
        check_reads_back(spec, yaml);
        check_reads_back(spec, json);
    }
    free(yaml);
    free(json);
    dz_spec_destroy(spec);
    dz_problems_fini(&problems);
    return 0;
}
