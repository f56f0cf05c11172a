/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes: those of sysexits(3); see hubdrain --help. */
#ifndef HUBDRAIN_EXIT_H
#define HUBDRAIN_EXIT_H

enum {
    HD_EXIT_OK = 0,
    HD_EXIT_USAGE = 64,
    HD_EXIT_DATA = 65,
    HD_EXIT_NO_INPUT = 66,
    HD_EXIT_UNAVAILABLE = 69,
    HD_EXIT_INTERNAL = 70,
    HD_EXIT_OS = 71,
    HD_EXIT_CANNOT_CREATE = 73,
    HD_EXIT_IO = 74,
    HD_EXIT_TEMPORARY = 75,
    HD_EXIT_PERMISSION = 77,
    HD_EXIT_CONFIG = 78,
};

#endif
