/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * Names and metadata are those of Microsoft's SDKs, so that any of them can go on where hubdrain
 * stopped, and the other way round: an empty block blob
 * <namespace>/<hub>/<group>/checkpoint/<partition>, all in lower case, whose metadata is the
 * checkpoint.
 *
 * A list or a write is an operation: a small state machine whose steps are requests. A write first
 * sets the metadata of the blob that is there (an upload would make a new version each time where
 * versioning is on); only the first one of a partition's life finds none and puts it. Where the
 * container is missing it is made, if allowed, and the step that missed it is repeated.
 *
 * When the service says Retry-After, nothing is sent before that: operations end at once with the
 * same outcome, and their user comes back by itself.
 */
#include "blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "blob_answer.h"
#include "blob_request.h"
#include "blob_xml.h"
#include "hubdrain/hmac.h"
#include "hubdrain/http.h"
#include "hubdrain/loop.h"
#include "hubdrain/storage.h"

enum {
    MAX_PAGE_BYTES = 32 * 1024 * 1024, /* 5000 blobs with all the metadata they may have */
    MAX_ANSWER_BYTES = 64 * 1024,
    MAX_RETRY_AFTER_MS = 60000,
    MAX_PAGES = 10000, /* a server that goes on for ever is none */
};

enum step { STEP_LIST, STEP_SET_METADATA, STEP_PUT_BLOB, STEP_CREATE_CONTAINER };

struct operation {
    struct blob_store *store;
    struct operation *prev, *next;
    enum step step;
    enum step after_create; /* the step that missed the container */
    bool container_created;
    struct hd_http_request_handle *request; /* NULL: none is under way */
    struct hd_timer give_up;                /* answers UNAVAILABLE with .diag */
    struct hd_diag diag;

    hd_store_list_fn *list_fn;
    struct hd_checkpoint_list list;
    struct hd_buffer marker;
    unsigned pages;

    hd_store_write_fn *write_fn;
    char partition[HD_PARTITION_ID_SIZE];
    struct hd_position position;

    void *context;
};

struct blob_store {
    struct hd_store store;
    struct hd_http *http;
    struct hd_storage_account account;
    struct hd_buffer container_path; /* with the endpoint's path in front */
    struct hd_buffer folder;         /* "ns/hub/group/checkpoint/", plain */
    struct hd_buffer description;
    bool create_container;
    char *ca_file; /* NULL: the system's */
    int64_t timeout_ms;
    unsigned page_size;
    int64_t closed_until_ms;     /* Retry-After */
    struct operation operations; /* the list's head */
};

static int send_step(struct operation *operation);

/* ---- operations ---- */

static void free_operation(struct operation *operation)
{
    if (operation->request) {
        hd_http_cancel(operation->store->http, operation->request);
    }
    hd_timer_stop(&operation->give_up);
    operation->prev->next = operation->next;
    operation->next->prev = operation->prev;
    hd_checkpoint_list_deinit(&operation->list);
    hd_buffer_deinit(&operation->marker);
    free(operation);
}

/* Tells the user, who may then free the store. */
static void finish(struct operation *operation, enum hd_store_result result)
{
    struct operation told = *operation;
    const struct hd_diag *diag = result == HD_STORE_OK ? NULL : &told.diag;
    operation->list = (struct hd_checkpoint_list){0}; /* moved */
    free_operation(operation);
    if (told.write_fn) {
        told.write_fn(told.context, result, diag);
    } else if (diag) {
        told.list_fn(told.context, result, NULL, 0, diag);
    } else {
        told.list_fn(told.context, HD_STORE_OK, told.list.items, told.list.n, NULL);
    }
    hd_checkpoint_list_deinit(&told.list);
}

static void describe_doing(const struct operation *operation, char *ret, size_t size)
{
    if (operation->step == STEP_CREATE_CONTAINER) {
        snprintf(ret, size, "create the container");
    } else if (operation->step == STEP_LIST) {
        snprintf(ret, size, "list checkpoints");
    } else {
        snprintf(ret, size, "write the checkpoint of partition %s", operation->partition);
    }
}

