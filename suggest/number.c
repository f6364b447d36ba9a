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
static bool write_short(double value, char text[DOZAN_VALUE_TEXT]);
static void write_digits(uint64_t digits, int exponent, bool negative, char text[DOZAN_VALUE_TEXT]);

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
    } else if (!write_short(value, text)) {
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

/* The quick way, for the numbers that people and grids have: up to 15 digits, not far from 1.
 * Powers of ten up to 10^22 and integers below 2^53 are exact doubles, so their quotient is the
 * double that the decimal reads back to; and two decimals of 15 digits never read back to the same
 * one. So if the quotient is `value`, this is what "%.15g" would write. */
static bool write_short(double value, char text[DOZAN_VALUE_TEXT])
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double size = fabs(value);
    if (!(size >= 1e-7 && size < 1e15))
        return false;
    int exponent = (int)floor(log10(size)); /* may be one off next to a power of ten */
    int places = DBL_DIG - 1 - exponent;
    double digits = rint(size * powers[places]);
    if (digits >= 1e15 || digits < 1e14)
        return false;
    double back = digits / powers[places];
    if (back < size || back > size)
        return false;
    write_digits((uint64_t)digits, exponent, signbit(value), text);
    return true;
}

/* Writes 15 digits d.ddd * 10^exponent in the form of "%g", without final zeros. */
static void write_digits(uint64_t digits, int exponent, bool negative, char text[DOZAN_VALUE_TEXT])
{
    char all[DBL_DIG];
    int count = DBL_DIG;
    for (int i = DBL_DIG - 1; i >= 0; i--, digits /= 10)
        all[i] = (char)('0' + digits % 10);
    while (count > 1 && all[count - 1] == '0')
        count--;
    bool scientific = exponent < -4;
    int point = scientific ? 1 : exponent + 1; /* digits before the point; <= 0: zeros after it */
    char *out = text;
    if (negative)
        *out++ = '-';
    if (point <= 0) {
        *out++ = '0';
        *out++ = '.';
        for (int i = point; i < 0; i++)
            *out++ = '0';
    }
    for (int i = 0; i < count || i < point; i++) {
        if (i == point && point > 0)
            *out++ = '.';
        *out++ = (char)(i < count ? all[i] : '0');
    }
    if (scientific) { /* -5 to -7 */
        *out++ = 'e';
        *out++ = '-';
        *out++ = '0';
        *out++ = (char)('0' - exponent);
    }
    *out = '\0';
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
