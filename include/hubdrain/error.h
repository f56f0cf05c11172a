/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: 0 is success; a negative value is a fatal -errno that is forwarded; a positive value is
 * an outcome that the header of the function lists.
 *
 * hd_diag carries the text for people: what happened, to which object, and what to do. Owned by
 * the caller; functions that take one accept NULL. Never holds a secret.
 */
#ifndef HUBDRAIN_ERROR_H
#define HUBDRAIN_ERROR_H

struct hd_diag {
    char text[512];
    char file[256];   /* "" when there is none */
    int line, column; /* from 1; 0 when there is none */
};

/* Fills diag (if not NULL) and returns `code`, so that it can stand behind `return`. */
int hd_fail(struct hd_diag *diag, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define HD_CLEANUP(function) __attribute__((cleanup(function)))

#endif