static void fail_with(struct operation *operation, const struct hd_http_response *response)
{
    char doing[128];
    struct blob_store *blob = operation->store;
    describe_doing(operation, doing, sizeof(doing));
    struct hd_blob_where where = {.doing = doing,
                                  .description = blob->store.description,
                                  .sas = blob->account.sas,
                                  .realtime_ms = hd_loop_realtime_ms(blob->store.loop)};
    enum hd_store_result result = hd_blob_answer_judge(response, &where, &operation->diag);
    if (response->retry_after_ms > 0 && result == HD_STORE_UNAVAILABLE) {
        int64_t wait_ms = response->retry_after_ms < MAX_RETRY_AFTER_MS ? response->retry_after_ms
                                                                        : MAX_RETRY_AFTER_MS;
        blob->closed_until_ms = hd_loop_now_ms(blob->store.loop) + wait_ms;
    }
    finish(operation, result);
}

static void on_give_up(struct hd_timer *timer, void *data)
{
    (void)timer;
    finish(data, HD_STORE_UNAVAILABLE);
}

static void give_up(struct operation *operation, const char *why)
{
    char doing[128];
    describe_doing(operation, doing, sizeof(doing));
    hd_fail(&operation->diag, 0, "cannot %s: %s", doing, why);
    hd_timer_start(&operation->give_up, 0);
}

/* The next request of an operation that has begun. */
static void go_on(struct operation *operation, enum step step)
{
    operation->step = step;
    int r = send_step(operation);
    if (r < 0) {
        give_up(operation, strerror(-r));
    }
}

/* ---- answers ---- */

/* true: the container is missing, and what is to be done about it has been started. */
static bool make_container(struct operation *operation, const char *code)
{
    bool missing = strcmp(code, "ContainerNotFound") == 0 || !code[0];
    if (!missing || !operation->store->create_container || operation->container_created) {
        return false;
    }
    operation->after_create = operation->step;
    go_on(operation, STEP_CREATE_CONTAINER);
    return true;
}

/* Blobs that are no checkpoint are passed over: the folders of hierarchical namespaces, and what
 * lies deeper. */
static int on_blob(void *context, const struct hd_blob *found)
{
    struct operation *operation = context;
    struct hd_slice folder = hd_buffer_slice(&operation->store->folder);
    const char *folder_marker = hd_blob_metadata_find(found, "hdi_isfolder");
    struct hd_slice name = hd_slice_cstr(found->name);
    if (name.len <= folder.len || !hd_slice_eq(hd_slice(name.data, folder.len), folder) ||
        (folder_marker && strcmp(folder_marker, "true") == 0)) {
        return 0;
    }
    const char *partition = found->name + folder.len;
    if (strchr(partition, '/') || strlen(partition) >= HD_PARTITION_ID_SIZE) {
        return 0;
    }
    struct hd_checkpoint *checkpoint = hd_checkpoint_list_add(&operation->list);
    if (!checkpoint) {
        return -ENOMEM;
    }
    memcpy(checkpoint->partition, partition, strlen(partition) + 1);
    hd_checkpoint_parse(hd_blob_metadata_find(found, "sequencenumber"),
                        hd_blob_metadata_find(found, "offset"), checkpoint);
    return 0;
}

static void on_page(struct operation *operation, const struct hd_http_response *response)
{
    struct hd_diag why = {0};
    struct hd_buffer next = {0};
    int r = hd_blob_list_parse(response->body, on_blob, operation, &next, &why);
    bool again = hd_slice_eq(hd_buffer_slice(&next), hd_buffer_slice(&operation->marker));
    if (r == 0 && next.len > 0 && (again || ++operation->pages == MAX_PAGES)) {
        r = hd_fail(&why, HD_BLOB_XML_E_BROKEN, "its pages never end");
    }
    hd_buffer_deinit(&operation->marker);
    operation->marker = next;
    if (r != 0) {
        hd_fail(&operation->diag, 0,
                "cannot list checkpoints: %s answered with something that is no list of blobs (%s);"
                " is there a proxy or another server in between?",
                operation->store->store.description, r < 0 ? strerror(-r) : why.text);
        finish(operation, HD_STORE_UNAVAILABLE);
    } else if (next.len > 0) {
        go_on(operation, STEP_LIST);
    } else {
        finish(operation, HD_STORE_OK);
    }
}

