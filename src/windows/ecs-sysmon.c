/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: all that is particular to Sysmon in ECS, as two tables: what an event is, and where its
 * fields go. Sysmon's Version does not tell which fields an event has, so rows go by name alone;
 * a name that no row knows (a newer Sysmon) stays in winlog.event_data.
 *
 * Where other shippers differ: ECS knows no process that is acted on, so Target* of 8 and 10 stay
 * in the event data; the hashes of 23 and 26 to 29 are the file's, not the process's; an image load
 * is library/start alone, because a process/start in its place would count as a new process.
 */
#include "ecs.h"
#include "transforms.h"

/* Bit and index are the event ID; 255 comes last; 0 stands for ids that do not exist yet. */
#define ID(n)         ((uint64_t)1 << (n))
#define ID_255        ID(30)
#define ANY           (ID(31) - 1)
#define TWO_PROCESSES (ID(8) | ID(10))
#define ONE_PROCESS   (ANY & ~TWO_PROCESSES)
#define FILES         (ID(0) | ID(2) | ID(11) | ID(15) | ID(23) | ID(26) | ID(27) | ID(28) | ID(29))
#define FILE_HASHES   (ID(6) | ID(7) | ID(15) | ID(23) | ID(26) | ID(27) | ID(28) | ID(29))
#define REGISTRY      (ID(12) | ID(13) | ID(14))
#define WMI           (ID(19) | ID(20) | ID(21))

#define BLANK HD_ROW_BLANK
#define KEEP  HD_ROW_KEEP

static const uint32_t event_ids[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 255};
#define N_EVENTS (sizeof(event_ids) / sizeof(event_ids[0]))

// clang-format off
static const struct hd_ecs_event events[N_EVENTS] = {
    [1]  = {"[\"process\"]", "[\"start\"]", "Process creation", NULL},
    [2]  = {"[\"file\"]", "[\"change\"]", "A process changed a file creation time", NULL},
    [3]  = {"[\"network\"]", "[\"start\",\"connection\",\"protocol\"]", "Network connection", NULL},
    [4]  = {"[\"configuration\"]", "[\"change\"]", "Sysmon service state changed", NULL},
    [5]  = {"[\"process\"]", "[\"end\"]", "Process terminated", NULL},
    [6]  = {"[\"driver\"]", "[\"start\"]", "Driver loaded", NULL},
    [7]  = {"[\"library\"]", "[\"start\"]", "Image loaded", NULL},
    [8]  = {"[\"process\"]", "[\"change\"]", "CreateRemoteThread", NULL},
    [9]  = {"[\"process\"]", "[\"access\"]", "RawAccessRead", NULL},
    [10] = {"[\"process\"]", "[\"access\"]", "ProcessAccess", NULL},
    [11] = {"[\"file\"]", "[\"creation\"]", "FileCreate", NULL},
    [12] = {"[\"configuration\",\"registry\"]", "[\"change\"]", "RegistryEvent (Object create and delete)", NULL},
    [13] = {"[\"configuration\",\"registry\"]", "[\"change\"]", "RegistryEvent (Value Set)", NULL},
    [14] = {"[\"configuration\",\"registry\"]", "[\"change\"]", "RegistryEvent (Key and Value Rename)", NULL},
    [15] = {"[\"file\"]", "[\"creation\"]", "FileCreateStreamHash", NULL},
    [16] = {"[\"configuration\"]", "[\"change\"]", "ServiceConfigurationChange", NULL},
    [17] = {"[\"file\"]", "[\"creation\"]", "PipeEvent (Pipe Created)", NULL},
    [18] = {"[\"file\"]", "[\"access\"]", "PipeEvent (Pipe Connected)", NULL},
    [19] = {"[\"process\"]", "[\"info\"]", "WmiEvent (WmiEventFilter activity detected)", NULL},
    [20] = {"[\"process\"]", "[\"change\"]", "WmiEvent (WmiEventConsumer activity detected)", NULL},
    [21] = {"[\"process\"]", "[\"access\"]", "WmiEvent (WmiEventConsumerToFilter activity detected)", NULL},
    [22] = {"[\"network\"]", "[\"connection\",\"protocol\",\"info\"]", "DNSEvent (DNS query)", NULL},
    [23] = {"[\"file\"]", "[\"deletion\"]", "FileDelete (File Delete archived)", NULL},
    [24] = {"[\"host\"]", "[\"change\"]", "ClipboardChange (New content in the clipboard)", NULL},
    [25] = {"[\"process\"]", "[\"change\"]", "ProcessTampering (Process image change)", NULL},
    [26] = {"[\"file\"]", "[\"deletion\"]", "FileDeleteDetected (File Delete logged)", NULL},
    [27] = {"[\"file\"]", "[\"creation\"]", "FileBlockExecutable", "failure"},
    [28] = {"[\"file\"]", "[\"deletion\"]", "FileBlockShredding", "failure"},
    [29] = {"[\"file\"]", "[\"creation\"]", "FileExecutableDetected", NULL},
    [30] = {"[\"process\"]", NULL, "Error", "failure"},
};

