/* SPDX-License-Identifier: Apache-2.0 */
/* What single transforms make of values, seen through an event with one or a few fields. */
#include "src/windows/transforms.h"

#include "support.h"

static const char *time_text(const char *text)
{
    static char out[HD_TIME_MAX + 1];
    size_t n = hd_time_parse(hd_slice_cstr(text), out);
    out[n] = '\0';
    return out;
}

static void times(void)
{
    CHECK_STR(time_text("2024-05-02 08:15:30.121"), "2024-05-02T08:15:30.121Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.1210000Z"), "2024-05-02T08:15:30.121Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.123456700Z"), "2024-05-02T08:15:30.1234567Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.123456789Z"), "2024-05-02T08:15:30.123456789Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.1234567891Z"), "2024-05-02T08:15:30.123456789Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.000Z"), "2024-05-02T08:15:30.000Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.5Z"), "2024-05-02T08:15:30.5Z");
    CHECK_STR(time_text("2024-05-02T08:15:30Z"), "2024-05-02T08:15:30Z");
    CHECK_STR(time_text("2024-05-02T08:15:30.Z"), "2024-05-02T08:15:30Z");
    CHECK_STR(time_text("2024-05-02 08:15:30"), "2024-05-02T08:15:30Z");
    CHECK_STR(time_text("1601-01-01 00:00:00.000"), "1601-01-01T00:00:00.000Z");
    CHECK_STR(time_text("2024-02-29 00:00:00.000"), "2024-02-29T00:00:00.000Z");
    CHECK_STR(time_text("2024-05-02T00:15:30.121+02:00"), "2024-05-01T22:15:30.121Z");
    CHECK_STR(time_text("2023-12-31T23:45:00-0530"), "2024-01-01T05:15:00Z");
    static const char *const wrong[] = {
        "",
        "-",
        "2024-05-02",
        "2024-05-02 08:15",
        "2023-02-29 00:00:00.000",
        "2024-13-01 00:00:00.000",
        "2024-00-01 00:00:00.000",
        "2024-05-00 00:00:00.000",
        "2024-04-31 00:00:00.000",
        "2024-05-02 24:00:00.000",
        "2024-05-02 08:60:00.000",
        "2024-05-02 08:15:60.000",
        "2024-05-02 08:15:30.12x",
        "2024-05-02 08:15:30,121",
        "2024-05-02 08:15:30.121 ",
        "2024-05-02 08:15:3 .121",
        "2024/05/02 08:15:30.121",
        "+024-05-02 08:15:30.121",
        "0000-01-01T00:00:00+02:00",
        "2024-05-02T08:15:30+25:00",
        "2024-05-02T08:15:30+2",
        "05/02/2024 08:15:30 AM",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_STR(time_text(wrong[i]), "");
    }
}

static void numbers(void)
{
    uint64_t n;
    CHECK(hd_number_parse(hd_slice_cstr("18446744073709551615"), &n) && n == UINT64_MAX);
    CHECK(hd_number_parse(hd_slice_cstr("0xFFFFffffFFFFffff"), &n) && n == UINT64_MAX);
    CHECK(hd_number_parse(hd_slice_cstr("0x0"), &n) && n == 0);
    CHECK(hd_number_parse(hd_slice_cstr("007"), &n) && n == 7);
    static const char *const wrong[] = {"",
                                        "-",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "0x",
                                        "0xg",
                                        "12a",
                                        "18446744073709551616",
                                        "0x10000000000000000",
                                        "x10"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(!hd_number_parse(hd_slice_cstr(wrong[i]), &n));
    }
    CHECK_STR(test_once(5, "process.pid", "ProcessId", "4294967296", NULL), "4294967296");
    CHECK_STR(test_once(5, "process.pid", "ProcessId", "0x1f4", NULL), "500");
    CHECK_STR(test_once(3, "destination.port", "DestinationPort", "65535", NULL), "65535");
    /* what is no port stays as it came */
    CHECK_STR(test_once(3, "destination.port", "DestinationPort", "65536", NULL), "");
    CHECK_STR(test_once(3, "winlog.event_data.DestinationPort", "DestinationPort", "65536", NULL),
              "\"65536\"");
    CHECK_STR(test_once(3, "winlog.event_data", "DestinationPort", "-", NULL), "");
    CHECK_STR(test_once(5, "winlog.event_data.ProcessId", "ProcessId", "9223372036854775808", NULL),
              "\"9223372036854775808\"");
}