static void on_answer(void *context, const struct hd_http_response *response)
{
    struct operation *operation = context;
    char code[HD_BLOB_CODE_SIZE];
    int status = response->status;
    operation->request = NULL;
    hd_blob_answer_code(response, code);
    switch (operation->step) {
    case STEP_LIST:
        if (status == 200) {
            on_page(operation, response);
            return;
        }
        if (status == 404 && make_container(operation, code)) {
            return;
        }
        break;
    case STEP_SET_METADATA:
        if (status == 200) {
            finish(operation, HD_STORE_OK);
            return;
        }
        if (status == 404 && strcmp(code, "ContainerNotFound") != 0) {
            go_on(operation, STEP_PUT_BLOB);
            return;
        }
        if (status == 404 && make_container(operation, code)) {
            return;
        }
        break;
    case STEP_PUT_BLOB:
        if (status == 201) {
            finish(operation, HD_STORE_OK);
            return;
        }
        if (status == 404 && make_container(operation, code)) {
            return;
        }
        break;
    case STEP_CREATE_CONTAINER:
        if (status == 201 || (status == 409 && strcmp(code, "ContainerAlreadyExists") == 0)) {
            operation->container_created = true;
            go_on(operation, operation->after_create);
            return;
        }
        break;
    }
    fail_with(operation, response);
}

/* ---- requests ---- */

static int append_blob_path(struct hd_buffer *out, const struct operation *operation)
{
    int r = hd_buffer_append_cstr(out, "/");
    if (r == 0) {
        r = hd_url_encode(out, hd_buffer_slice(&operation->store->folder), "/");
    }
    return r < 0 ? r : hd_url_encode(out, hd_slice_cstr(operation->partition), NULL);
}

static int append_list_query(struct hd_buffer *out, const struct operation *operation)
{
    const struct blob_store *blob = operation->store;
    int r = hd_buffer_append_cstr(out, "restype=container&comp=list&include=metadata&prefix=");
    if (r == 0) {
        r = hd_url_encode(out, hd_buffer_slice(&blob->folder), NULL);
    }
    if (r == 0 && operation->marker.len > 0) {
        r = hd_buffer_append_cstr(out, "&marker=");
        r = r < 0 ? r : hd_url_encode(out, hd_buffer_slice(&operation->marker), NULL);
    }
    if (r == 0 && blob->page_size > 0) {
        r = hd_buffer_printf(out, "&maxresults=%u", blob->page_size);
    }
    return r;
}

static void add_metadata(struct hd_blob_request *request, const struct operation *operation,
                         char sequence_number[24])
{
    snprintf(sequence_number, 24, "%lld", (long long)operation->position.sequence_number);
    hd_blob_request_header(request, "x-ms-meta-sequencenumber", sequence_number);
    hd_blob_request_header(request, "x-ms-meta-offset", operation->position.offset);
}

static int describe_step(struct hd_blob_request *request, const struct operation *operation,
                         char sequence_number[24])
{
    switch (operation->step) {
    case STEP_LIST:
        request->method = "GET";
        request->max_body_bytes = MAX_PAGE_BYTES;
        return append_list_query(&request->query, operation);
    case STEP_CREATE_CONTAINER:
        return hd_buffer_append_cstr(&request->query, "restype=container");
    case STEP_SET_METADATA:
        add_metadata(request, operation, sequence_number);
        if (hd_buffer_append_cstr(&request->query, "comp=metadata") < 0) {
            return -ENOMEM;
        }
        return append_blob_path(&request->path, operation);
    case STEP_PUT_BLOB:
        add_metadata(request, operation, sequence_number);
        hd_blob_request_header(request, "x-ms-blob-type", "BlockBlob");
        return append_blob_path(&request->path, operation);
    }
    return -EINVAL;
}

static int send_step(struct operation *operation)
{
    struct blob_store *blob = operation->store;
    char sequence_number[24];
    struct hd_blob_request request = {.method = "PUT",
                                      .realtime_ms = hd_loop_realtime_ms(blob->store.loop),
                                      .timeout_ms = blob->timeout_ms,
                                      .ca_file = blob->ca_file,
                                      .max_body_bytes = MAX_ANSWER_BYTES};
    int r = hd_buffer_append(&request.path, blob->container_path.data, blob->container_path.len);
    if (r == 0) {
        r = describe_step(&request, operation, sequence_number);
    }
    if (r == 0) {
        r = hd_blob_request_send(&request, blob->http, &blob->account, on_answer, operation,
                                 &operation->request);
    }
    hd_blob_request_deinit(&request);
    return r;
}

/* ---- the store ---- */

