/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"
#include "base/err.h"

#include <jansson.h>

/*
 * Results, on standard output. A full disk or a closed pipe is found by cli_main() when the command
 * is done, so the calls here need no checks.
 */

/* Text from outside, escaped (base/show.h). */
void cli_print_text(struct ss_span s);
SS_NONNULL void cli_print_str(const char *s);

/*
 * object[key] = the text; where it is not UTF-8, the text escaped and, beside it, object[key_hex] =
 * all its bytes in hexadecimal.
 */
SS_NONNULL void cli_json_text(json_t *object, const char *key, struct ss_span s);

/* One document, keys in the order they were set, two spaces a level, and a newline. */
SS_MUST_CHECK SS_NONNULL int cli_json_print(const json_t *root, struct ss_err *err);

/*
 * jansson reports only lack of memory (or a programmer's error) when it builds a value: end the
 * program, as base/mem.c does. Takes over `value`.
 */
SS_NONNULL void cli_json_set(json_t *object, const char *key, json_t *value);
