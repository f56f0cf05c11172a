/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/cli.h"

int main(int argc, char **argv)
{
    return hd_cli_main(argc, argv);
}
