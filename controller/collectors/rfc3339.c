/*
 * RFC 3339 date-times to milliseconds. Written out because strptime reads no fractions, follows the
 * locale, and takes fields of fewer digits.
 */
#include "collectors/rfc3339.h"

#include <string.h>

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

static bool read_digits(cursor *in, int count, int min, int max, int *value);
static bool read_char(cursor *in, char wanted);
static bool read_fraction(cursor *in, int64_t *ms);
static bool read_zone(cursor *in, int64_t *offset_minutes);
static int days_in_month(int year, int month);
static int64_t days_since_epoch(int year, int month, int day);

bool dz_rfc3339_parse(const char *text, size_t size, int64_t *time_ms)
{
    cursor in = {text, text + size};
    int year, month, day, hour, minute, second;
    int64_t ms = 0;
    int64_t offset_minutes = 0;
    bool read = read_digits(&in, 4, 0, 9999, &year) && read_char(&in, '-') &&
                read_digits(&in, 2, 1, 12, &month) && read_char(&in, '-') &&
                read_digits(&in, 2, 1, 31, &day) && day <= days_in_month(year, month) &&
                read_char(&in, 'T') && read_digits(&in, 2, 0, 23, &hour) && read_char(&in, ':') &&
                read_digits(&in, 2, 0, 59, &minute) && read_char(&in, ':') &&
                read_digits(&in, 2, 0, 59, &second) && read_fraction(&in, &ms) &&
                read_zone(&in, &offset_minutes) && in.at == in.end;
    if (!read)
        return false;
    int64_t minutes =
        (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    *time_ms = (minutes * 60 + second) * 1000 + ms;
    return true;
}

static bool read_digits(cursor *in, int count, int min, int max, int *value)
{
    if (in->end - in->at < count)
        return false;
    *value = 0;
    for (int i = 0; i < count; i++) {
        char c = *in->at++;
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    return *value >= min && *value <= max;
}

static bool read_char(cursor *in, char wanted)
{
    if (in->at == in->end || *in->at != wanted)
        return false;
    in->at++;
    return true;
}

/* None, or a point (or comma, as Go takes it) and at least one digit; those after the third are
 * below our unit. */
static bool read_fraction(cursor *in, int64_t *ms)
{
    if (!read_char(in, '.') && !read_char(in, ','))
        return true;
    const char *first = in->at;
    int64_t unit = 100;
    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
        *ms += (*in->at - '0') * unit;
        unit /= 10;
    }
    return in->at > first;
}

static bool read_zone(cursor *in, int64_t *offset_minutes)
{
    if (read_char(in, 'Z'))
        return true;
    int sign = in->at < in->end && *in->at == '-' ? -1 : 1;
    int hours, minutes;
    if (!read_char(in, '-') && !read_char(in, '+'))
        return false;
    if (!read_digits(in, 2, 0, 23, &hours) || !read_char(in, ':') ||
        !read_digits(in, 2, 0, 59, &minutes))
        return false;
    *offset_minutes = (int64_t)sign * (hours * 60 + minutes);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that
 * the leap day is a year's last one and needs no case of its own; 719,468 days lie between
 * 0000-03-01 and 1970-01-01. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t march_year = month > 2 ? year : year - 1;
    int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
    int64_t year_of_era = march_year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}