static const char *args(const char *command)
{
    return test_once(1, "process.args", "CommandLine", command, NULL);
}

/* The examples of "Parsing C command-line arguments", and what other shippers make of the rest. */
static void command_lines(void)
{
    CHECK_STR(args("a.exe b  c\td"), "[\"a.exe\",\"b\",\"c\",\"d\"]");
    CHECK_STR(args("\"a b c\" d e"), "[\"a b c\",\"d\",\"e\"]");
    CHECK_STR(args("\"ab\\\"c\" \"\\\\\" d"), "[\"ab\\\"c\",\"\\\\\",\"d\"]");
    CHECK_STR(args("a\\\\\\b d\"e f\"g h"), "[\"a\\\\\\\\\\\\b\",\"de fg\",\"h\"]");
    CHECK_STR(args("a\\\\\\\"b c d"), "[\"a\\\\\\\"b\",\"c\",\"d\"]");
    CHECK_STR(args("a\\\\\\\\\"b c\" d e"), "[\"a\\\\\\\\b c\",\"d\",\"e\"]");
    CHECK_STR(args("a\"b\"\" c d"), "[\"ab\\\"\",\"c\",\"d\"]");
    CHECK_STR(args("\"\"\"a\"\"\" b"), "[\"\\\"a\\\"\",\"b\"]");
    CHECK_STR(args("\"\" x"), "[\"\",\"x\"]");
    CHECK_STR(args("x \"open end"), "[\"x\",\"open end\"]");
    CHECK_STR(args("x \"C:\\dir\\\\\" y"), "[\"x\",\"C:\\\\dir\\\\\",\"y\"]");
    CHECK_STR(args("x \"C:\\dir\\\" y"), "[\"x\",\"C:\\\\dir\\\" y\"]");
    CHECK_STR(args("x C:\\dir\\ y\\\\"), "[\"x\",\"C:\\\\dir\\\\\",\"y\\\\\\\\\"]");
    CHECK_STR(args("x /c\"y z\"w \"q\"r"), "[\"x\",\"/cy zw\",\"qr\"]");
    CHECK_STR(args("   "), "");
    CHECK_STR(test_once(1, "process.args_count", "CommandLine", "a \"b c\" d\\\"e f", NULL), "4");
    CHECK_STR(test_once(1, "process.parent.args", "ParentCommandLine", "a b", NULL),
              "[\"a\",\"b\"]");
    CHECK_STR(test_once(1, "process.command_line", "CommandLine", "-", NULL), "\"-\"");
    CHECK_STR(test_once(1, "process.parent", "ParentCommandLine", "-", NULL), "");
}

static void rules(void)
{
    CHECK_STR(test_once(5, "threat", "RuleName",
                        "technique_id=T1055.012,technique_name=Process Hollowing", NULL),
              "{\"framework\":\"MITRE "
              "ATT&CK\",\"technique\":{\"id\":[\"T1055\"],\"subtechnique\":{\"id\":[\"T1055.012\"],"
              "\"name\":[\"Process Hollowing\"]}}}");
    CHECK_STR(test_once(5, "threat", "RuleName", "technique_name=A, b/c,technique_id=T1059", NULL),
              "{\"framework\":\"MITRE ATT&CK\",\"technique\":{\"id\":[\"T1059\"],\"name\":[\"A, "
              "b/c\"]}}");
    CHECK_STR(test_once(5, "threat", "RuleName",
                        "technique_id=T1003,technique_name=OS Dumping,phase_name=Credential "
                        "Access,tactic_id=TA0006",
                        NULL),
              "{\"framework\":\"MITRE "
              "ATT&CK\",\"tactic\":{\"id\":[\"TA0006\"],\"name\":[\"Credential Access\"]},"
              "\"technique\":{\"id\":[\"T1003\"],\"name\":[\"OS Dumping\"]}}");
    CHECK_STR(test_once(5, "threat.technique.id", "RuleName", "T1089,Tamper-Defender", NULL),
              "[\"T1089\"]");
    CHECK_STR(test_once(5, "threat.technique.id", "RuleName", "T1031, T1050", NULL),
              "[\"T1031\",\"T1050\"]");
    CHECK_STR(test_once(5, "threat.technique.subtechnique.id", "RuleName", "T1218.011,x", NULL),
              "[\"T1218.011\"]");
    CHECK_STR(test_once(5, "threat", "RuleName", "Alert,T1031", NULL), "");
    CHECK_STR(test_once(5, "threat", "RuleName", "T10311", NULL), "");
    CHECK_STR(test_once(5, "threat", "RuleName", "T1031.01", NULL), "");
    CHECK_STR(test_once(5, "threat", "RuleName", "technique_id=x", NULL), "");
    CHECK_STR(test_once(5, "rule.name", "RuleName", "technique_id=x", NULL), "\"technique_id=x\"");
    CHECK_STR(test_once(5, "rule", "RuleName", "-", NULL), "");
}

