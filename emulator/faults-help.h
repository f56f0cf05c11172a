/* SPDX-License-Identifier: Apache-2.0 */
/* The faults, as --help tells them; README.md has the same with examples. */
#ifndef EMULATOR_FAULTS_HELP_H
#define EMULATOR_FAULTS_HELP_H

#define EMU_FAULTS_HELP                                                                            \
    "Faults: POST /faults on the admin endpoint with a JSON object (or the same as a query):\n"    \
    "  fault            what (below)\n"                                                            \
    "  hub, partition, consumer_group   only there (default: anywhere)\n"                          \
    "  count            how often (default 1; 0: no limit)\n"                                      \
    "  seconds          for how long (then count has no limit unless it is given)\n"               \
    "  condition, text, status, delay_ms, bytes   see below\n"                                     \
    "At once; count is the number of links or connections (0, the default of mute: all):\n"        \
    "  detach           DETACH links with condition and text (amqp:link:detach-forced)\n"          \
    "  close            CLOSE connections with condition and text (amqp:connection:forced)\n"      \
    "  reset            TCP RST in the middle of a frame\n"                                        \
    "  expire-tokens    all tokens expire after `seconds`; links are then detached\n"              \
    "  mute             read and write nothing for `seconds`, new connections too\n"               \
    "Armed until used up, the time is over or DELETE /faults:\n"                                   \
    "  put-token        answer with status (401, 404, 500 ...) and/or after delay_ms\n"            \
    "  refuse-attach    refuse event links with condition and text\n"                              \
    "  server-busy      refuse event links with com.microsoft:server-busy\n"                       \
    "  argument-error   refuse receivers: their position lies behind the end\n"                    \
    "  ignore-attach    never answer the ATTACH of a receiver\n"                                   \
    "  starve           no credit for senders, no events for receivers (default: no limit)\n"      \
    "  delay            hold deliveries back for delay_ms\n"                                       \
    "  management       answer $management with status (503)\n"                                    \
    "  status-spelling  answer with statusCode, statusDescription, errorCondition\n"               \
    "  small-frames     send frames of at most `bytes` (512; default: no limit)\n"

#endif