static int start(struct blob_store *blob, const struct operation *request)
{
    struct operation *operation = malloc(sizeof(*operation));
    if (!operation) {
        return -ENOMEM;
    }
    *operation = *request;
    operation->store = blob;
    operation->next = &blob->operations;
    operation->prev = blob->operations.prev;
    operation->prev->next = operation;
    blob->operations.prev = operation;
    hd_timer_init(&operation->give_up, blob->store.loop, on_give_up, operation);
    if (hd_loop_now_ms(blob->store.loop) < blob->closed_until_ms) {
        give_up(operation, "the storage service has asked to wait before the next request");
        return 0;
    }
    int r = send_step(operation);
    if (r < 0) {
        free_operation(operation);
    }
    return r;
}

static int blob_list(struct hd_store *store, hd_store_list_fn *fn, void *context)
{
    struct operation operation = {.step = STEP_LIST, .list_fn = fn, .context = context};
    return start((struct blob_store *)store, &operation);
}

static int blob_write(struct hd_store *store, const char *partition,
                      const struct hd_position *position, hd_store_write_fn *fn, void *context)
{
    struct operation operation = {
        .step = STEP_SET_METADATA, .write_fn = fn, .context = context, .position = *position};
    memcpy(operation.partition, partition, strlen(partition) + 1);
    return start((struct blob_store *)store, &operation);
}

static void blob_cancel(struct hd_store *store, void *context)
{
    struct blob_store *blob = (struct blob_store *)store;
    for (struct operation *at = blob->operations.next, *next; at != &blob->operations; at = next) {
        next = at->next;
        if (at->context == context) {
            free_operation(at);
        }
    }
}

static void blob_free(struct hd_store *store)
{
    struct blob_store *blob = (struct blob_store *)store;
    while (blob->operations.next != &blob->operations) {
        free_operation(blob->operations.next);
    }
    hd_storage_account_wipe(&blob->account);
    hd_buffer_deinit(&blob->container_path);
    hd_buffer_deinit(&blob->folder);
    hd_buffer_deinit(&blob->description);
    free(blob->ca_file);
    free(blob);
}

static const struct hd_store_ops blob_ops = {blob_list, blob_write, blob_cancel, blob_free};

static int name_things(struct blob_store *blob, const struct hd_store_options *options)
{
    const char *const parts[] = {options->namespace_name, options->hub, options->consumer_group};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        r = hd_store_append_lower(&blob->folder, parts[i]);
        r = r < 0 ? r : hd_buffer_append_cstr(&blob->folder, "/");
    }
    if (r == 0) {
        r = hd_buffer_printf(&blob->description, "blob %s/%s/%.*s", blob->account.endpoint,
                             options->container, (int)(blob->folder.len - 1), blob->folder.data);
    }
    if (r == 0) {
        r = hd_buffer_append_cstr(&blob->folder, "checkpoint/");
    }
    if (r == 0) {
        r = hd_buffer_printf(&blob->container_path, "%s/",
                             hd_storage_endpoint_path(&blob->account));
    }
    if (r == 0) {
        r = hd_url_encode(&blob->container_path, hd_slice_cstr(options->container), NULL);
    }
    return r;
}

int hd_store_new_blob(struct hd_loop *loop, struct hd_http *http,
                      const struct hd_store_options *options, struct hd_store **ret,
                      struct hd_diag *diag)
{
    if (!options->connection_string || !options->connection_string[0]) {
        return hd_fail(diag, -EINVAL, "the blob store needs a storage connection string");
    }
    if (!options->container || !options->container[0]) {
        return hd_fail(diag, -EINVAL, "the blob store needs a container");
    }
    struct blob_store *blob = calloc(1, sizeof(*blob));
    if (!blob) {
        return -ENOMEM;
    }
    blob->operations.prev = blob->operations.next = &blob->operations;
    blob->http = http;
    blob->create_container = options->create_container;
    blob->timeout_ms = options->timeout_ms;
    int r = hd_storage_account_parse(options->connection_string, &blob->account, diag);
    if (r == 0) {
        r = name_things(blob, options);
    }
    if (r == 0 && options->ca_file) {
        blob->ca_file = strdup(options->ca_file);
        r = blob->ca_file ? 0 : -ENOMEM;
    }
    if (r < 0) {
        blob_free(&blob->store);
        return r;
    }
    blob->store = (struct hd_store){&blob_ops, loop, hd_buffer_cstr(&blob->description)};
    *ret = &blob->store;
    return 0;
}

void hd_store_blob_set_page_size(struct hd_store *store, unsigned blobs)
{
    ((struct blob_store *)store)->page_size = blobs;
}