static void addresses(void)
{
    static const char *const same[][2] = {
        {"192.0.2.10", "192.0.2.10"},
        {"::ffff:192.0.2.10", "192.0.2.10"},
        {"0:0:0:0:0:ffff:c000:20a", "192.0.2.10"},
        {"2001:DB8:0:0:0:0:0:17", "2001:db8::17"},
        {"fe80:0:0:0:1c2b:5f0a:9d3e:77a1%12", "fe80::1c2b:5f0a:9d3e:77a1"},
        {"::1", "::1"},
        {"[2001:db8::17]:443", "2001:db8::17"},
        {"[fe80::17%4]", "fe80::17"},
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        char want[100];
        snprintf(want, sizeof(want), "\"%s\"", same[i][1]);
        CHECK_STR(test_once(3, "source.ip", "SourceIp", same[i][0], NULL), want);
        snprintf(want, sizeof(want), "[\"%s\"]", same[i][1]);
        CHECK_STR(test_once(3, "related.ip", "SourceIp", same[i][0], NULL), want);
        snprintf(want, sizeof(want), "\"%s\"", same[i][0]);
        CHECK_STR(test_once(3, "source.address", "SourceIp", same[i][0], NULL), want);
    }
    static const char *const wrong[] = {
        "LOCAL",       "192.0.2",
        "192.0.2.256", "192.0.2.10%1",
        "1:2",         "0.0.0.0",
        "::",          "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_STR(test_once(3, "source.ip", "SourceIp", wrong[i], NULL), "");
    }
}

static const char *community(const char *protocol, const char *a, const char *port, const char *b,
                             const char *to)
{
    return test_once(3, "network.community_id", "Protocol", protocol, "SourceIp", a, "SourcePort",
                     port, "DestinationIp", b, "DestinationPort", to, NULL);
}

