/*
 * Want of memory, when it is told to: in front of the allocations of SQLite and of cJSON.
 */
#ifndef DZ_TESTS_FAULT_SUPPORT_MEMORY_H
#define DZ_TESTS_FAULT_SUPPORT_MEMORY_H

#include <stdbool.h>

/* Before anything else is asked of SQLite. */
void fault_memory_install(void);

/* The `nth` allocation (from 1) fails, and so do all later ones when it `lasts`. */
void fault_memory_arm(int nth, bool lasts);

/* No more failures; whether there was one since the arming. */
bool fault_memory_disarm(void);

#endif
