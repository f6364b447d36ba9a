/*
 * The scalar rules of YAML 1.1 as Kubernetes applies them. Nothing here depends on the locale.
 */
#include "spec/scalar.h"

#include <ctype.h>
#include <dozan/space.h>
#include <stddef.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 128 }; /* a longer text is no number that anybody wrote by hand */

typedef struct word {
    const char *text;
    dz_scalar_kind kind;
    bool truth;
} word;

static const word words[] = {
    {"", DZ_SCALAR_NULL, false},
    {"~", DZ_SCALAR_NULL, false},
    {"null", DZ_SCALAR_NULL, false},
    {"Null", DZ_SCALAR_NULL, false},
    {"NULL", DZ_SCALAR_NULL, false},
    {"true", DZ_SCALAR_BOOL, true},
    {"True", DZ_SCALAR_BOOL, true},
    {"TRUE", DZ_SCALAR_BOOL, true},
    {"y", DZ_SCALAR_BOOL, true},
    {"Y", DZ_SCALAR_BOOL, true},
    {"yes", DZ_SCALAR_BOOL, true},
    {"Yes", DZ_SCALAR_BOOL, true},
    {"YES", DZ_SCALAR_BOOL, true},
    {"on", DZ_SCALAR_BOOL, true},
    {"On", DZ_SCALAR_BOOL, true},
    {"ON", DZ_SCALAR_BOOL, true},
    {"false", DZ_SCALAR_BOOL, false},
    {"False", DZ_SCALAR_BOOL, false},
    {"FALSE", DZ_SCALAR_BOOL, false},
    {"n", DZ_SCALAR_BOOL, false},
    {"N", DZ_SCALAR_BOOL, false},
    {"no", DZ_SCALAR_BOOL, false},
    {"No", DZ_SCALAR_BOOL, false},
    {"NO", DZ_SCALAR_BOOL, false},
    {"off", DZ_SCALAR_BOOL, false},
    {"Off", DZ_SCALAR_BOOL, false},
    {"OFF", DZ_SCALAR_BOOL, false},
    {".nan", DZ_SCALAR_NOT_FINITE, false},
    {".NaN", DZ_SCALAR_NOT_FINITE, false},
    {".NAN", DZ_SCALAR_NOT_FINITE, false},
    {".inf", DZ_SCALAR_NOT_FINITE, false},
    {".Inf", DZ_SCALAR_NOT_FINITE, false},
    {".INF", DZ_SCALAR_NOT_FINITE, false},
    {"+.inf", DZ_SCALAR_NOT_FINITE, false},
    {"+.Inf", DZ_SCALAR_NOT_FINITE, false},
    {"+.INF", DZ_SCALAR_NOT_FINITE, false},
    {"-.inf", DZ_SCALAR_NOT_FINITE, false},
    {"-.Inf", DZ_SCALAR_NOT_FINITE, false},
    {"-.INF", DZ_SCALAR_NOT_FINITE, false},
};

static const word *find_word(const char *text);
static bool strip_underscores(const char *text, char plain[NUMBER_TEXT_MAX]);
static bool read_int(const char *text, dz_scalar *scalar);
static bool is_float(const char *text);

dz_scalar dz_scalar_resolve(const char *text)
{
    dz_scalar scalar = {.kind = DZ_SCALAR_STRING};
    char plain[NUMBER_TEXT_MAX];
    const word *known = find_word(text);

    if (known != NULL) {
        scalar.kind = known->kind;
        scalar.truth = known->truth;
        return scalar;
    }
    if (strchr("+-.0123456789", text[0]) == NULL || !strip_underscores(text, plain)) {
        return scalar;
    }
    if (read_int(plain, &scalar)) {
        scalar.kind = DZ_SCALAR_INT;
        scalar.number = (double)scalar.magnitude * (scalar.negative ? -1.0 : 1.0);
    } else if (is_float(plain) && dozan_number_parse(plain, false, &scalar.number)) {
        scalar.kind = DZ_SCALAR_FLOAT;
    }
    return scalar;
}

const char *dz_scalar_kind_name(dz_scalar_kind kind)
{
    static const char *const names[] = {
        [DZ_SCALAR_NULL] = "null",       [DZ_SCALAR_BOOL] = "a boolean",
        [DZ_SCALAR_INT] = "a number",    [DZ_SCALAR_FLOAT] = "a number",
        [DZ_SCALAR_STRING] = "a string", [DZ_SCALAR_NOT_FINITE] = "no finite number",
    };
    return names[kind];
}

static const word *find_word(const char *text)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].text, text) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

static bool strip_underscores(const char *text, char plain[NUMBER_TEXT_MAX])
{
    size_t size = 0;

    for (; *text != '\0'; text++) {
        if (*text == '_') {
            continue;
        }
        if (size == NUMBER_TEXT_MAX - 1) {
            return false;
        }
        plain[size++] = *text;
    }
    plain[size] = '\0';
    return size > 0;
}

/* The value of a digit of any base up to 16, or 16. */
static unsigned digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return (unsigned)(digit - 'a') + 10u;
    }
    return digit >= 'A' && digit <= 'F' ? (unsigned)(digit - 'A') + 10u : 16u;
}

/* Takes a base prefix off: 0x, 0b, 0o, or the bare 0 of an octal number. */
static unsigned read_base(const char **digits)
{
    const char *text = *digits;
    unsigned base = 10;

    if (text[0] == '0' && text[1] != '\0') {
        int letter = tolower((unsigned char)text[1]);
        base = letter == 'x' ? 16u : letter == 'b' ? 2u : 8u;
        *digits += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
    }
    return base;
}

static bool read_int(const char *text, dz_scalar *scalar)
{
    const char *digits = text + (*text == '+' || *text == '-' ? 1 : 0);
    unsigned base = read_base(&digits);
    uint64_t limit = *text == '-' ? (uint64_t)1 << 63 : UINT64_MAX;
    uint64_t value = 0;

    if (*digits == '\0') {
        return false;
    }
    for (; *digits != '\0'; digits++) {
        unsigned digit = digit_value(*digits);
        if (digit >= base || value > (limit - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    scalar->magnitude = value;
    scalar->negative = *text == '-' && value != 0;
    return true;
}

static const char *skip_digits(const char *text)
{
    while (*text >= '0' && *text <= '9') {
        text++;
    }
    return text;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *text)
{
    const char *start = text + (*text == '+' || *text == '-' ? 1 : 0);
    const char *end = skip_digits(start);
    bool digits = end > start;

    if (*end == '.') {
        const char *fraction = end + 1;
        end = skip_digits(fraction);
        digits = digits || end > fraction;
    }
    if (!digits) {
        return false;
    }
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1 + (end[1] == '+' || end[1] == '-' ? 1 : 0);
        end = skip_digits(exponent);
        if (end == exponent) {
            return false;
        }
    }
    return *end == '\0';
}
