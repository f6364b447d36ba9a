#include "support_space.h"

#include <math.h>
#include <stdio.h>

static void draw_list(dozan_parameter *parameter, dozan_rng *rng);
static void draw_range(dozan_parameter *parameter, dozan_rng *rng, bool finite,
                       char texts[4][DOZAN_VALUE_TEXT]);

void dz_random_space_draw(dz_random_space *space, dozan_rng *rng, size_t most, bool finite)
{
    space->count = 1 + (size_t)dozan_rng_below(rng, most);
    for (size_t i = 0; i < space->count; i++) {
        dozan_parameter *parameter = &space->parameters[i];
        (void)snprintf(space->texts[i][0], DOZAN_VALUE_TEXT, "p%zu", i);
        *parameter =
            (dozan_parameter){.name = space->texts[i][0],
                              .type = (dozan_parameter_type)(1 + dozan_rng_below(rng, 4)),
                              .distribution = (dozan_distribution)(1 + dozan_rng_below(rng, 4))};
        if (parameter->type == DOZAN_DISCRETE || parameter->type == DOZAN_CATEGORICAL) {
            draw_list(parameter, rng);
        } else {
            draw_range(parameter, rng, finite, space->texts[i]);
        }
    }
}

static void draw_list(dozan_parameter *parameter, dozan_rng *rng)
{
    static const char *const numbers[] = {"0.5", "1", "2.50", "1e3", "-7", "16"};
    static const char *const words[] = {"adam", "sgd", "lion \"2\"", "", "3.0", "x,y"};
    parameter->distribution = DOZAN_UNIFORM;
    parameter->list = parameter->type == DOZAN_DISCRETE ? numbers : words;
    parameter->list_count = 1 + (size_t)dozan_rng_below(rng, 6);
}

static void draw_range(dozan_parameter *parameter, dozan_rng *rng, bool finite,
                       char texts[4][DOZAN_VALUE_TEXT])
{
    bool logarithmic =
        parameter->distribution == DOZAN_LOG_UNIFORM || parameter->distribution == DOZAN_LOG_NORMAL;
    bool whole = parameter->type == DOZAN_INT;
    double low = logarithmic ? 1.0 : -3.0;
    double span = (double)dozan_rng_below(rng, 30);
    double scale = whole ? 1.0 : 0.25;
    dozan_number_text(low * scale, texts[1]);
    dozan_number_text((low + span) * scale, texts[2]);
    if (whole) {
        (void)snprintf(texts[1], DOZAN_VALUE_TEXT, "%.0f", low);
        (void)snprintf(texts[2], DOZAN_VALUE_TEXT, "%.0f", low + span);
    }
    parameter->min = texts[1];
    parameter->max = texts[2];
    if (finite || dozan_rng_below(rng, 3) == 0) {
        dozan_number_text((double)(1 + dozan_rng_below(rng, 3)) * scale, texts[3]);
        parameter->step = texts[3];
    }
}
