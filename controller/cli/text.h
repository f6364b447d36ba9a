/*
 * Small texts of the command line: durations, numbers for people, and what a terminal may
 * be shown. Pure functions.
 */
#ifndef DZ_CLI_TEXT_H
#define DZ_CLI_TEXT_H

#include <dozan/buf.h>
#include <dozan/message.h>
#include <stdint.h>

/* A length of time in at most two units, the coarser the longer it is: "42s", "3m12s", "5h20m",
 * "12d". Negative is 0. */
void dz_duration_text(int64_t duration_ms, char text[32]);

/* How many columns a UTF-8 text takes: one for each code point. */
size_t dz_text_width(const char *text);

/* Appends a text without control characters ('?' in their place: a trial's output must not steer
 * the terminal), cut to `width` columns with "..." where it is longer. SIZE_MAX = never cut. */
void dz_text_fit(dozan_buf *out, const char *text, size_t width);

/* Appends " NAME=VALUE" and so on, with the first blank left out. */
void dz_text_pairs(dozan_buf *out, const dozan_pair *pairs, size_t count);

/* Appends a word as a shell reads it back: in quotes where it needs them. */
void dz_text_shell_word(dozan_buf *out, const char *word);

/* A number for people: at most six digits, "nan" and "inf" as such. */
void dz_value_text(double value, char text[32]);

#endif
