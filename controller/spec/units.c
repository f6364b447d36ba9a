/*
 * Durations and quantities. Numbers are read by the kit, so that no locale plays into it.
 */
#include "spec/units.h"

#include <dozan/space.h>
#include <math.h>
#include <string.h>

typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit duration_units[] = {
    {"ms", 1.0}, {"s", 1000.0}, {"m", 60000.0}, {"h", 3600000.0}, {"d", 86400000.0}, {"", 1000.0},
};

static const unit quantity_units[] = {
    {"", 1e3},      {"m", 1.0},        {"u", 1e-3},          {"n", 1e-6},
    {"k", 1e6},     {"M", 1e9},        {"G", 1e12},          {"T", 1e15},
    {"Ki", 1024e3}, {"Mi", 1048576e3}, {"Gi", 0x1p30 * 1e3}, {"Ti", 0x1p40 * 1e3},
};

static bool read_number(const char **text, bool exponent, double *number);
static const unit *read_unit(const char **text, const unit *units, size_t count);

bool dz_duration_parse(const char *text, int64_t *duration_ms)
{
    double total = 0.0;
    double last_factor = INFINITY;
    const char *rest = text;

    do {
        double number = 0.0;
        const unit *found = NULL;
        if (!read_number(&rest, false, &number)) {
            return false;
        }
        found = read_unit(&rest, duration_units, sizeof duration_units / sizeof duration_units[0]);
        if (found == NULL || found->factor >= last_factor) {
            return false;
        }
        if (found->name[0] == '\0' && isfinite(last_factor)) {
            return false; /* "1h30": of what? */
        }
        last_factor = found->factor;
        total += number * found->factor;
    } while (*rest != '\0');
    if (total < 1.0 || total > (double)DZ_MAX_DURATION_MS) {
        return false;
    }
    *duration_ms = (int64_t)total;
    return true;
}

bool dz_quantity_milli(const char *text, int64_t *milli)
{
    double number = 0.0;
    const unit *found = NULL;
    const char *rest = text + (*text == '+' ? 1 : 0);

    if (!read_number(&rest, true, &number)) {
        return false;
    }
    found = read_unit(&rest, quantity_units, sizeof quantity_units / sizeof quantity_units[0]);
    if (found == NULL || *rest != '\0') {
        return false;
    }
    /* The products of decimal fractions are a hair off: 0.3 * 1000 is not to be rounded up to 301.
     */
    number = ceil(number * found->factor - 1e-6);
    if (number > 0x1p53) {
        return false;
    }
    *milli = number > 0.0 ? (int64_t)number : 0;
    return true;
}

/* Reads digits with a fraction, and with a decimal exponent where that is allowed; no sign. */
static bool read_number(const char **text, bool exponent, double *number)
{
    char digits[32];
    size_t size = strspn(*text, "0123456789.");

    if (exponent && size > 0 && ((*text)[size] == 'e' || (*text)[size] == 'E')) {
        size_t sign = size + 1 + ((*text)[size + 1] == '-' || (*text)[size + 1] == '+' ? 1 : 0);
        size_t power = strspn(*text + sign, "0123456789");
        size = power > 0 ? sign + power : size;
    }
    if (size == 0 || size >= sizeof digits) {
        return false;
    }
    memcpy(digits, *text, size);
    digits[size] = '\0';
    *text += size;
    return dozan_number_parse(digits, false, number);
}

static const unit *read_unit(const char **text, const unit *units, size_t count)
{
    size_t size = strcspn(*text, "0123456789.");

    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == size && strncmp(units[i].name, *text, size) == 0) {
            *text += size;
            return &units[i];
        }
    }
    return NULL;
}
