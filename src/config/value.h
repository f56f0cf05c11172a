/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value: texts of the configuration -> numbers with units, times, truth. Pure.
 *
 * Errors: -EINVAL; ret_why then says what is wrong and what to write instead, without the value
 * itself unless it is a number.
 */
#ifndef HD_CONFIG_VALUE_H
#define HD_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_WHY_SIZE 160

int config_value_bool(const char *text, bool *ret, char ret_why[HD_WHY_SIZE]);
int config_value_integer(const char *text, uint64_t *ret, char ret_why[HD_WHY_SIZE]);
int config_value_duration(const char *text, int64_t *ret_ms, char ret_why[HD_WHY_SIZE]);
int config_value_size(const char *text, uint64_t *ret_bytes, char ret_why[HD_WHY_SIZE]);

/* RFC 3339 with a zone: 2024-05-02T08:15:30Z, 2024-05-02T10:15:30.5+02:00. */
int config_value_time(const char *text, int64_t *ret_ms, char ret_why[HD_WHY_SIZE]);

#endif
