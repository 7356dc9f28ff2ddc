/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/verify_expect.h"
#include "endpoint/ep_fetch.h"

/*
 * An endpoint that must be a certain enclave: the options of the commands that ask one, and the
 * question that they make. Files are read once; the endpoint may be asked often.
 */
struct cli_peer_opts {
	struct cli_expect_opts expect;
	bool allow_raw_nsm;
	bool any_operator;
};

/* Their rows, for a command whose options have them as member `peer`. */
#define CLI_PEER_AT(opts, member) offsetof(opts, peer.member)
/* What is expected of the code and of who runs it, of a file too. */
#define CLI_EXPECT_ROWS(opts)                                                                      \
	{ .name = "eif",                                                                           \
	  .kind = CLI_STR,                                                                         \
	  .at = CLI_PEER_AT(opts, expect.eif),                                                     \
	  .arg = "FILE",                                                                           \
	  .help = "the enclave image that must be running",                                        \
	  .value = CLI_FILE,                                                                       \
	  .once = true },                                                                          \
		{ .name = "measurements",                                                          \
		  .kind = CLI_STR,                                                                 \
		  .at = CLI_PEER_AT(opts, expect.measurements),                                    \
		  .arg = "FILE",                                                                   \
		  .help = "the same by its measurements.json",                                     \
		  .value = CLI_FILE,                                                               \
		  .once = true },                                                                  \
		{ .name = "policy",                                                                \
		  .kind = CLI_STR,                                                                 \
		  .at = CLI_PEER_AT(opts, expect.policy),                                          \
		  .arg = "FILE",                                                                   \
		  .help = "a policy: the releases that are accepted, and what else must hold",     \
		  .value = CLI_FILE,                                                               \
		  .once = true },                                                                  \
		{ .name = "pcr",                                                                   \
		  .kind = CLI_LIST,                                                                \
		  .at = CLI_PEER_AT(opts, expect.pcr),                                             \
		  .arg = "N=HEX",                                                                  \
		  .help = "the value of a register; without a file, PCR0, PCR1 and PCR2 are "      \
			  "needed" },                                                              \
		{ .name = "role",                                                                  \
		  .kind = CLI_STR,                                                                 \
		  .at = CLI_PEER_AT(opts, expect.role),                                            \
		  .arg = "ARN",                                                                    \
		  .help = "the IAM role of the instance (PCR3)",                                   \
		  .once = true },                                                                  \
		{ .name = "instance",                                                              \
		  .kind = CLI_STR,                                                                 \
		  .at = CLI_PEER_AT(opts, expect.instance),                                        \
		  .arg = "ID",                                                                     \
		  .help = "the instance (PCR4)",                                                   \
		  .once = true },                                                                  \
	{                                                                                          \
		.name = "signer", .kind = CLI_STR, .at = CLI_PEER_AT(opts, expect.signer),         \
		.arg = "FILE", .help = "the certificate that the image is signed with (PCR8)",     \
		.value = CLI_FILE, .once = true                                                    \
	}
/* Whose word is taken. */
#define CLI_TRUST_ROWS(opts)                                                                       \
	{ .name = "root",                                                                          \
	  .kind = CLI_STR,                                                                         \
	  .at = CLI_PEER_AT(opts, expect.root),                                                    \
	  .arg = "FILE",                                                                           \
	  .help = "a root certificate in AWS's place; the verdict says so",                        \
	  .value = CLI_FILE,                                                                       \
	  .once = true },                                                                          \
		{ .name = "allow-debug",                                                           \
		  .kind = CLI_FLAG,                                                                \
		  .at = CLI_PEER_AT(opts, expect.allow_debug),                                     \
		  .help = "accept debug mode; the verdict says so" },                              \
	{                                                                                          \
		.name = "allow-emulated", .kind = CLI_FLAG,                                        \
		.at = CLI_PEER_AT(opts, expect.allow_emulated),                                    \
		.help = "accept QEMU's unsigned documents; the verdict says so"                    \
	}
#define CLI_PEER_ROWS(opts)                                                                        \
	CLI_EXPECT_ROWS(opts),                                                                     \
		{ .name = "leeway",                                                                \
		  .kind = CLI_NUM,                                                                 \
		  .at = CLI_PEER_AT(opts, expect.leeway),                                          \
		  .arg = "SECONDS",                                                                \
		  .help = "how far the document's clock may be ahead",                             \
		  .preset = "30",                                                                  \
		  .max = 300,                                                                      \
		  .once = true },                                                                  \
		CLI_TRUST_ROWS(opts),                                                              \
		{ .name = "allow-raw-nsm",                                                         \
		  .kind = CLI_FLAG,                                                                \
		  .at = CLI_PEER_AT(opts, allow_raw_nsm),                                          \
		  .help = "accept an application that can ask the NSM itself; the verdict says "   \
			  "so" },                                                                  \
	{                                                                                          \
		.name = "any-operator", .kind = CLI_FLAG, .at = CLI_PEER_AT(opts, any_operator),   \
		.help = "accept whoever runs this code; the verdict says so"                       \
	}

struct cli_peer {
	struct ep_url url;
	const struct ep_sender
		*sender; /* the caller's, NULL at first: whose secrets will be sent */
	struct cli_question x;
	bool allow_raw_nsm;
	bool any_operator;
};

/* ret is zeroed by the caller; cli_peer_done() after 0 and -1 alike. */
SS_MUST_CHECK SS_NONNULL int cli_peer_make(const struct cli_peer_opts *o, const char *url,
					   struct cli_peer *ret, struct ss_err *err);
SS_NONNULL void cli_peer_done(struct cli_peer *p);

/* A verdict, and the connection that it is of. Zeroed by the caller. */
struct cli_judged {
	struct ep_conn *conn;
	struct ssv_verdict *v;
};

/*
 * 0: there is a verdict, yes or no, by the clock of now. Asked over one connection. Any thread, one
 * at a time; cli_judged_done() after 0 and -1 alike.
 */
SS_MUST_CHECK SS_NONNULL int cli_peer_ask(struct cli_peer *p, struct cli_judged *ret,
					  struct ss_err *err);
SS_NONNULL void cli_judged_done(struct cli_judged *j);
