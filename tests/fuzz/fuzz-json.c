/* SPDX-License-Identifier: Apache-2.0 */
/* What the strict scanner takes the tolerant one takes too, and so does cJSON; unescaping fits. */
#include <cjson/cJSON.h>

#include "../../src/decode/json.h"
#include "account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + HD_PADDING), *to = malloc(JSON_UNESCAPED_MAX(size));
    if (!text || !to) {
        abort();
    }
    memcpy(text, data, size);
    struct json json = {text, text + size, 64, false};
    struct json_value value;
    json_space(&json);
    int r = json_value(&json, &value);
    if (json_strict(hd_slice(text, size))) {
        cJSON *tree = cJSON_ParseWithLength(text, size + 1);
        if ((r && r != HD_DEAD_TOO_DEEP) || (!tree && !strstr(text, "\\u"))) {
            abort(); /* cJSON refuses lone surrogates, which RFC 8259 allows */
        }
        cJSON_Delete(tree);
    }
    json_unescape(hd_slice(text, size), to); /* ASan watches where it writes */
    free(to);
    free(text);
    return 0;
}
