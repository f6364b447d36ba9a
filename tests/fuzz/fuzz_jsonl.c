/*
 * Fuzzes the JSON lines collector: no input may crash it, and a split of the bytes may not change
 * the points.
 */
#include "fuzz_collector.h"

static char name_loss[] = "loss", name_accuracy[] = "accuracy";
static dz_metric metrics[] = {{name_loss, DZ_STRATEGY_MIN}, {name_accuracy, DZ_STRATEGY_MAX}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const dz_experiment_spec spec = {.metrics = metrics,
                                     .metric_count = 2,
                                     .collector = DZ_COLLECTOR_FILE,
                                     .collector_format = DZ_FORMAT_JSON};
    fuzz_collector(&spec, data, size);
    return 0;
}
