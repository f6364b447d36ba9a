/*
 * Timestamps of RFC 3339 with any number of fractional digits, as Go's RFC3339Nano reads them.
 */
#ifndef DZ_COLLECTORS_RFC3339_H
#define DZ_COLLECTORS_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads all of text[size] ("2024-05-06T07:08:09.25+02:00") into milliseconds since 1970, rounded
 * down. False when it is anything else, a day that the calendar lacks, or a leap second (Go's
 * reader refuses it too). */
bool dz_rfc3339_parse(const char *text, size_t size, int64_t *time_ms);

#endif