/* Vectors of the specification's reference implementation (baseline_deflt.json). */
static void community_ids(void)
{
    CHECK_STR(community("tcp", "128.232.110.120", "34855", "66.35.250.204", "80"),
              "\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"");
    CHECK_STR(community("tcp", "66.35.250.204", "80", "128.232.110.120", "34855"),
              "\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"");
    CHECK_STR(community("udp", "192.168.1.52", "54585", "8.8.8.8", "53"),
              "\"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\"");
    CHECK_STR(community("udp", "::ffff:192.168.1.52", "54585", "8.8.8.8", "53"),
              "\"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\"");
    CHECK_STR(community("tcp", "2001:db8::1", "1", "192.0.2.1", "2"), "");
    CHECK_STR(community("icmp", "192.0.2.1", "1", "192.0.2.2", "2"), "");
    CHECK_STR(community("tcp", "192.0.2.1", "1", "192.0.2.2", "-"), "");
}

static const char *answers(const char *results)
{
    return test_once(22, "dns.answers", "QueryResults", results, NULL);
}

static void dns(void)
{
    CHECK_STR(answers("type:  5 edge.example.net;::ffff:203.0.113.7;2001:db8:0:0::7;"),
              "[{\"data\":\"edge.example.net\",\"type\":\"CNAME\"},{\"data\":\"203.0.113.7\","
              "\"type\":\"A\"},{\"data\":"
              "\"2001:db8::7\",\"type\":\"AAAA\"}]");
    CHECK_STR(answers("type:  33 ;"), "[{\"type\":\"SRV\"}]");
    CHECK_STR(answers("type: 4711 x y"), "[{\"data\":\"x y\",\"type\":\"4711\"}]");
    CHECK_STR(answers("203.0.113.7"), "[{\"data\":\"203.0.113.7\",\"type\":\"A\"}]");
    CHECK_STR(answers("-"), "");
    CHECK_STR(answers(";"), "");
    CHECK_STR(test_once(22, "related.hosts", "QueryName", "a.example", "QueryResults",
                        "type: 5 b.example;type: 5 a.example;", NULL),
              "[\"a.example\",\"b.example\"]");
    /* an item nobody understands: the rest is used, the text is kept */
    CHECK_STR(answers("what;203.0.113.7"), "[{\"data\":\"203.0.113.7\",\"type\":\"A\"}]");
    CHECK_STR(
        test_once(22, "winlog.event_data.QueryResults", "QueryResults", "what;203.0.113.7", NULL),
        "\"what;203.0.113.7\"");
    CHECK_STR(test_once(22, "winlog.event_data", "QueryResults", "203.0.113.7", NULL), "");
    CHECK_STR(test_once(22, "dns.response_code", "QueryStatus", "9003", NULL), "\"NXDOMAIN\"");
    CHECK_STR(test_once(22, "event.outcome", "QueryStatus", "9003", NULL), "\"failure\"");
    CHECK_STR(test_once(22, "event.outcome", "QueryStatus", "0", NULL), "\"success\"");
    CHECK_STR(test_once(22, "dns.response_code", "QueryStatus", "9701", NULL), "");
    CHECK_STR(test_once(22, "winlog.sysmon.dns.status", "QueryStatus", "4242", NULL), "\"4242\"");
}

static void registry(void)
{
#define KEY_AND_VALUE(id, action, object)                                                          \
    test_once(id, "registry", "EventType", action, "TargetObject", object, NULL)
    CHECK_STR(KEY_AND_VALUE(12, "CreateKey", "HKLM\\System\\A"),
              "{\"hive\":\"HKLM\",\"key\":\"System\\\\A\",\"path\":\"HKLM\\\\System\\\\A\"}");
    CHECK_STR(
        KEY_AND_VALUE(12, "DeleteValue", "HKLM\\System\\A"),
        "{\"hive\":\"HKLM\",\"key\":\"System\",\"path\":\"HKLM\\\\System\\\\A\",\"value\":\"A\"}");
    CHECK_STR(KEY_AND_VALUE(13, "SetValue", "HKEY_LOCAL_MACHINE\\A\\(Default)"),
              "{\"hive\":\"HKLM\",\"key\":\"A\",\"path\":\"HKEY_LOCAL_MACHINE\\\\A\\\\(Default)\","
              "\"value\":\"(Default)\"}");
    CHECK_STR(KEY_AND_VALUE(14, "RenameKey", "\\REGISTRY\\USER\\S-1-5-18\\A"),
              "{\"hive\":\"HKU\",\"key\":\"S-1-5-18\\\\A\",\"path\":\"\\\\REGISTRY\\\\USER\\\\S-1-"
              "5-18\\\\A\"}");
    CHECK_STR(KEY_AND_VALUE(13, "SetValue", "\\REGISTRY\\A\\{1}\\b"),
              "{\"key\":\"REGISTRY\\\\A\\\\{1}\",\"path\":\"\\\\REGISTRY\\\\A\\\\{1}\\\\b\","
              "\"value\":\"b\"}");
    CHECK_STR(KEY_AND_VALUE(12, "CreateKey", "HKLMX\\A"),
              "{\"key\":\"HKLMX\\\\A\",\"path\":\"HKLMX\\\\A\"}");
    CHECK_STR(KEY_AND_VALUE(12, "CreateKey", "HKLM"), "{\"hive\":\"HKLM\",\"path\":\"HKLM\"}");
    /* a shipper that overwrites EventType */
    CHECK_STR(test_once(13, "registry.value", "EventType", "INFO", "TargetObject", "HKLM\\A\\b",
                        "Details", "x", NULL),
              "\"b\"");
    CHECK_STR(test_once(12, "event.type", "EventType", "DeleteKey", NULL), "[\"deletion\"]");
    CHECK_STR(test_once(12, "event.type", "EventType", "INFO", NULL), "[\"change\"]");

#define DETAILS(text) test_once(13, "registry.data", "Details", text, NULL)
    CHECK_STR(DETAILS("DWORD (0xffffffff)"),
              "{\"strings\":[\"4294967295\"],\"type\":\"REG_DWORD\"}");
    CHECK_STR(DETAILS("QWORD (0xffffffff-0xfffffffe)"),
              "{\"strings\":[\"18446744073709551614\"],\"type\":\"REG_QWORD\"}");
    CHECK_STR(DETAILS("QWORD (0x00000001-0x00000000)"),
              "{\"strings\":[\"4294967296\"],\"type\":\"REG_QWORD\"}");
    CHECK_STR(DETAILS("Binary Data"), "{\"type\":\"REG_BINARY\"}");
    CHECK_STR(DETAILS("(Empty)"), "{\"strings\":[\"\"],\"type\":\"REG_SZ\"}");
    CHECK_STR(DETAILS("DWORD (x)"), "{\"strings\":[\"DWORD (x)\"],\"type\":\"REG_SZ\"}");
    CHECK_STR(DETAILS("DWORD ("), "{\"strings\":[\"DWORD (\"],\"type\":\"REG_SZ\"}");
    CHECK_STR(DETAILS("QWORD (0x1)"), "{\"strings\":[\"QWORD (0x1)\"],\"type\":\"REG_SZ\"}");
    CHECK_STR(DETAILS("-"), "{\"strings\":[\"-\"],\"type\":\"REG_SZ\"}");
}

static void hashes(void)
{
    CHECK_STR(
        test_once(
            23, "file.hash", "Hashes",
            "SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,md5=D41D8CD98F00B204E9800998ECF8427E",
            NULL),
        "{\"md5\":\"d41d8cd98f00b204e9800998ecf8427e\",\"sha1\":"
        "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"}");
    CHECK_STR(test_once(15, "file.hash", "Hash", "D41D8CD98F00B204E9800998ECF8427E", NULL),
              "{\"md5\":\"d41d8cd98f00b204e9800998ecf8427e\"}");
    CHECK_STR(test_once(15, "file", "Hash", "Unknown", NULL), "");
    CHECK_STR(test_once(23, "file", "Hashes", "IMPHASH=00000000000000000000000000000000", NULL),
              "");
    CHECK_STR(test_once(23, "winlog.event_data", "Hashes",
                        "IMPHASH=00000000000000000000000000000000", NULL),
              "");
    CHECK_STR(test_once(23, "winlog.event_data.Hashes", "Hashes",
                        "MD5=D41D8CD98F00B204E9800998ECF8427E,XXH=12", NULL),
              "\"MD5=D41D8CD98F00B204E9800998ECF8427E,XXH=12\"");
    CHECK_STR(test_once(23, "winlog.event_data.Hashes", "Hashes", "MD5=not hexadecimal", NULL),
              "\"MD5=not hexadecimal\"");
    /* of the clipboard's text: no file's, no process's */
    CHECK_STR(test_once(24, "related.hash", "Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E", NULL),
              "[\"d41d8cd98f00b204e9800998ecf8427e\"]");
    CHECK_STR(test_once(24, "file", "Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E", NULL), "");
}

static void paths(void)
{
    CHECK_STR(test_once(11, "file", "TargetFilename", "c:\\a.b\\c", NULL),
              "{\"directory\":\"c:\\\\a.b\",\"drive_letter\":\"C\",\"name\":\"c\",\"path\":\"c:"
              "\\\\a.b\\\\c\"}");
    CHECK_STR(test_once(15, "file", "TargetFilename", "C:\\x.zip:Zone.Identifier", NULL),
              "{\"directory\":\"C:\",\"drive_letter\":\"C\",\"extension\":\"zip\",\"fork_name\":"
              "\"Zone.Identifier\",\"name\":"
              "\"x.zip:Zone.Identifier\",\"path\":\"C:\\\\x.zip:Zone.Identifier\"}");
    CHECK_STR(test_once(9, "file", "Device", "\\Device\\HarddiskVolume2", NULL),
              "{\"directory\":\"\\\\Device\",\"name\":\"HarddiskVolume2\",\"path\":"
              "\"\\\\Device\\\\HarddiskVolume2\"}");
    CHECK_STR(test_once(11, "file", "TargetFilename", "name.", NULL),
              "{\"name\":\"name.\",\"path\":\"name.\"}");
    CHECK_STR(test_once(17, "file", "PipeName", "<Anonymous Pipe>", NULL),
              "{\"name\":\"<Anonymous Pipe>\"}");
    CHECK_STR(test_once(5, "process", "Image", "System", NULL),
              "{\"executable\":\"System\",\"name\":\"System\"}");
    CHECK_STR(test_once(5, "process", "Image", "<unknown process>", NULL), "");
}

static void users(void)
{
    CHECK_STR(test_once(5, "user", "User", "IIS APPPOOL\\x\\y", NULL),
              "{\"domain\":\"IIS APPPOOL\",\"name\":\"x\\\\y\"}");
    CHECK_STR(test_once(5, "user", "User", "NT AUTHORITY\\SYSTEM", NULL),
              "{\"domain\":\"NT AUTHORITY\",\"id\":\"S-1-5-18\",\"name\":\"SYSTEM\"}");
    CHECK_STR(test_once(5, "user.id", "User", "AUTORITE NT\\Système", NULL), "\"S-1-5-18\"");
    CHECK_STR(test_once(5, "user", "User", "anna", NULL), "{\"name\":\"anna\"}");
    CHECK_STR(test_once(5, "user", "User", "-", NULL), "");
    CHECK_STR(test_once(10, "related.user", "SourceUser", "C\\a", "TargetUser", "D\\a", NULL),
              "[\"a\"]");
    CHECK_STR(test_once(24, "source", "ClientInfo", "user: D\\u ip: 203.0.113.4 hostname: H", NULL),
              "{\"address\":\"203.0.113.4\",\"domain\":\"H\",\"ip\":\"203.0.113.4\"}");
    CHECK_STR(test_once(24, "source", "ClientInfo", "user: D\\u hostname: H", NULL),
              "{\"domain\":\"H\"}");
    CHECK_STR(test_once(24, "source", "ClientInfo", "user: D\\u", NULL), "");
    CHECK_STR(test_once(24, "related.user", "ClientInfo", "user: D\\u", NULL), "[\"u\"]");
}

static void network(void)
{
    CHECK_STR(test_once(3, "network.protocol", "SourcePortName", "ldap", "DestinationPortName",
                        "HTTPS", NULL),
              "\"https\"");
    CHECK_STR(test_once(3, "winlog.event_data.SourcePortName", "SourcePortName", "ldap",
                        "DestinationPortName", "https", NULL),
              "\"ldap\"");
    CHECK_STR(test_once(3, "network.protocol", "SourcePortName", "ldap", "DestinationPortName", "-",
                        NULL),
              "\"ldap\"");
    CHECK_STR(
        test_once(3, "network.type", "SourceIsIpv6", "false", "DestinationIsIpv6", "false", NULL),
        "\"ipv4\"");
    CHECK_STR(test_once(3, "winlog.event_data", "SourceIsIpv6", "false", "DestinationIsIpv6",
                        "false", NULL),
              "");
    CHECK_STR(test_once(3, "winlog.event_data.DestinationIsIpv6", "SourceIsIpv6", "false",
                        "DestinationIsIpv6", "true", NULL),
              "\"true\"");
    CHECK_STR(test_once(3, "network.direction", "Initiated", "true", NULL), "\"egress\"");
    CHECK_STR(test_once(3, "network.direction", "Initiated", "false", NULL), "\"ingress\"");
    CHECK_STR(test_once(3, "winlog.event_data.Initiated", "Initiated", "maybe", NULL), "\"maybe\"");
}

static void signatures(void)
{
#define SIGNATURE(is_signed, status)                                                               \
    test_once(6, "file.code_signature", "Signed", is_signed, "SignatureStatus", status, NULL)
    CHECK_STR(SIGNATURE("true", "Valid"), "{\"exists\":true,\"status\":\"Valid\",\"valid\":true}");
    CHECK_STR(SIGNATURE("true", "Expired"),
              "{\"exists\":true,\"status\":\"Expired\",\"valid\":false}");
    CHECK_STR(SIGNATURE("false", "Unavailable"), "{\"exists\":false,\"status\":\"Unavailable\"}");
    CHECK_STR(SIGNATURE("failed: Invalid hash", "-"), "{\"exists\":true}");
    CHECK_STR(test_once(6, "winlog.event_data.Signed", "Signed", "failed: Invalid hash", NULL),
              "\"failed: Invalid hash\"");
    CHECK_STR(test_once(23, "winlog.sysmon.file.archived", "Archived",
                        "false - rename failed with status 0xc0000022", NULL),
              "false");
    CHECK_STR(test_once(23, "winlog.event_data.Archived", "Archived", "false - x", NULL),
              "\"false - x\"");
    CHECK_STR(test_once(23, "winlog.event_data", "Archived", "TRUE", NULL), "");
}

HD_TEST_MAIN({"times", times}, {"numbers", numbers}, {"command lines", command_lines},
             {"rule names", rules}, {"addresses", addresses}, {"community ids", community_ids},
             {"DNS results", dns}, {"registry", registry}, {"hashes", hashes}, {"paths", paths},
             {"users", users}, {"network", network}, {"signatures and archives", signatures})
