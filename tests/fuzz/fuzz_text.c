/*
 * Fuzzes the text collector with the default filter and with a user's: no input may crash it, and a
 * split of the bytes may not change the points.
 */
#include "fuzz_collector.h"

static char name_loss[] = "loss", name_accuracy[] = "accuracy";
static dz_metric metrics[] = {{name_loss, DZ_STRATEGY_MIN}, {name_accuracy, DZ_STRATEGY_MAX}};
static char filter[] = "(\\w+(?:\\s\\w+)?)\\s?[:=]\\s?([^ ,;]+)";
static char *filters[] = {filter};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dz_experiment_spec spec = {
        .metrics = metrics, .metric_count = 2, .collector = DZ_COLLECTOR_STDOUT};
    fuzz_collector(&spec, data, size);
    spec.metrics_format = filters;
    spec.metrics_format_count = 1;
    fuzz_collector(&spec, data, size);
    return 0;
}
