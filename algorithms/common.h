/*
 * Rows of the settings tables that several algorithms share.
 */
#ifndef DZ_COMMON_H
#define DZ_COMMON_H

#include <dozan/algorithm.h>

/* Katib's name for the seed; the kit puts it into problem->seed. */
#define DZ_SETTING_RANDOM_STATE                                                                    \
    {                                                                                              \
        .name = "random_state", .type = DOZAN_SETTING_INT, .min = "0",                             \
        .help = "Seed of the search; the experiment's own seed when it is not given."              \
    }

#define DZ_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
