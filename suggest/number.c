/*
 * Numbers as text, whatever the process's locale is.
 *
 * The "C" locale is asked for on each call and not kept: in glibc and musl it is a constant object,
 * so that this costs next to nothing and needs no global variable.
 */
#include <dozan/space.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_decimal(const char *text);
static bool parse_special(const char *text, double *value);
static bool read_decimal(const char *text, double *value);
static bool reads_back(const char *text, double value);
static bool write_shortest(double value, char text[DOZAN_VALUE_TEXT]);

bool dozan_number_parse(const char *text, bool special, double *value)
{
    if (text == NULL)
        return false;
    if (is_decimal(text))
        return read_decimal(text, value);
    return special && parse_special(text, value);
}

void dozan_number_text(double value, char text[DOZAN_VALUE_TEXT])
{
    if (isnan(value)) {
        memcpy(text, "nan", sizeof("nan"));
    } else if (isinf(value)) {
        (void)snprintf(text, DOZAN_VALUE_TEXT, "%s", value < 0 ? "-inf" : "inf");
    } else {
        locale_t numeric = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        locale_t before = uselocale(numeric);
        if (!write_shortest(value, text))
            (void)snprintf(text, DOZAN_VALUE_TEXT, "%.17g", value);
        (void)uselocale(before);
        freelocale(numeric);
    }
}

/* Fewer than 15 digits are found by %g, which drops final zeros: each decimal of up to 15 digits
 * survives the way through a normal double. Subnormal numbers have fewer digits, so all lengths are
 * tried there. Runs in the "C" locale. */
static bool write_shortest(double value, char text[DOZAN_VALUE_TEXT])
{
    int first = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    for (int digits = first; digits < DBL_DECIMAL_DIG; digits++) {
        (void)snprintf(text, DOZAN_VALUE_TEXT, "%.*g", digits, value);
        if (reads_back(text, value))
            return true;
    }
    /* Below a power of two, doubles lie twice as close as above it: a decimal that is not the
     * nearest one, but above, may still read back. A quarter of the gap up makes it the nearest. */
    (void)snprintf(text, DOZAN_VALUE_TEXT, "%.16Lg", (long double)value * (1.0L + 0x1p-54L));
    return reads_back(text, value);
}

static bool reads_back(const char *text, double value)
{
    double back = strtod(text, NULL);
    return back >= value && back <= value;
}

static size_t count_digits(const char *text)
{
    size_t count = 0;
    while (text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. strtod alone
 * would also take white space, hexadecimal numbers, and "nan(...)". */
static bool is_decimal(const char *text)
{
    if (*text == '+' || *text == '-')
        text++;
    size_t whole = count_digits(text);
    text += whole;
    size_t fraction = 0;
    if (*text == '.') {
        fraction = count_digits(text + 1);
        text += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '+' || *text == '-')
            text++;
        size_t exponent = count_digits(text);
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}

static bool read_decimal(const char *text, double *value)
{
    locale_t numeric = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double read = strtod_l(text, NULL, numeric);
    freelocale(numeric);
    if (!isfinite(read))
        return false;
    *value = read;
    return true;
}

/* strcasecmp would ask the locale, where the capital of i may be another letter. */
static bool same_letters(const char *text, const char *lower)
{
    for (; *lower != '\0'; text++, lower++) {
        bool capital = *text >= 'A' && *text <= 'Z';
        if (*text + (capital ? 'a' - 'A' : 0) != *lower)
            return false;
    }
    return *text == '\0';
}

static bool parse_special(const char *text, double *value)
{
    bool negative = *text == '-';
    if (*text == '+' || *text == '-')
        text++;
    if (same_letters(text, "nan"))
        *value = (double)NAN;
    else if (same_letters(text, "inf") || same_letters(text, "infinity"))
        *value = negative ? (double)-INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}
