/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of the ECS schema, in the order in which they are written: HD_ECS_TARGETS(X) with
 * X(id, path, type, array). What stands outside winlog and hubdrain is ECS's own and is checked
 * against its field list by tests/unit/windows/test-ecs-fields.c.
 *
 * winlog is Winlogbeat's room; what is known about an event beyond ECS stands there too
 * (winlog.sysmon). hubdrain is ours.
 */
#ifndef HUBDRAIN_WINDOWS_ECS_TARGETS_H
#define HUBDRAIN_WINDOWS_ECS_TARGETS_H

// clang-format off
#define HD_ECS_CODE_SIGNATURE(X, ID, path) \
    X(ID##_SIGNATURE_EXISTS,  path ".code_signature.exists",       BOOLEAN, false) \
    X(ID##_SIGNATURE_STATUS,  path ".code_signature.status",       KEYWORD, false) \
    X(ID##_SIGNATURE_SUBJECT, path ".code_signature.subject_name", KEYWORD, false) \
    X(ID##_SIGNATURE_VALID,   path ".code_signature.valid",        BOOLEAN, false)

#define HD_ECS_HASH(X, ID, path) \
    X(ID##_MD5,    path ".hash.md5",    KEYWORD, false) \
    X(ID##_SHA1,   path ".hash.sha1",   KEYWORD, false) \
    X(ID##_SHA256, path ".hash.sha256", KEYWORD, false) \
    X(ID##_SHA512, path ".hash.sha512", KEYWORD, false)

#define HD_ECS_PE(X, ID, path) \
    X(ID##_PE_COMPANY,       path ".pe.company",            KEYWORD, false) \
    X(ID##_PE_DESCRIPTION,   path ".pe.description",        KEYWORD, false) \
    X(ID##_PE_FILE_VERSION,  path ".pe.file_version",       KEYWORD, false) \
    X(ID##_PE_IMPHASH,       path ".pe.imphash",            KEYWORD, false) \
    X(ID##_PE_ORIGINAL_NAME, path ".pe.original_file_name", KEYWORD, false) \
    X(ID##_PE_PRODUCT,       path ".pe.product",            KEYWORD, false)

#define HD_ECS_TARGETS(X) \
    X(TIMESTAMP,          "@timestamp",                        DATE,    false) \
    X(ECS_VERSION,        "ecs.version",                       KEYWORD, false) \
    X(EVENT_ACTION,       "event.action",                      KEYWORD, false) \
    X(EVENT_CATEGORY,     "event.category",                    KEYWORD, true)  \
    X(EVENT_CODE,         "event.code",                        KEYWORD, false) \
    X(EVENT_CREATED,      "event.created",                     DATE,    false) \
    X(EVENT_DATASET,      "event.dataset",                     KEYWORD, false) \
    X(EVENT_ID,           "event.id",                          KEYWORD, false) \
    X(EVENT_INGESTED,     "event.ingested",                    DATE,    false) \
    X(EVENT_KIND,         "event.kind",                        KEYWORD, false) \
    X(EVENT_MODULE,       "event.module",                      KEYWORD, false) \
    X(EVENT_ORIGINAL,     "event.original",                    KEYWORD, false) \
    X(EVENT_OUTCOME,      "event.outcome",                     KEYWORD, false) \
    X(EVENT_PROVIDER,     "event.provider",                    KEYWORD, false) \
    X(EVENT_TYPE,         "event.type",                        KEYWORD, true)  \
    X(LOG_LEVEL,          "log.level",                         KEYWORD, false) \
    X(HOST_HOSTNAME,      "host.hostname",                     KEYWORD, false) \
    X(HOST_NAME,          "host.name",                         KEYWORD, false) \
    X(HOST_OS_TYPE,       "host.os.type",                      KEYWORD, false) \
    X(MESSAGE,            "message",                           TEXT,    false) \
    X(USER_DOMAIN,        "user.domain",                       KEYWORD, false) \
    X(USER_ID,            "user.id",                           KEYWORD, false) \
    X(USER_NAME,          "user.name",                         KEYWORD, false) \
    X(PROCESS_ARGS,       "process.args",                      KEYWORD, true)  \
    X(PROCESS_ARGS_COUNT, "process.args_count",                LONG,    false) \
    X(PROCESS_COMMAND,    "process.command_line",              KEYWORD, false) \
    X(PROCESS_ENTITY_ID,  "process.entity_id",                 KEYWORD, false) \
    X(PROCESS_EXECUTABLE, "process.executable",                KEYWORD, false) \
    HD_ECS_HASH(X, PROCESS, "process") \
    X(PROCESS_NAME,       "process.name",                      KEYWORD, false) \
    X(PARENT_ARGS,        "process.parent.args",               KEYWORD, true)  \
    X(PARENT_ARGS_COUNT,  "process.parent.args_count",         LONG,    false) \
    X(PARENT_COMMAND,     "process.parent.command_line",       KEYWORD, false) \
    X(PARENT_ENTITY_ID,   "process.parent.entity_id",          KEYWORD, false) \
    X(PARENT_EXECUTABLE,  "process.parent.executable",         KEYWORD, false) \
    X(PARENT_NAME,        "process.parent.name",               KEYWORD, false) \
    X(PARENT_PID,         "process.parent.pid",                LONG,    false) \
    X(PARENT_USER_NAME,   "process.parent.user.name",          KEYWORD, false) \
    HD_ECS_PE(X, PROCESS, "process") \
    X(PROCESS_PID,        "process.pid",                       LONG,    false) \
    X(PROCESS_THREAD_ID,  "process.thread.id",                 LONG,    false) \
    X(PROCESS_DIRECTORY,  "process.working_directory",         KEYWORD, false) \
    HD_ECS_CODE_SIGNATURE(X, FILE, "file") \
    X(FILE_CREATED,       "file.created",                      DATE,    false) \
    X(FILE_DIRECTORY,     "file.directory",                    KEYWORD, false) \
    X(FILE_DRIVE,         "file.drive_letter",                 KEYWORD, false) \
    X(FILE_EXTENSION,     "file.extension",                    KEYWORD, false) \
    X(FILE_FORK,          "file.fork_name",                    KEYWORD, false) \
    HD_ECS_HASH(X, FILE, "file") \
    X(FILE_NAME,          "file.name",                         KEYWORD, false) \
    X(FILE_PATH,          "file.path",                         KEYWORD, false) \
    HD_ECS_PE(X, FILE, "file") \
    HD_ECS_CODE_SIGNATURE(X, DLL, "dll") \
    HD_ECS_HASH(X, DLL, "dll") \
    X(DLL_NAME,           "dll.name",                          KEYWORD, false) \
    X(DLL_PATH,           "dll.path",                          KEYWORD, false) \
    HD_ECS_PE(X, DLL, "dll") \
    X(REGISTRY_STRINGS,   "registry.data.strings",             KEYWORD, true)  \
    X(REGISTRY_TYPE,      "registry.data.type",                KEYWORD, false) \
    X(REGISTRY_HIVE,      "registry.hive",                     KEYWORD, false) \
    X(REGISTRY_KEY,       "registry.key",                      KEYWORD, false) \
    X(REGISTRY_PATH,      "registry.path",                     KEYWORD, false) \
    X(REGISTRY_VALUE,     "registry.value",                    KEYWORD, false) \
    X(NETWORK_COMMUNITY,  "network.community_id",              KEYWORD, false) \
    X(NETWORK_DIRECTION,  "network.direction",                 KEYWORD, false) \
    X(NETWORK_PROTOCOL,   "network.protocol",                  KEYWORD, false) \
    X(NETWORK_TRANSPORT,  "network.transport",                 KEYWORD, false) \
    X(NETWORK_TYPE,       "network.type",                      KEYWORD, false) \
    X(SOURCE_ADDRESS,     "source.address",                    KEYWORD, false) \
    X(SOURCE_DOMAIN,      "source.domain",                     KEYWORD, false) \
    X(SOURCE_IP,          "source.ip",                         IP,      false) \
    X(SOURCE_PORT,        "source.port",                       LONG,    false) \
    X(DESTINATION_ADDRESS, "destination.address",              KEYWORD, false) \
    X(DESTINATION_DOMAIN, "destination.domain",                KEYWORD, false) \
    X(DESTINATION_IP,     "destination.ip",                    IP,      false) \
    X(DESTINATION_PORT,   "destination.port",                  LONG,    false) \
    X(DNS_ANSWERS,        "dns.answers",                       OBJECT,  true)  \
    X(DNS_QUESTION,       "dns.question.name",                 KEYWORD, false) \
    X(DNS_RESOLVED,       "dns.resolved_ip",                   IP,      true)  \
    X(DNS_RESPONSE,       "dns.response_code",                 KEYWORD, false) \
    X(ERROR_CODE,         "error.code",                        KEYWORD, false) \
    X(ERROR_MESSAGE,      "error.message",                     TEXT,    false) \
    X(RULE_NAME,          "rule.name",                         KEYWORD, false) \
    X(THREAT_FRAMEWORK,   "threat.framework",                  KEYWORD, false) \
    X(TACTIC_ID,          "threat.tactic.id",                  KEYWORD, true)  \
    X(TACTIC_NAME,        "threat.tactic.name",                KEYWORD, true)  \
    X(TECHNIQUE_ID,       "threat.technique.id",               KEYWORD, true)  \
    X(TECHNIQUE_NAME,     "threat.technique.name",             KEYWORD, true)  \
    X(SUBTECHNIQUE_ID,    "threat.technique.subtechnique.id",  KEYWORD, true)  \
    X(SUBTECHNIQUE_NAME,  "threat.technique.subtechnique.name", KEYWORD, true) \
    X(RELATED_HASH,       "related.hash",                      KEYWORD, true)  \
    X(RELATED_HOSTS,      "related.hosts",                     KEYWORD, true)  \
    X(RELATED_IP,         "related.ip",                        IP,      true)  \
    X(RELATED_USER,       "related.user",                      KEYWORD, true)  \
    X(WINLOG_ACTIVITY,    "winlog.activity_id",                KEYWORD, false) \
    X(WINLOG_BINARY,      "winlog.binary_event_data",          OBJECT,  false) \
    X(WINLOG_CHANNEL,     "winlog.channel",                    KEYWORD, false) \
    X(WINLOG_COMPUTER,    "winlog.computer_name",              KEYWORD, false) \
    X(WINLOG_DEBUG,       "winlog.debug_data",                 OBJECT,  false) \
    X(WINLOG_EVENT_DATA,  "winlog.event_data",                 OBJECT,  false) \
    X(WINLOG_DATA_NAME,   "winlog.event_data_name",            KEYWORD, false) \
    X(WINLOG_EVENT_ID,    "winlog.event_id",                   KEYWORD, false) \
    X(WINLOG_SOURCE_NAME, "winlog.event_source_name",          KEYWORD, false) \
    X(WINLOG_KEYWORDS,    "winlog.keywords",                   KEYWORD, true)  \
    X(WINLOG_KEYWORDS_MASK, "winlog.keywords_mask",            KEYWORD, false) \
    X(WINLOG_LEVEL,       "winlog.level",                      LONG,    false) \
    X(WINLOG_OPCODE,      "winlog.opcode",                     KEYWORD, false) \
    X(WINLOG_PID,         "winlog.process.pid",                LONG,    false) \
    X(WINLOG_TID,         "winlog.process.thread.id",          LONG,    false) \
    X(WINLOG_PROCESSING,  "winlog.processing_error",           OBJECT,  false) \
    X(WINLOG_PROVIDER_GUID, "winlog.provider_guid",            KEYWORD, false) \
    X(WINLOG_PROVIDER,    "winlog.provider_name",              KEYWORD, false) \
    X(WINLOG_QUALIFIERS,  "winlog.qualifiers",                 LONG,    false) \
    X(WINLOG_RECORD_ID,   "winlog.record_id",                  KEYWORD, false) \
    X(WINLOG_RELATED_ACTIVITY, "winlog.related_activity_id",   KEYWORD, false) \
    X(RENDERED_CHANNEL,   "winlog.rendering.channel",          KEYWORD, false) \
    X(RENDERED_CULTURE,   "winlog.rendering.culture",          KEYWORD, false) \
    X(RENDERED_KEYWORDS,  "winlog.rendering.keywords",         KEYWORD, false) \
    X(RENDERED_LEVEL,     "winlog.rendering.level",            KEYWORD, false) \
    X(SYSMON_DNS_STATUS,  "winlog.sysmon.dns.status",          KEYWORD, false) \
    X(SYSMON_ARCHIVED,    "winlog.sysmon.file.archived",       BOOLEAN, false) \
    X(SYSMON_EXECUTABLE,  "winlog.sysmon.file.is_executable",  BOOLEAN, false) \
    X(WINLOG_TASK,        "winlog.task",                       KEYWORD, false) \
    X(WINLOG_TIME_CREATED, "winlog.time_created",              KEYWORD, false) \
    X(WINLOG_USER,        "winlog.user.identifier",            KEYWORD, false) \
    X(WINLOG_USER_DATA,   "winlog.user_data",                  OBJECT,  false) \
    X(WINLOG_VERSION,     "winlog.version",                    LONG,    false) \
    X(HUBDRAIN_COLUMNS,   "hubdrain.columns",                  OBJECT,  false) \
    X(HUBDRAIN_ENVELOPE,  "hubdrain.envelope",                 KEYWORD, false) \
    X(HUBDRAIN_GROUP,     "hubdrain.eventhub.consumer_group",  KEYWORD, false) \
    X(HUBDRAIN_ENQUEUED,  "hubdrain.eventhub.enqueued_time",   DATE,    false) \
    X(HUBDRAIN_HUB,       "hubdrain.eventhub.name",            KEYWORD, false) \
    X(HUBDRAIN_NAMESPACE, "hubdrain.eventhub.namespace",       KEYWORD, false) \
    X(HUBDRAIN_OFFSET,    "hubdrain.eventhub.offset",          KEYWORD, false) \
    X(HUBDRAIN_PARTITION, "hubdrain.eventhub.partition",       KEYWORD, false) \
    X(HUBDRAIN_SEQUENCE,  "hubdrain.eventhub.sequence_number", LONG,    false) \
    X(HUBDRAIN_RECORD,    "hubdrain.record",                   OBJECT,  false) \
    X(HUBDRAIN_TRUNCATED, "hubdrain.truncated",                BOOLEAN, false) \
    X(HUBDRAIN_CUT,       "hubdrain.truncated_fields",         KEYWORD, true)

enum {
    ECS_NONE,
#define HD_ECS_ID(id, path, type, array) ECS_##id,
    HD_ECS_TARGETS(HD_ECS_ID)
#undef HD_ECS_ID
    ECS_COUNT
};
// clang-format on

#endif
