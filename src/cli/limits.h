/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/cli.h"
#include "oci/source.h"

/* The options that raise or lower the limits on an image's layers: a `struct cli_limits` among a
 * command's options, and its rows. They change no byte of a result. */
struct cli_limits {
	struct cli_num total;
	struct cli_num ratio;
	struct cli_num entries;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): names of a type and of a member */
#define CLI_OPTS_LIMITS(opts, member)                                                              \
	{ .name = "limit-total",                                                                   \
	  .kind = CLI_NUM,                                                                         \
	  .at = offsetof(opts, member.total),                                                      \
	  .arg = "BYTES",                                                                          \
	  .help = "most bytes that all layers may unpack to; 64 GiB without it",                   \
	  .min = 1 },                                                                              \
		{ .name = "limit-ratio",                                                           \
		  .kind = CLI_NUM,                                                                 \
		  .at = offsetof(opts, member.ratio),                                              \
		  .arg = "N",                                                                      \
		  .help = "most times its size that a layer may unpack to; 1100 without it",       \
		  .min = 1,                                                                        \
		  .max = UINT32_MAX },                                                             \
	{                                                                                          \
		.name = "limit-entries", .kind = CLI_NUM, .at = offsetof(opts, member.entries),    \
		.arg = "N", .help = "most entries in all layers; 4194304 without it", .min = 1,    \
		.max = UINT32_MAX                                                                  \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

static inline struct oci_limits cli_limits_of(const struct cli_limits *l)
{
	return (struct oci_limits){ .total = l->total.value,
				    .ratio = (uint32_t)l->ratio.value,
				    .entries = (uint32_t)l->entries.value };
}
