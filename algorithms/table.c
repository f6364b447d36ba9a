/*
 * The table of algorithms. A new one is a new file and one line of table.h.
 */
#include "table.h"

#include <gsl/gsl_errno.h>
#include <stddef.h>

/* OpenBLAS's own; its header clashes with GSL's CBLAS header. */
extern void openblas_set_num_threads(int threads);

const dozan_algorithm *const *dozan_algorithms_table(void)
{
#define DZ_ALGORITHM_ADDRESS(name) &(name),
    static const dozan_algorithm *const table[] = {DZ_ALGORITHM_TABLE(DZ_ALGORITHM_ADDRESS) NULL};
#undef DZ_ALGORITHM_ADDRESS
    return table;
}

void dozan_algorithms_init(void)
{
    (void)gsl_set_error_handler_off();
    openblas_set_num_threads(1);
}
