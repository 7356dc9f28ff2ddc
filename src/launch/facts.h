/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/metadata.h"
#include "eif/reader.h"
#include "fmt/egress.h"
#include "fmt/measured.h"

/*
 * What `run` knows of an image before it starts it: registers, measured config, memory. Read once,
 * with every check that needs no machine; the file stays open, and that descriptor is what is
 * started, whatever happens to the name.
 */
#define FACTS_MIN_MIB 64u /* no enclave has less */

struct facts {
	struct eif_file file;
	struct eif_measurements m;
	char kernel_version[EIF_KERNEL_VERSION_SIZE];
	bool is_local_kernel; /* profile "local": for QEMU only */
	bool is_arm64;
	bool is_signed;
	struct ss_err expired; /* of the signing certificate; SS_OK = its dates hold */
	bool has_config;       /* ramdisk 1 has layout "selfsame" */
	struct ss_buf config_bytes;
	struct mc_config config; /* lies in config_bytes */
	struct egress_rule *rules;
	size_t n_rules;
	uint64_t need_mib; /* with one processor; each further one takes one more */
};

#define FACTS_NONE                                                                                 \
	{                                                                                          \
		.file = EIF_FILE_NONE, .config_bytes = SS_BUF_INIT(MC_MAX_SIZE)                    \
	}

/*
 * A signature that does not hold for these registers is an error; `now`, seconds since 1970, is
 * held against the certificate's dates, which only *ret tells.
 */
SS_MUST_CHECK SS_NONNULL int facts_load(const char *path, int64_t now, struct facts *ret,
					struct ss_err *err);
void facts_done(struct facts *f); /* accepts FACTS_NONE */
#define AUTO_FACTS SS_CLEANUP(facts_done)

/*
 * The memory to start it with: `asked_mib`, or with 0 the larger of what the file proposes and what
 * it needs. Less than the need is an error that says the figure.
 */
SS_MUST_CHECK SS_NONNULL int facts_memory(const struct facts *f, uint64_t asked_mib, unsigned cpus,
					  uint64_t *ret_mib, struct ss_err *err);
/* `asked`, or with 0 what the file proposes. */
SS_NONNULL unsigned facts_cpus(const struct facts *f, unsigned asked);
/* The ingress of that port, stream or datagrams; false if the image has none. */
SS_MUST_CHECK SS_NONNULL bool facts_ingress(const struct facts *f, uint16_t port, bool udp,
					    struct mc_ingress *ret);