#define USER_TARGETS {ECS_USER_DOMAIN, ECS_USER_NAME, ECS_USER_ID, ECS_RELATED_USER}
#define HASH_TARGETS(of) {ECS_##of##_MD5, ECS_##of##_SHA1, ECS_##of##_SHA256, ECS_##of##_SHA512, \
                          ECS_##of##_PE_IMPHASH, ECS_RELATED_HASH}
#define PATH_TARGETS {ECS_FILE_PATH, ECS_FILE_NAME, ECS_FILE_DIRECTORY, ECS_FILE_EXTENSION, \
                      ECS_FILE_DRIVE, ECS_FILE_FORK}

static const struct hd_row rows[] = {
    /* all events */
    {ANY, "RuleName", &hd_t_rule, BLANK, {ECS_RULE_NAME, ECS_THREAT_FRAMEWORK, ECS_TACTIC_ID,
        ECS_TACTIC_NAME, ECS_TECHNIQUE_ID, ECS_TECHNIQUE_NAME, ECS_SUBTECHNIQUE_ID, ECS_SUBTECHNIQUE_NAME}},
    {ID(12), "EventType", &hd_t_registry_action, KEEP, {ECS_EVENT_TYPE}},
    {ANY & ~ID(12), "EventType", NULL, 0, {0}},
    {ANY, "UtcTime", &hd_t_time, 0, {ECS_TIMESTAMP}},
    {ONE_PROCESS, "ProcessGuid", &hd_t_text, BLANK, {ECS_PROCESS_ENTITY_ID}},
    {ONE_PROCESS, "ProcessId", &hd_t_integer, BLANK, {ECS_PROCESS_PID}},
    {ONE_PROCESS, "Image", &hd_t_executable, BLANK, {ECS_PROCESS_EXECUTABLE, ECS_PROCESS_NAME}},
    {ONE_PROCESS, "User", &hd_t_user, BLANK, USER_TARGETS},

    /* 8 and 10: one process acts on another */
    {TWO_PROCESSES, "SourceProcessGuid", &hd_t_text, BLANK, {ECS_PROCESS_ENTITY_ID}},
    {TWO_PROCESSES, "SourceProcessGUID", &hd_t_text, BLANK, {ECS_PROCESS_ENTITY_ID}},
    {TWO_PROCESSES, "SourceProcessId", &hd_t_integer, BLANK, {ECS_PROCESS_PID}},
    {ID(10), "SourceThreadId", &hd_t_integer, BLANK, {ECS_PROCESS_THREAD_ID}},
    {TWO_PROCESSES, "SourceImage", &hd_t_executable, BLANK, {ECS_PROCESS_EXECUTABLE, ECS_PROCESS_NAME}},
    {TWO_PROCESSES, "SourceUser", &hd_t_user, BLANK, USER_TARGETS},
    {TWO_PROCESSES, "TargetProcessGuid", NULL, 0, {0}},
    {TWO_PROCESSES, "TargetProcessGUID", NULL, 0, {0}},
    {TWO_PROCESSES, "TargetProcessId", NULL, 0, {0}},
    {TWO_PROCESSES, "TargetImage", NULL, 0, {0}},
    {TWO_PROCESSES, "TargetUser", &hd_t_user, BLANK | KEEP, {0, 0, 0, ECS_RELATED_USER}},
    {ID(8), "NewThreadId", NULL, 0, {0}},
    {ID(8), "StartAddress", NULL, 0, {0}},
    {ID(8), "StartModule", NULL, 0, {0}},
    {ID(8), "StartFunction", NULL, 0, {0}},
    {ID(10), "GrantedAccess", NULL, 0, {0}},
    {ID(10), "CallTrace", NULL, 0, {0}},

    /* processes and their parents */
    {ID(1), "CommandLine", &hd_t_command, 0, {ECS_PROCESS_COMMAND, ECS_PROCESS_ARGS, ECS_PROCESS_ARGS_COUNT}},
    {ID(1), "CurrentDirectory", &hd_t_text, 0, {ECS_PROCESS_DIRECTORY}},
    {ID(1), "FileVersion", &hd_t_text, BLANK, {ECS_PROCESS_PE_FILE_VERSION}},
    {ID(1), "Description", &hd_t_text, BLANK, {ECS_PROCESS_PE_DESCRIPTION}},
    {ID(1), "Product", &hd_t_text, BLANK, {ECS_PROCESS_PE_PRODUCT}},
    {ID(1), "Company", &hd_t_text, BLANK, {ECS_PROCESS_PE_COMPANY}},
    {ID(1), "OriginalFileName", &hd_t_text, BLANK, {ECS_PROCESS_PE_ORIGINAL_NAME}},
    {ID(1), "LogonGuid", NULL, 0, {0}},
    {ID(1), "LogonId", NULL, 0, {0}},
    {ID(1), "TerminalSessionId", NULL, 0, {0}},
    {ID(1), "IntegrityLevel", NULL, 0, {0}},
    {ID(1), "Hashes", &hd_t_hashes, BLANK, HASH_TARGETS(PROCESS)},
    {ID(1), "ParentProcessGuid", &hd_t_text, BLANK, {ECS_PARENT_ENTITY_ID}},
    {ID(1), "ParentProcessId", &hd_t_integer, BLANK, {ECS_PARENT_PID}},
    {ID(1), "ParentImage", &hd_t_executable, BLANK, {ECS_PARENT_EXECUTABLE, ECS_PARENT_NAME}},
    {ID(1), "ParentCommandLine", &hd_t_command, BLANK, {ECS_PARENT_COMMAND, ECS_PARENT_ARGS, ECS_PARENT_ARGS_COUNT}},
    {ID(1), "ParentUser", &hd_t_user, BLANK | KEEP, {0, ECS_PARENT_USER_NAME, 0, ECS_RELATED_USER}},
    {ID(25), "Type", &hd_t_text, BLANK | KEEP, {ECS_MESSAGE}},

    /* files, drivers, libraries, pipes */
    {FILES, "TargetFilename", &hd_t_path, 0, PATH_TARGETS},
    {ID(6) | ID(7), "ImageLoaded", &hd_t_path, BLANK, PATH_TARGETS},
    {ID(7), "ImageLoaded", &hd_t_executable, BLANK, {ECS_DLL_PATH, ECS_DLL_NAME}},
    {ID(9), "Device", &hd_t_path, BLANK, PATH_TARGETS},
    {ID(17) | ID(18), "PipeName", &hd_t_text, BLANK, {ECS_FILE_NAME}},
    {FILES, "CreationUtcTime", &hd_t_time, BLANK, {ECS_FILE_CREATED}},
    {ID(2), "PreviousCreationUtcTime", NULL, 0, {0}},
    {ID(7), "FileVersion", &hd_t_text, BLANK, {ECS_FILE_PE_FILE_VERSION}},
    {ID(7), "FileVersion", &hd_t_text, BLANK, {ECS_DLL_PE_FILE_VERSION}},
    {ID(7), "Description", &hd_t_text, BLANK, {ECS_FILE_PE_DESCRIPTION}},
    {ID(7), "Description", &hd_t_text, BLANK, {ECS_DLL_PE_DESCRIPTION}},
    {ID(7), "Product", &hd_t_text, BLANK, {ECS_FILE_PE_PRODUCT}},
    {ID(7), "Product", &hd_t_text, BLANK, {ECS_DLL_PE_PRODUCT}},
    {ID(7), "Company", &hd_t_text, BLANK, {ECS_FILE_PE_COMPANY}},
    {ID(7), "Company", &hd_t_text, BLANK, {ECS_DLL_PE_COMPANY}},
    {ID(7), "OriginalFileName", &hd_t_text, BLANK, {ECS_FILE_PE_ORIGINAL_NAME}},
    {ID(7), "OriginalFileName", &hd_t_text, BLANK, {ECS_DLL_PE_ORIGINAL_NAME}},
    {FILE_HASHES & ~ID(15), "Hashes", &hd_t_hashes, BLANK, HASH_TARGETS(FILE)},
    {ID(7), "Hashes", &hd_t_hashes, BLANK, HASH_TARGETS(DLL)},
    {ID(15), "Hash", &hd_t_hashes, BLANK, HASH_TARGETS(FILE)},
    {ID(15), "Contents", NULL, BLANK, {0}},
    {ID(6) | ID(7), "Signed", &hd_t_signed, BLANK, {ECS_FILE_SIGNATURE_EXISTS}},
    {ID(7), "Signed", &hd_t_signed, BLANK, {ECS_DLL_SIGNATURE_EXISTS}},
    {ID(6) | ID(7), "Signature", &hd_t_text, BLANK, {ECS_FILE_SIGNATURE_SUBJECT}},
    {ID(7), "Signature", &hd_t_text, BLANK, {ECS_DLL_SIGNATURE_SUBJECT}},
    {ID(6) | ID(7), "SignatureStatus", &hd_t_signature_status, BLANK, {ECS_FILE_SIGNATURE_STATUS, ECS_FILE_SIGNATURE_VALID}},
    {ID(7), "SignatureStatus", &hd_t_signature_status, BLANK, {ECS_DLL_SIGNATURE_STATUS, ECS_DLL_SIGNATURE_VALID}},
    {ID(23) | ID(26) | ID(28), "IsExecutable", &hd_t_boolean, BLANK, {ECS_SYSMON_EXECUTABLE}},
    {ID(23) | ID(24), "Archived", &hd_t_archived, BLANK, {ECS_SYSMON_ARCHIVED}},

    /* network; the name of the destination's port comes first, as it says what is spoken */
    {ID(3), "Protocol", &hd_t_lower, BLANK, {ECS_NETWORK_TRANSPORT}},
    {ID(3), "Protocol", &hd_t_community, BLANK, {ECS_NETWORK_COMMUNITY}},
    {ID(3), "Initiated", &hd_t_direction, BLANK, {ECS_NETWORK_DIRECTION}},
    {ID(3), "SourceIsIpv6", &hd_t_ipv6, BLANK, {ECS_NETWORK_TYPE}},
    {ID(3), "DestinationIsIpv6", &hd_t_ipv6, BLANK, {ECS_NETWORK_TYPE}},
    {ID(3), "SourceIp", &hd_t_ip, BLANK, {ECS_SOURCE_IP, ECS_SOURCE_ADDRESS, ECS_RELATED_IP}},
    {ID(3), "DestinationIp", &hd_t_ip, BLANK, {ECS_DESTINATION_IP, ECS_DESTINATION_ADDRESS, ECS_RELATED_IP}},
    {ID(3), "SourceHostname", &hd_t_host, BLANK, {ECS_SOURCE_DOMAIN, ECS_RELATED_HOSTS}},
    {ID(3), "DestinationHostname", &hd_t_host, BLANK, {ECS_DESTINATION_DOMAIN, ECS_RELATED_HOSTS}},
    {ID(3), "SourcePort", &hd_t_port, BLANK, {ECS_SOURCE_PORT}},
    {ID(3), "DestinationPort", &hd_t_port, BLANK, {ECS_DESTINATION_PORT}},
    {ID(3), "DestinationPortName", &hd_t_lower, BLANK, {ECS_NETWORK_PROTOCOL}},
    {ID(3), "SourcePortName", &hd_t_lower, BLANK, {ECS_NETWORK_PROTOCOL}},

    /* DNS */
    {ID(22), "QueryName", &hd_t_host, BLANK, {ECS_DNS_QUESTION, ECS_RELATED_HOSTS}},
    {ID(22), "QueryStatus", &hd_t_dns_status, BLANK, {ECS_SYSMON_DNS_STATUS, ECS_DNS_RESPONSE, ECS_EVENT_OUTCOME}},
    {ID(22), "QueryResults", &hd_t_dns_results, BLANK, {ECS_DNS_ANSWERS, ECS_DNS_RESOLVED, ECS_RELATED_IP, ECS_RELATED_HOSTS}},

    /* registry */
    {REGISTRY, "TargetObject", &hd_t_registry_object, 0, {ECS_REGISTRY_PATH, ECS_REGISTRY_HIVE, ECS_REGISTRY_KEY, ECS_REGISTRY_VALUE}},
    {ID(13), "Details", &hd_t_registry_details, 0, {ECS_REGISTRY_TYPE, ECS_REGISTRY_STRINGS}},
    {ID(14), "NewName", NULL, 0, {0}},

    /* WMI */
    {WMI, "Operation", NULL, 0, {0}},
    {ID(19), "EventNamespace", NULL, 0, {0}},
    {ID(19) | ID(20), "Name", NULL, 0, {0}},
    {ID(19), "Query", NULL, 0, {0}},
    {ID(20), "Type", NULL, 0, {0}},
    {ID(20), "Destination", NULL, 0, {0}},
    {ID(21), "Consumer", NULL, 0, {0}},
    {ID(21), "Filter", NULL, 0, {0}},

    /* clipboard: the hash is that of the text, and of no file */
    {ID(24), "Session", NULL, 0, {0}},
    {ID(24), "ClientInfo", &hd_t_client_info, BLANK | KEEP, {ECS_SOURCE_IP, ECS_SOURCE_ADDRESS, ECS_SOURCE_DOMAIN,
        ECS_RELATED_IP, ECS_RELATED_HOSTS, ECS_RELATED_USER}},
    {ID(24), "Hashes", &hd_t_hashes, BLANK | KEEP, {0, 0, 0, 0, 0, ECS_RELATED_HASH}},

    /* Sysmon itself */
    {ID(4), "State", NULL, 0, {0}},
    {ID(4), "Version", NULL, 0, {0}},
    {ID(4), "SchemaVersion", NULL, 0, {0}},
    {ID(16), "Configuration", NULL, 0, {0}},
    {ID(16), "ConfigurationFileHash", &hd_t_hashes, BLANK | KEEP, {0, 0, 0, 0, 0, ECS_RELATED_HASH}},
    {ID_255, "ID", &hd_t_text, BLANK, {ECS_ERROR_CODE}},
    {ID_255, "Description", &hd_t_text, BLANK, {ECS_ERROR_MESSAGE}},
};
// clang-format on

static void begin(struct hd_work *work, size_t index)
{
    hd_ecs_put_event(work, &events[index]);
    if (event_ids[index] == 22) {
        hd_values_clean(&work->values, ECS_NETWORK_PROTOCOL, hd_slice_cstr("dns"));
    }
}

static const char *const providers[] = {"Microsoft-Windows-Sysmon", "Linux-Sysmon", NULL};

const struct hd_mapping hd_ecs_sysmon = {
    .providers = providers,
    .title = "Sysmon",
    .event_ids = event_ids,
    .n_events = N_EVENTS,
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .begin = begin,
};

const struct hd_ecs_event *hd_ecs_sysmon_events(void)
{
    return events;
}
