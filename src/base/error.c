/* SPDX-License-Identifier: Apache-2.0 */
#include "hubdrain/error.h"

#include <stdarg.h>
#include <stdio.h>

int hd_fail(struct hd_diag *diag, int code, const char *format, ...)
{
    if (diag) {
        va_list args;
        va_start(args, format);
        vsnprintf(diag->text, sizeof(diag->text), format, args);
        va_end(args);
    }
    return code;
}
