/* SPDX-License-Identifier: Apache-2.0 */
/* The hub as a source: its functions under the types of struct hd_source_ops. */
#include "hubdrain/pipeline.h"

static int start(void *self)
{
    return hd_hub_start(self);
}

static int receive(void *self, uint32_t number, const struct hd_start *from)
{
    return hd_hub_receive(self, number, from);
}

static void release(void *self, uint32_t number)
{
    hd_hub_release(self, number);
}

static void set_credit(void *self, uint32_t number, uint32_t messages)
{
    hd_hub_set_credit(self, number, messages);
}

static void resume(void *self)
{
    hd_hub_resume(self);
}

static void close(void *self, int64_t timeout_ms, void (*done)(void *context))
{
    hd_hub_close(self, timeout_ms, done);
}

const struct hd_source_ops hd_source_hub = {start, receive, release, set_credit, resume, close};
