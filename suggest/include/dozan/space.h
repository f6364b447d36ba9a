/*
 * The search space, and the only place where a parameter's text and a point of the unit cube are
 * turned into each other.
 *
 * Each parameter is one coordinate in [0, 1], measured in probability: u is the cumulative
 * probability of the value under the parameter's distribution, truncated to [min, max]. So a
 * uniform draw over the cube is a draw from the space, whatever the distributions are.
 *
 *   double                 continuous when it has no step
 *   double with step, int  levels min + k*step for all that are <= max (an int's step is 1 if none
 * is given) discrete, categorical  the list's entries in their order, each with the same
 * probability
 *
 * uniform and logUniform are uniform in x and in ln x. normal has mean (min+max)/2 and standard
 * deviation (max-min)/6; logNormal the same in ln x (Katib's mapping), both truncated to the range.
 * A level owns the part of [0, 1] that is its probability: a quantised uniform gives each level the
 * same mass, a quantised log or normal one the mass of the cell around it. A level's canonical
 * coordinate is the middle of its part.
 *
 * A parameter may have a condition on one declared before it, and is inactive where that does not
 * hold: it then has no value, and one canonical coordinate (that of 0.5), so that two points which
 * differ in inactive coordinates alone are the same point.
 *
 * Values are text as a user reads it: a list entry exactly as written, an int without a point, a
 * step value with the decimals of min and step (0.02, never 0.019999999999999997), a continuous
 * double in the shortest form that reads back to the same double.
 */
#ifndef DOZAN_SPACE_H
#define DOZAN_SPACE_H

#include <dozan/status.h>
#include <stdint.h>

typedef enum dozan_parameter_type {
    DOZAN_DOUBLE = 1,
    DOZAN_INT = 2,
    DOZAN_DISCRETE = 3,
    DOZAN_CATEGORICAL = 4
} dozan_parameter_type;

typedef enum dozan_distribution {
    DOZAN_UNIFORM = 1,
    DOZAN_LOG_UNIFORM = 2,
    DOZAN_NORMAL = 3,
    DOZAN_LOG_NORMAL = 4
} dozan_distribution;

/* When a parameter is active: while the parameter of that name, declared before it, is active
 * itself and has one of the values (texts), or lies in [min, max] where there are no values. */
typedef struct dozan_condition {
    const char *parameter;
    const char *const *values;
    size_t value_count;
    const char *min; /* NULL or "" = unbounded */
    const char *max;
} dozan_condition;

/* A parameter as the user wrote it. Texts are borrowed; NULL and "" both mean that the field is
 * absent. */
typedef struct dozan_parameter {
    const char *name;
    dozan_parameter_type type;
    dozan_distribution distribution;
    const char *min;
    const char *max;
    const char *step;
    const char *const *list;
    size_t list_count;
    const dozan_condition *when; /* NULL = always active */
} dozan_parameter;

enum {
    DOZAN_MAX_DIMENSIONS = 4096,
    DOZAN_MAX_LIST = 65536,
    DOZAN_VALUE_TEXT = 32 /* room for the text of any number, with its final 0 */
};

/* What an algorithm may know of a dimension. */
typedef struct dozan_dimension {
    const char *name;
    dozan_parameter_type type;
    dozan_distribution distribution;
    uint64_t levels; /* number of different values; 0 = continuous */
    bool ordered;    /* false for categorical */
    double min;      /* in the parameter's own unit; 0 and levels-1 for categorical */
    double max;
    size_t parent; /* the dimension that its condition is on; SIZE_MAX = always active */
} dozan_dimension;

typedef struct dozan_space dozan_space;

/* Checks the parameters (names there and unique, numbers that are numbers, min <= max, min > 0 for
 * a log distribution, step > 0, int bounds whole, list not empty and without doubles, discrete
 * entries numeric) and builds the space; copies all text. INVALID_ARGUMENT names the first bad
 * parameter and field in err->place
 * ("parameters[2].feasibleSpace.max"). */
DOZAN_MUST_USE dozan_status dozan_space_create(const dozan_parameter *parameters, size_t count,
                                               dozan_space **space, dozan_error *err);
void dozan_space_destroy(dozan_space *space);

/* Checks one parameter alone; place is the field ("feasibleSpace.max"). */
DOZAN_MUST_USE dozan_status dozan_parameter_check(const dozan_parameter *parameter,
                                                  dozan_error *err);

size_t dozan_space_dimensions(const dozan_space *space);
const dozan_dimension *dozan_space_dimension(const dozan_space *space, size_t index);

/* The number of different points; 0 when the space is continuous or has more than 2^63 (or has a
 * condition on a parameter of more than 2^16 levels). */
uint64_t dozan_space_points(const dozan_space *space);

/* The point of that number (below dozan_space_points), snapped, into unit[dimensions]: each point
 * of the space has one number, and the last dimension changes fastest. */
void dozan_space_point(const dozan_space *space, uint64_t number, double *unit);

/* Whether some parameter has a condition, and whether dimension `index` is active at a point whose
 * coordinates before `index` are those of it. O(depth of the conditions). */
bool dozan_space_is_conditional(const dozan_space *space);
bool dozan_space_active(const dozan_space *space, const double *unit, size_t index);

/* Moves each unit[d] to the canonical coordinates of the point that it means: a quantised
 * coordinate to the middle of its level's part, a continuous one into [0, 1] to the double that its
 * own text reads back to. Idempotent; NaN becomes 0.5. Two points are the same assignment exactly
 * when their snapped coordinates are equal. */
void dozan_space_snap(const dozan_space *space, double *unit);

/* The level (0 .. levels-1) that coordinate u of a quantised dimension means, and the level's
 * canonical coordinate. */
uint64_t dozan_space_level(const dozan_space *space, size_t index, double u);
double dozan_space_level_coordinate(const dozan_space *space, size_t index, uint64_t level);

/* The numeric value of coordinate u in the parameter's own unit (the list index for categorical),
 * and back. */
double dozan_space_value(const dozan_space *space, size_t index, double u);
double dozan_space_coordinate(const dozan_space *space, size_t index, double value);

/* The text of coordinate u. A list entry borrows from the space; a number is written into
 * text[DOZAN_VALUE_TEXT] and that is returned. */
const char *dozan_space_text(const dozan_space *space, size_t index, double u,
                             char text[DOZAN_VALUE_TEXT]);

/* Reads a value's text into its canonical coordinate. Numbers are compared as numbers ("0.10" is
 * 0.1), list entries as text first. INVALID_ARGUMENT when it is none, outside the range
 * (OUT_OF_RANGE), or between two levels. */
DOZAN_MUST_USE dozan_status dozan_space_parse(const dozan_space *space, size_t index,
                                              const char *text, double *u, dozan_error *err);

/* The index of the dimension of that name, or SIZE_MAX. */
size_t dozan_space_find(const dozan_space *space, const char *name);

/* strtod without the locale: reads all of `text` as a finite decimal number, or as nan/inf where
 * `special` is true (with sign, any case, also "infinity"). False when anything is left over. */
bool dozan_number_parse(const char *text, bool special, double *value);

/* Writes the shortest text that reads back to `value`, into text[DOZAN_VALUE_TEXT] ("0.1", "1e-05",
 * "nan", "-inf"). */
void dozan_number_text(double value, char text[DOZAN_VALUE_TEXT]);

#endif
