/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Which of an index's platforms an enclave of architecture "x86_64" or "aarch64" can run. */

/* The image specification's word ("amd64", "arm64"), or NULL if `arch` is neither. */
SS_NONNULL const char *oci_platform_arch(const char *arch);

/*
 * How well a platform suits; higher is better, 0 is not at all. A variant above the base level
 * ("v3", "v9") is a demand on the processor that only shows as a fault once the program runs, so
 * only plain (2) and the base level (1: "v1" for amd64, "v8" for arm64) are taken. NULL is absent.
 */
int oci_platform_rank(const char *want_arch, const char *os, const char *arch, const char *variant);

/* "linux/arm64/v8" for messages, cut to `n` bytes; "unknown" for what is absent. */
void oci_platform_text(const char *os, const char *arch, const char *variant, char *ret, size_t n);
