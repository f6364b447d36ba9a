/*
 * A plot in text: how the best value went, trial by trial. A pure function.
 */
#ifndef DZ_CLI_PLOT_H
#define DZ_CLI_PLOT_H

#include <dozan/buf.h>

enum { DZ_PLOT_MAX_WIDTH = 500, DZ_PLOT_MAX_HEIGHT = 100 };

/* Appends a plot of at most width x height characters (both are brought into 20 .. max and 3 ..
 * max). values[count] is the best value after each trial, from trial 1 on; NaN = none yet, and
 * what is not finite is left out. Each column stands for one trial or, where there are more trials
 * than columns, for several, and shows the last of them: '*' where the value changed, '-' where it
 * stayed, '|' where it went through on the way. One row when all values are equal; nothing at all
 * when there is no finite one. */
void dz_plot_render(const double *values, size_t count, size_t width, size_t height,
                    dozan_buf *out);

#endif
