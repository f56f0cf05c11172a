/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN. ACK means "handed to whoever reads our standard output", and no more. Two things need
 * care:
 *
 * A reader that stops reading must not hold up the end of the process, so no write may block.
 * O_NONBLOCK is out of the question: it would be set for everyone who shares the descriptor, the
 * shell included. Instead poll() says when there is room, and then no more is written than fits
 * without waiting: PIPE_BUF bytes into a pipe or terminal (that is what POLLOUT promises), any
 * number with MSG_DONTWAIT into a socket. Regular files do not wait.
 *
 * A line that was written in part cannot be taken back. How much of it is out is kept, and the next
 * attempt goes on behind it: the sink's order makes sure that it begins with the same document.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hubdrain/log.h"
#include "src/output/kinds.h"

#define STOP_POLL_MS 100 /* how often a full pipe looks whether it shall stop */

enum target { TARGET_FILE, TARGET_SOCKET, TARGET_OTHER };

struct standard {
    const struct hd_output_options *options;
    int fd;
    enum target target;
    size_t partial; /* bytes of the first pending line that are out already */
};

/* $JOURNAL_STREAM names what systemd connected to the journal: device:inode. */
static bool is_journal(const struct stat *st)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && device == st->st_dev &&
           inode == st->st_ino;
}

static int standard_new(const struct hd_output_options *options, void **ret_self,
                        struct hd_diag *diag)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) < 0) {
        return hd_fail(diag, -errno, "output %s: standard output is closed", options->name);
    }
    struct standard *standard = calloc(1, sizeof(*standard));
    if (!standard) {
        return -ENOMEM;
    }
    standard->options = options;
    standard->fd = STDOUT_FILENO;
    standard->target = S_ISREG(st.st_mode)    ? TARGET_FILE
                       : S_ISSOCK(st.st_mode) ? TARGET_SOCKET
                                              : TARGET_OTHER;
    if (is_journal(&st)) {
        hd_log(HD_LOG_WARNING, "output.stdout.journal",
               "standard output is the journal, which cuts long lines and drops what comes too "
               "fast; use a file",
               HD_STR("output", options->name));
    }
    *ret_self = standard;
    return 0;
}

static void standard_free(void *self)
{
    free(self);
}

static ssize_t write_some(const struct standard *standard, const char *data, size_t len)
{
    switch (standard->target) {
    case TARGET_FILE:
        break;
    case TARGET_SOCKET:
        return send(standard->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    case TARGET_OTHER:
        len = len < PIPE_BUF ? len : PIPE_BUF;
        break;
    }
    return write(standard->fd, data, len);
}

/* Waits until something can be written. An errno; EINTR where the sink is to stop. */
static int wait_for_room(const struct standard *standard, const atomic_bool *stop)
{
    struct pollfd poll_fd = {.fd = standard->fd, .events = POLLOUT};
    while (standard->target != TARGET_FILE) {
        int n = poll(&poll_fd, 1, STOP_POLL_MS);
        if (n > 0) {
            return poll_fd.revents & POLLNVAL ? EBADF : 0;
        }
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (atomic_load(stop)) {
            return EINTR;
        }
    }
    return 0;
}

/* Writes until done or an errno. */
static int write_lines(const struct standard *standard, const char *data, size_t len,
                       const atomic_bool *stop, size_t *ret_done)
{
    int error = 0;
    size_t done = 0;
    while (done < len && !error) {
        error = wait_for_room(standard, stop);
        ssize_t n = error ? 0 : write_some(standard, data + done, len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
            error = errno;
        }
    }
    *ret_done = done;
    return error;
}

static enum hd_answer answer_of(int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case EBADF:
    case EIO: /* a terminal that was hung up */
        return HD_OUTPUT_BROKEN;
    default:
        return HD_OUTPUT_RETRY; /* a full disk behind a redirection */
    }
}

/* Pending documents that stand next to each other, from `first` on. */
static uint32_t measure(const struct hd_delivery *delivery, uint32_t first, size_t *ret_len)
{
    const struct hd_document *documents = delivery->batch->documents;
    size_t len = documents[first].len + (size_t)1;
    uint32_t end = first + 1;
    while (end < delivery->batch->n_documents && delivery->answers[end] == HD_OUTPUT_PENDING &&
           documents[end].start == documents[first].start + len) {
        len += documents[end++].len + (size_t)1;
    }
    *ret_len = len;
    return end;
}

static int write_block(struct standard *standard, struct hd_delivery *delivery, uint32_t *at)
{
    const struct hd_document *documents = delivery->batch->documents;
    const char *data = delivery->batch->text.data + documents[*at].start;
    size_t len, done, skip = standard->partial;
    uint32_t end = measure(delivery, *at, &len);
    int error = write_lines(standard, data + skip, len - skip, delivery->stop, &done);
    done += skip;
    while (*at < end && documents[*at].len + (size_t)1 <= done) {
        done -= documents[*at].len + (size_t)1;
        delivery->answers[(*at)++] = HD_OUTPUT_ACK;
    }
    standard->partial = done;
    return error;
}

static void standard_deliver(void *self, struct hd_delivery *delivery)
{
    struct standard *standard = self;
    int error = 0;
    for (uint32_t i = 0; i < delivery->batch->n_documents;) {
        if (delivery->answers[i] != HD_OUTPUT_PENDING) {
            i++;
        } else if (!error) {
            error = write_block(standard, delivery, &i);
        } else {
            delivery->answers[i++] = answer_of(error);
        }
    }
    if (error == EINTR) {
        hd_reason_set(delivery->reason, "stopping while nobody reads standard output");
    } else if (error) {
        char text[128];
        snprintf(delivery->reason, sizeof(delivery->reason), "cannot write to standard output: %s",
                 strerror_r(error, text, sizeof(text)));
    }
}

const struct hd_output_ops hd_output_stdout = {
    .kind = "stdout",
    .new = standard_new,
    .free = standard_free,
    .deliver = standard_deliver,
};
