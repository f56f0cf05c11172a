/* SPDX-License-Identifier: Apache-2.0 */
/* hubdrain version: what a bug report must name. Libraries say what is loaded, not what was there
 * at build time, where they can. */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <proton/version.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <yaml.h>
#include <zlib.h>

#include "config.h"
#include "options.h"
#include "src/cli/commit-id.h"

int cli_version(void)
{
    const char *curl = curl_version_info(CURLVERSION_NOW)->version;
    const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;

    printf("hubdrain %s%s%s%s\n", HD_VERSION, *HD_COMMIT ? " (commit " : "", HD_COMMIT,
           *HD_COMMIT ? ")" : "");
    printf("compiler   %s\n", HD_COMPILER);
    printf("proton     %d.%d.%d (at build time)\n", PN_VERSION_MAJOR, PN_VERSION_MINOR,
           PN_VERSION_POINT);
    printf("curl       %s, TLS by %s\n", curl, tls ? tls : "nothing");
    printf("OpenSSL    %s\n", OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
    printf("libuv      %s\n", uv_version_string());
    printf("cJSON      %s\n", cJSON_Version());
    printf("libyaml    %s\n", yaml_get_version_string());
    printf("zlib       %s\n", zlibVersion());
    return cli_flush();
}

int hd_cli_version(int argc, char **argv)
{
    int operands = 0;
    int code = cli_parse(cli_command_find("version"), argc, argv, NULL, &operands);

    return code == CLI_GO_ON ? cli_version() : code;
}
