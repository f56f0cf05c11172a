/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: the file store puts the blocking calls of file_dir.c on the loop's pool. A job that is
 * under way when the store is freed goes on and answers nobody; the directory, and with it the
 * lock, lives until the last of them is done. References are counted on the loop's thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "file_dir.h"
#include "hubdrain/loop.h"

struct shared_dir {
    struct hd_file_dir dir;
    size_t references;
};

struct job {
    struct job *prev, *next;  /* of the store's list */
    struct file_store *store; /* NULL when it is gone */
    bool cancelled;
    struct shared_dir *shared;
    hd_store_list_fn *list_fn;
    hd_store_write_fn *write_fn;
    void *context;
    char partition[HD_PARTITION_ID_SIZE];
    struct hd_position position;
    struct hd_checkpoint_list list;
    enum hd_store_result result;
    struct hd_diag diag;
};

struct file_store {
    struct hd_store store;
    struct hd_buffer description;
    struct shared_dir *shared;
    struct job jobs; /* the list's head */
};

static void release(struct shared_dir *shared)
{
    if (--shared->references == 0) {
        hd_file_dir_close(&shared->dir);
        free(shared);
    }
}

static void unlink_job(struct job *job)
{
    job->prev->next = job->next;
    job->next->prev = job->prev;
}

static void free_job(struct job *job)
{
    release(job->shared);
    hd_checkpoint_list_deinit(&job->list);
    free(job);
}

/* On a thread of the pool. */
static void work(void *data)
{
    struct job *job = data;
    if (job->list_fn) {
        job->result = hd_file_dir_read(&job->shared->dir, &job->list, &job->diag);
    } else {
        job->result =
            hd_file_dir_write(&job->shared->dir, job->partition, &job->position, &job->diag);
    }
}

static void done(void *data)
{
    struct job *job = data;
    if (job->store) {
        unlink_job(job);
        const struct hd_diag *diag = job->result == HD_STORE_OK ? NULL : &job->diag;
        if (job->cancelled) {
            /* nobody to tell */
        } else if (!job->list_fn) {
            job->write_fn(job->context, job->result, diag);
        } else if (diag) {
            job->list_fn(job->context, job->result, NULL, 0, diag);
        } else {
            job->list_fn(job->context, HD_STORE_OK, job->list.items, job->list.n, NULL);
        }
    }
    free_job(job);
}

static int start(struct file_store *file, const struct job *request)
{
    struct job *job = malloc(sizeof(*job));
    if (!job) {
        return -ENOMEM;
    }
    *job = *request;
    job->store = file;
    job->shared = file->shared;
    file->shared->references++;
    int r = hd_loop_work(file->store.loop, work, done, job);
    if (r < 0) {
        free_job(job);
        return r;
    }
    job->next = &file->jobs;
    job->prev = file->jobs.prev;
    job->prev->next = job;
    file->jobs.prev = job;
    return 0;
}

static int file_list(struct hd_store *store, hd_store_list_fn *fn, void *context)
{
    struct job job = {.list_fn = fn, .context = context};
    return start((struct file_store *)store, &job);
}

static int file_write(struct hd_store *store, const char *partition,
                      const struct hd_position *position, hd_store_write_fn *fn, void *context)
{
    struct job job = {.write_fn = fn, .context = context, .position = *position};
    memcpy(job.partition, partition, strlen(partition) + 1);
    return start((struct file_store *)store, &job);
}

static void file_cancel(struct hd_store *store, void *context)
{
    struct file_store *file = (struct file_store *)store;
    for (struct job *job = file->jobs.next; job != &file->jobs; job = job->next) {
        job->cancelled = job->cancelled || job->context == context;
    }
}

static void file_free(struct hd_store *store)
{
    struct file_store *file = (struct file_store *)store;
    for (struct job *job = file->jobs.next; job != &file->jobs; job = job->next) {
        job->store = NULL;
    }
    release(file->shared);
    hd_buffer_deinit(&file->description);
    free(file);
}

static const struct hd_store_ops file_ops = {file_list, file_write, file_cancel, file_free};

int hd_store_new_file(struct hd_loop *loop, struct hd_http *http,
                      const struct hd_store_options *options, struct hd_store **ret,
                      struct hd_diag *diag)
{
    (void)http;
    if (!options->directory || !options->directory[0]) {
        return hd_fail(diag, -EINVAL, "the file store needs a directory");
    }
    struct file_store *file = calloc(1, sizeof(*file));
    struct shared_dir *shared = calloc(1, sizeof(*shared));
    if (!file || !shared) {
        free(file);
        free(shared);
        return -ENOMEM;
    }
    int r = hd_file_dir_open(&shared->dir, options, diag);
    if (r < 0) {
        free(file);
        free(shared);
        return r;
    }
    shared->references = 1;
    file->shared = shared;
    file->jobs.prev = file->jobs.next = &file->jobs;
    r = hd_buffer_printf(&file->description, "file %s", shared->dir.path.data);
    if (r < 0) {
        file_free(&file->store);
        return r;
    }
    file->store = (struct hd_store){&file_ops, loop, hd_buffer_cstr(&file->description)};
    *ret = &file->store;
    return 0;
}
