/*
 * dozan-suggest: serves the algorithms of the table, as any plugin is served.
 */
#include "table.h"

int main(int argc, char **argv)
{
    dozan_algorithms_init();
    return dozan_plugin_main(argc, argv, dozan_algorithms_table());
}
