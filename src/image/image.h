/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "eif/writer.h"
#include "fmt/measured.h"
#include "tree/tree.h"

/*
 * Tree + configuration → ramdisks → EIF: the build pipeline, which reads like a list (image.c).
 *
 * Layout "selfsame" (layout 1): sections kernel, cmdline, metadata, ramdisk 0 (our runtime, the
 * same bytes for every application), ramdisk 1 (measured config, then the image's tree).
 * Layout "nitro-cli": ramdisks byte-identical to nitro-cli 1.5.0's (image/nitro_layout.c).
 */
#define IMAGE_LAYOUT 1u /* what "layout = 1" in the lock names */

enum image_layout { IMAGE_SELFSAME, IMAGE_NITRO_CLI };

/* The runtime folder, resolved: files by path. */
struct image_runtime {
	const char *kernel;  /* bzImage or Image */
	const char *init;    /* becomes ramdisk 0 */
	const char *cmdline; /* text after "selfsame.rd0=… ", without a newline */
};

/* What runs inside, after image config and enclave.toml were merged: exec vectors, never a shell.
 * Spans are the caller's. `config` has every field but entries, bytes, pages and xattrs, which
 * image_build() fills in from the tree. */
struct image_request {
	enum image_layout layout;
	const char *arch; /* "x86_64" or "aarch64" */
	uint32_t epoch;
	const char *name;    /* ImageName; never a path */
	const char *version; /* ImageVersion */
	uint64_t default_mem;
	uint64_t default_cpus;
	const char *extra_cmdline; /* appended after our text; NULL = none */
	struct image_runtime runtime;
	struct mc_config config;
	const char *blobs; /* nitro-cli layout: folder with bzImage|Image, init, nsm.ko, cmdline */
	struct ss_span cmd_file; /* nitro-cli layout: contents of /cmd and /env */
	struct ss_span env_file;
	const char *output;
	struct ss_progress *progress;
};

struct image_result {
	struct eif_measurements m;
	uint64_t memory_need; /* bytes */
	uint32_t entries;
	uint32_t setuid_files; /* that no_new_privs disables */
	uint32_t capability_files;
	char kernel_version[64]; /* from the bzImage header, or "Unknown" */
	uint8_t kernel_sha256[32];
	uint8_t init_sha256[32];
};

/* `t` is sorted and read; normalisers have run before. */
SS_MUST_CHECK SS_NONNULL int image_build(struct tree *t, const struct image_request *req,
					 struct image_result *ret, struct ss_err *err);

/* --- user.h's part: who runs it ---------------------------------------------------------- */

struct image_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[MC_MAX_GROUPS];
	size_t n_groups;
};

/*
 * Resolves "user", "uid", "user:group", "uid:gid" (OCI image-spec, config "User") against
 * /etc/passwd and /etc/group of the tree, with supplementary groups. NULL or "" is 0:0.
 */
SS_MUST_CHECK int image_user_resolve(const struct tree *t, const char *text, struct image_user *ret,
				     struct ss_err *err);
