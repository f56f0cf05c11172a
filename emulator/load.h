/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loader: appends the files of --load, at once or at --rate events a second.
 *
 * A file named *.json or *.xml (or with no line feed at all) is one message; in any other
 * (*.jsonl, *.ndjson, *.log) each line that is not empty is one. A hub that has events already
 * (--data, second start) is left as it is.
 *
 * Owner: the server. Threads: the loop's. Limits: files are mapped, not read into memory.
 */
#ifndef EMULATOR_LOAD_H
#define EMULATOR_LOAD_H

#include "server.h"

/* Without --rate everything is appended before this returns. */
int emu_loader_start(struct emu_server *server, struct emu_loader **ret, struct hd_diag *diag);
void emu_loader_stop(struct emu_loader *loader); /* accepts NULL; frees it */

#endif
