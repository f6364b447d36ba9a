/*
 * An algorithm's settings: name and value pairs as the user wrote them, checked against the
 * algorithm's table. Read through the getters of dozan/algorithm.h.
 */
#ifndef DZ_SETTINGS_H
#define DZ_SETTINGS_H

#include <dozan/algorithm.h>
#include <dozan/message.h>

/* Checks the pairs: known and given once, of the row's type, in its range or among its choices, and
 * all that are required. INVALID_ARGUMENT with place "algorithmSettings[i]" ("algorithmSettings"
 * for one that is missing); INTERNAL when the table itself is wrong. The table must outlive the
 * settings; pairs are copied. */
DOZAN_MUST_USE dozan_status dz_settings_create(const dozan_setting *table, size_t table_count,
                                               const dozan_pair *pairs, size_t pair_count,
                                               dozan_settings **settings, dozan_error *err);

/* Takes NULL. */
void dz_settings_destroy(dozan_settings *settings);

/* Whether the user gave the setting. False for a name that is not in the table. */
bool dz_settings_given(const dozan_settings *settings, const char *name);

#endif
