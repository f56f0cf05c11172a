/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings: what they mean, and that no mistake in one shows its secret. */
#include <errno.h>

#include "hubdrain/auth.h"
#include "test.h"

#define KEY ";SharedAccessKeyName=listen;SharedAccessKey=aGVsbG8="
#define NS  "Endpoint=sb://contoso.servicebus.windows.net/"

static void accepted(void)
{
    static const struct {
        const char *text, *hub; /* the configured one */
        const char *want_host;
        int want_port;
        bool want_tls;
        const char *want_hub;
    } rows[] = {
        {NS KEY ";EntityPath=hub1", NULL, "contoso.servicebus.windows.net", 5671, true, "hub1"},
        {NS KEY, "hub1", "contoso.servicebus.windows.net", 5671, true, "hub1"},
        {NS KEY ";EntityPath=hub1;", "Hub1", "contoso.servicebus.windows.net", 5671, true, "hub1"},
        {"  " NS KEY ";EntityPath=hub1 ;\r\n", NULL, "contoso.servicebus.windows.net", 5671, true,
         "hub1"},
        {"\"" NS KEY ";EntityPath=hub1\"", NULL, "contoso.servicebus.windows.net", 5671, true,
         "hub1"},
        {"ENDPOINT=SB://ns" KEY, "h", "ns", 5671, true, "h"},
        {"HostName=ns.example" KEY, "h", "ns.example", 5671, true, "h"},
        {"Endpoint=sb://ns:25671" KEY ";Unknown=x", "h", "ns", 25671, true, "h"},
        {"Endpoint=amqps://ns/" KEY, "h", "ns", 5671, true, "h"},
        {"Endpoint=amqp://ns" KEY, "h", "ns", 5672, false, "h"},
        {"Endpoint=sb://localhost" KEY ";UseDevelopmentEmulator=true;", "h", "localhost", 5672,
         false, "h"},
        {"Endpoint=sb://localhost:1234" KEY ";UseDevelopmentEmulator=TRUE", "h", "localhost", 1234,
         false, "h"},
        {"Endpoint=amqps://localhost" KEY ";UseDevelopmentEmulator=true", "h", "localhost", 5671,
         true, "h"},
        {"Endpoint=sb://localhost" KEY ";UseDevelopmentEmulator=false", "h", "localhost", 5671,
         true, "h"},
        {"Endpoint=sb://[::1]:5673" KEY, "h", "::1", 5673, true, "h"},
        {"Endpoint=sb://[fe80::1]/" KEY, "h", "fe80::1", 5671, true, "h"},
        {"Endpoint=sb://::1" KEY, "h", "::1", 5671, true, "h"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_eventhub_address a;
        struct hd_diag diag = {0};
        int r = hd_eventhub_address_parse(rows[i].text, rows[i].hub, &a, &diag);
        if (r) {
            printf("# row %zu: %s\n", i, diag.text);
        }
        CHECK_INT(r, 0);
        CHECK_STR(a.host, rows[i].want_host);
        CHECK_INT(a.port, rows[i].want_port);
        CHECK_INT(a.tls, rows[i].want_tls);
        CHECK_STR(a.hub, rows[i].want_hub);
        CHECK_STR(a.key_name, "listen");
        CHECK_STR(a.key, "aGVsbG8="); /* with the '=' at its end */
    }
}

static void signature(void)
{
    struct hd_eventhub_address a;
    struct hd_diag diag = {0};
    const char *text = NS ";SharedAccessSignature=SharedAccessSignature sr=a&sig=b%3D&se=1&skn=n";
    CHECK_INT(hd_eventhub_address_parse(text, "h", &a, &diag), 0);
    CHECK_STR(a.signature, "SharedAccessSignature sr=a&sig=b%3D&se=1&skn=n");
    CHECK_STR(a.key, "");
}

static void refused(void)
{
    static const struct {
        const char *text, *hub, *want; /* a part of the message */
    } rows[] = {
        {"", "h", "empty"},
        {"  ", "h", "empty"},
        {"SECRET", "h", "part 1 has no '='"},
        {NS ";SECRET", "h", "part 2 has no '='"},
        {"SECRET==", "h", "Endpoint is missing"},
        {"SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "Endpoint is missing"},
        {"Endpoint=sb://;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "no host name"},
        {"Endpoint=;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "Endpoint is missing"},
        {"Endpoint=https://ns;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "sb://"},
        {"Endpoint=sb://ns/hub;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "EntityPath"},
        {"Endpoint=sb://ns:0;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "port"},
        {"Endpoint=sb://ns:65536;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "port"},
        {"Endpoint=sb://ns:SECRET;SharedAccessKeyName=n;SharedAccessKey=x", "h", "port"},
        {"Endpoint=sb://ns:;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "port"},
        {"Endpoint=sb://[::1;SharedAccessKeyName=n;SharedAccessKey=SECRET", "h", "']'"},
        {NS ";SharedAccessKeyName=n", "h", "SharedAccessKeyName without SharedAccessKey;"},
        {NS ";SharedAccessKey=SECRET", "h", "SharedAccessKey without SharedAccessKeyName"},
        {NS, "h", "neither"},
        {NS ";SharedAccessKeyName=n;SharedAccessKey=SECRET;SharedAccessSignature="
            "SharedAccessSignature sr=SECRET",
         "h", "keep one"},
        {NS ";SharedAccessSignature=SECRET", "h", "must begin with"},
        {NS ";SharedAccessKey=SECRET;sharedaccesskey=SECRET;SharedAccessKeyName=n", "h", "twice"},
        {NS ";UseDevelopmentEmulator=SECRET;SharedAccessKeyName=n;SharedAccessKey=k", "h",
         "true or false"},
        {NS ";SharedAccessKeyName=n;SharedAccessKey=SECRET", NULL, "which event hub"},
        {NS ";SharedAccessKeyName=n;SharedAccessKey=SECRET", "", "which event hub"},
        {NS ";SharedAccessKeyName=n;SharedAccessKey=SECRET;EntityPath=a", "b", "'a'"},
        {"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=SECRET", "h", "storage account"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hd_eventhub_address a;
        struct hd_diag diag = {0};
        CHECK_INT(hd_eventhub_address_parse(rows[i].text, rows[i].hub, &a, &diag), -EINVAL);
        if (!strstr(diag.text, rows[i].want) || strstr(diag.text, "SECRET")) {
            printf("# row %zu: %s\n", i, diag.text);
        }
        CHECK(strstr(diag.text, rows[i].want));
        CHECK(!strstr(diag.text, "SECRET"));
    }
}

static void too_long(void)
{
    static const char *const heads[] = {
        NS ";SharedAccessKeyName=n;SharedAccessKey=", NS KEY ";EntityPath=", "Endpoint=sb://"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        char text[4096];
        size_t n = strlen(heads[i]);
        memcpy(text, heads[i], n);
        memset(text + n, 'S', 3000);
        text[n + 3000] = 0;
        struct hd_eventhub_address a;
        struct hd_diag diag = {0};
        CHECK_INT(hd_eventhub_address_parse(text, "h", &a, &diag), -EINVAL);
        CHECK(strstr(diag.text, "too long"));
        CHECK(!strstr(diag.text, "SSS"));
    }
}

HD_TEST_MAIN({"strings that are right", accepted}, {"ready-made signature", signature},
             {"strings that are wrong, without their secret", refused},
             {"values too long", too_long})
