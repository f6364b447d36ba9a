/*
 * Exact decimals in 128-bit integers. 10^24 is the limit of the digits because any value must fit
 * DOZAN_VALUE_TEXT, with sign, point and exponent.
 */
#include "decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_PLAIN_SCALE = 20,
    MAX_EXPONENT = 100000, /* of the text; where it saturates, the number is 0 or not finite */
    MAX_SCAN = 4096        /* characters of a number's text */
};

static bool multiply_power(dz_int128 *digits, int power);
static dz_int128 divide_power(dz_int128 digits, int power, bool *exact);
static int write_digits(dz_int128 digits, char text[DZ_DECIMAL_DIGITS + 1]);
static dz_decimal trim(dz_decimal decimal);

/* Adds the digits of [from, to) to the number, counting zeros that may turn out to be final in
 * *zeros. */
static bool take_digits(const char *from, const char *to, dz_int128 *digits, int *zeros)
{
    for (; from < to; from++) {
        if (*from == '0') {
            *zeros += *digits != 0;
            continue;
        }
        if (!multiply_power(digits, *zeros + 1))
            return false;
        *digits += *from - '0';
        *zeros = 0;
    }
    return true;
}

static int read_exponent(const char *text)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    int exponent = 0;
    for (; *text != '\0' && exponent < MAX_EXPONENT; text++)
        exponent = exponent * 10 + (*text - '0');
    return negative ? -exponent : exponent;
}

bool dz_decimal_parse(const char *text, dz_decimal *decimal)
{
    double value = 0;
    if (!dozan_number_parse(text, false, &value) || strnlen(text, MAX_SCAN) == MAX_SCAN)
        return false;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;

    dz_decimal read = {0};
    int zeros = 0;
    size_t whole = strspn(text, "0123456789");
    if (!take_digits(text, text + whole, &read.digits, &zeros))
        return false;
    text += whole;
    if (*text == '.') {
        size_t fraction = strspn(++text, "0123456789");
        if (!take_digits(text, text + fraction, &read.digits, &zeros))
            return false;
        text += fraction;
        read.scale = (int)fraction;
    }
    if (*text != '\0')
        read.scale -= read_exponent(text + 1);
    read.scale = read.digits != 0 ? read.scale - zeros : 0;
    if (negative)
        read.digits = -read.digits;
    *decimal = read;
    return true;
}

bool dz_decimal_floor(dz_decimal decimal, int scale, dz_int128 *digits)
{
    int power = scale - decimal.scale;
    if (power >= 0) {
        *digits = decimal.digits;
        return multiply_power(digits, power);
    }
    bool exact = true;
    dz_int128 quotient = divide_power(decimal.digits, -power, &exact);
    *digits = quotient - (!exact && decimal.digits < 0);
    return true;
}

bool dz_decimal_int64(dz_decimal decimal, int64_t *value)
{
    dz_decimal whole = trim(decimal);
    if (whole.scale > 0 || !multiply_power(&whole.digits, -whole.scale))
        return false;
    if (whole.digits < INT64_MIN || whole.digits > INT64_MAX)
        return false;
    *value = (int64_t)whole.digits;
    return true;
}

/* The three ways of writing |value| = 0.d1 d2 ... * 10^whole. Each fits, as there are at most 24
 * digits. */
static char *put(char *to, const char *text, int length)
{
    memcpy(to, text, (size_t)length);
    return to + length;
}

static char *put_zeros(char *to, int count)
{
    memset(to, '0', (size_t)count);
    return to + count;
}

static char *put_plain(char *to, const char *digits, int length, int whole)
{
    if (whole >= length)
        return put_zeros(put(to, digits, length), whole - length);
    to = whole > 0 ? put(to, digits, whole) : put_zeros(to, 1);
    to = put(to, ".", 1);
    int shown = whole > 0 ? whole : 0;
    return put(put_zeros(to, shown - whole), digits + shown, length - shown);
}

static char *put_exponent(char *to, const char *digits, int length, int whole)
{
    while (length > 1 && digits[length - 1] == '0')
        length--;
    to = put(to, digits, 1);
    if (length > 1)
        to = put(put(to, ".", 1), digits + 1, length - 1);
    char exponent[8];
    int size = snprintf(exponent, sizeof(exponent), "e%d", (whole - 1) % 1000);
    return put(to, exponent, size);
}

void dz_decimal_text(dz_decimal decimal, char text[DOZAN_VALUE_TEXT])
{
    decimal = trim(decimal);
    char digits[DZ_DECIMAL_DIGITS + 1];
    int length = write_digits(decimal.digits, digits);
    int whole = length - decimal.scale; /* digits before the point */
    bool plain = whole <= DZ_DECIMAL_DIGITS && decimal.scale <= MAX_PLAIN_SCALE;

    char *end = text;
    if (decimal.digits < 0)
        end = put(end, "-", 1);
    end = plain ? put_plain(end, digits, length, whole) : put_exponent(end, digits, length, whole);
    *end = '\0';
}

double dz_decimal_double(dz_decimal decimal)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const dz_int128 exact = (dz_int128)1 << 53;
    int scale = decimal.scale;
    /* Both operands are exact doubles here, so the one rounding is that of the division or product.
     */
    if (decimal.digits >= -exact && decimal.digits <= exact && scale >= -22 && scale <= 22) {
        double digits = (double)decimal.digits;
        return scale >= 0 ? digits / powers[scale] : digits * powers[-scale];
    }
    char text[DOZAN_VALUE_TEXT];
    double value = 0;
    dz_decimal_text(decimal, text);
    (void)dozan_number_parse(text, false, &value); /* cannot fail: the text is a number's */
    return value;
}

static bool multiply_power(dz_int128 *digits, int power)
{
    const dz_int128 limit = (dz_int128)1000000000000 * 1000000000000; /* 10^24 */
    if (*digits == 0)
        return true;
    for (; power > 0; power--) {
        if (*digits >= limit / 10 || *digits <= -(limit / 10))
            return false;
        *digits *= 10;
    }
    return true;
}

/* Toward 0. */
static dz_int128 divide_power(dz_int128 digits, int power, bool *exact)
{
    *exact = true;
    for (; power > 0 && digits != 0; power--) {
        *exact = *exact && digits % 10 == 0;
        digits /= 10;
    }
    return digits;
}

static dz_decimal trim(dz_decimal decimal)
{
    if (decimal.digits == 0)
        decimal.scale = 0;
    while (decimal.scale > 0 && decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.scale--;
    }
    return decimal;
}

/* The digits without the sign; returns their number. */
static int write_digits(dz_int128 digits, char text[DZ_DECIMAL_DIGITS + 1])
{
    char reversed[DZ_DECIMAL_DIGITS];
    int length = 0;
    do {
        int digit = (int)(digits % 10);
        reversed[length++] = (char)('0' + (digit < 0 ? -digit : digit));
        digits /= 10;
    } while (digits != 0 && length < DZ_DECIMAL_DIGITS);
    for (int i = 0; i < length; i++)
        text[i] = reversed[length - 1 - i];
    text[length] = '\0';
    return length;
}
