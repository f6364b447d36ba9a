/* The program `dozan`. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return dz_cli_main(argc, argv, stdout, stderr);
}
