/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/out.h"
#include "eif/measure.h"

/* Registers and parts of an EIF as the commands show them. */

/* "PCR0  …" one line each, `indent` before it; an unknown PCR0 says so. */
SS_NONNULL void cli_print_registers(const struct eif_measurements *m, const char *indent);

/*
 * nitro-cli's "Measurements": HashAlgorithm, PCR0, PCR1, PCR2, and PCR8 of a signed file. PCR0 is
 * null where it cannot be computed. The caller's.
 */
SS_NONNULL json_t *cli_registers_json(const struct eif_measurements *m);

/* "kernel", "cmdline", "ramdisk0", …: the name of part i. */
#define CLI_PART_SIZE 16u
SS_NONNULL void cli_part_name(const struct eif_measurements *m, size_t i, char ret[CLI_PART_SIZE]);
/* Its index, or -1 with *err naming the parts there are. */
SS_MUST_CHECK SS_NONNULL int cli_part_find(const struct eif_measurements *m, const char *name,
					   size_t *ret, struct ss_err *err);
/* {"type", "size", "sha384"}, as in measurements.json. The caller's. */
SS_NONNULL json_t *cli_part_json(const struct eif_part *p);
