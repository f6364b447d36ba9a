/*
 * Exact decimal numbers of up to 24 digits: the levels min + k*step are reckoned in these, so that
 * 0.01 + 2 * 0.005 is 0.02 and never 0.019999999999999997.
 */
#ifndef DZ_DECIMAL_H
#define DZ_DECIMAL_H

#include <dozan/space.h>
#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 dz_int128;

enum { DZ_DECIMAL_DIGITS = 24 };

/* digits * 10^-scale, with |digits| < 10^24. The scale may be negative. */
typedef struct dz_decimal {
    dz_int128 digits;
    int scale;
} dz_decimal;

/* Reads text that dozan_number_parse takes as a finite number, without final zeros (1.50 is 15 with
 * scale 1; 0 has scale 0). False when it is no such text or has more than 24 digits. */
bool dz_decimal_parse(const char *text, dz_decimal *decimal);

/* The digits of floor(value * 10^scale). False when there are more than 24. */
bool dz_decimal_floor(dz_decimal decimal, int scale, dz_int128 *digits);

/* The value as an int64_t. False when it is not whole or does not fit. */
bool dz_decimal_int64(dz_decimal decimal, int64_t *value);

/* Writes the value without final zeros in the fraction: plain ("0.0001", "-12") up to 20 decimals
 * or 24 digits in all, with an exponent beyond. */
void dz_decimal_text(dz_decimal decimal, char text[DOZAN_VALUE_TEXT]);

/* The nearest double: the one that the text reads back to. */
double dz_decimal_double(dz_decimal decimal);

#endif
