/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "eif/metadata.h"
#include "eif/seal.h"
#include "eif/writer.h"
#include "fmt/measured.h"
#include "tree/tree.h"

/*
 * Tree + configuration → ramdisks → EIF: the build pipeline, which reads like a list (image.c).
 *
 * Layout "selfsame" (layout 1): sections kernel, cmdline, metadata, ramdisk 0 (our runtime, the
 * same bytes for every application), ramdisk 1 (measured config, then the image's tree).
 * Layout "nitro-cli": ramdisks byte-identical to nitro-cli 1.5.0's (image/nitro_layout.c).
 *
 * The tree is read twice: once without its bodies, for the sizes; once to write. Nothing but the
 * request, the tree and the files it names reaches the output.
 */
#define IMAGE_LAYOUT 1                            /* what "layout = 1" in the lock names */
#define IMAGE_MAX_INIT ((size_t)16 * 1024 * 1024) /* and of the others, each */
#define IMAGE_MAX_CMDLINE 2047u /* x86's COMMAND_LINE_SIZE, less the NUL; arm64 has as much */
#define IMAGE_MAX_LABEL 256u    /* of ImageName and ImageVersion */
#define IMAGE_MAX_ACCOUNTS ((size_t)4 * 1024 * 1024) /* bytes of passwd or group */

enum image_layout { IMAGE_SELFSAME, IMAGE_NITRO_CLI };

/* The runtime folder, resolved. */
struct image_runtime {
	const char *kernel; /* path of bzImage or Image */
	const char *init;   /* paths; these three become ramdisk 0 */
	const char *dataplane;
	const char *keyplane;
	const char *cmdline; /* the text after "selfsame.rd0=… ", without a newline */
};

/* What runs inside, after image config and enclave.toml were merged: exec vectors, never a shell.
 * Spans are the caller's. `config` has every field but version, entries, bytes, pages and xattrs,
 * which image_build() fills in from the tree. */
struct image_request {
	enum image_layout layout;
	const char *arch; /* "x86_64" or "aarch64" */
	uint32_t epoch;
	const char *name;    /* ImageName; never a path */
	const char *version; /* ImageVersion */
	uint64_t default_mem;
	uint64_t default_cpus;
	const char *extra_cmdline;    /* appended after our text; NULL = none */
	struct image_runtime runtime; /* selfsame layout */
	struct mc_config config;      /* selfsame layout */
	const char *blobs; /* nitro-cli layout: folder with bzImage|Image, init, nsm.ko, cmdline */
	struct ss_span cmd_file; /* nitro-cli layout: contents of /cmd and /env */
	struct ss_span env_file;
	bool want_sha256;            /* of the whole file: m.file_sha256 */
	const struct eif_seal *seal; /* the signature to add; NULL = none */
	const char *output;
	bool discard;                 /* eif/writer.h */
	struct ss_progress *progress; /* may be NULL */
};

struct image_result {
	struct eif_measurements m;
	uint64_t memory_need;  /* bytes; 0 in the nitro-cli layout, whose unpacker is the kernel */
	uint32_t entries;      /* of ramdisk 1, as the measured config counts them */
	uint64_t bytes;        /* of their bodies */
	uint32_t setuid_files; /* that no_new_privs disables: setuid or setgid */
	uint32_t capability_files;
	char kernel_version[EIF_KERNEL_VERSION_SIZE]; /* from a bzImage, else "Unknown" */
	uint8_t kernel_sha256[CRYPTO_SHA256_SIZE];
	uint8_t init_sha256[CRYPTO_SHA256_SIZE];
	uint8_t dataplane_sha256[CRYPTO_SHA256_SIZE]; /* selfsame layout */
	uint8_t keyplane_sha256[CRYPTO_SHA256_SIZE];  /* selfsame layout */
};

/* `t` is sorted and read; normalisers have run before. The file appears at req->output, whole, or
 * what stood there stays. */
SS_MUST_CHECK SS_NONNULL int image_build(struct tree *t, const struct image_request *req,
					 struct image_result *ret, struct ss_err *err);

/* What a file gives to whoever executes it, and no_new_privs takes away: bits. `build` lists them
 * by walking the tree. */
#define IMAGE_SETUID 1u
#define IMAGE_SETGID 2u
#define IMAGE_CAPABILITY 4u
SS_NONNULL unsigned image_privileges(const struct tree *t, tree_id id);

/* --- who runs it --------------------------------------------------------------------------- */

struct image_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[MC_MAX_GROUPS]; /* ascending, no number twice */
	size_t n_groups;
};

/*
 * Resolves "user", "uid", "user:group", "uid:gid" (OCI image-spec, config "User") against
 * /etc/passwd and /etc/group of the tree. NULL or "" is user 0. A number need not be in the files.
 * Without an explicit group: the user's own from passwd, else 0, and the supplementary groups
 * that list the user's name; with one: that alone, as engines do it.
 */
SS_MUST_CHECK int image_user_resolve(const struct tree *t, const char *text, struct image_user *ret,
				     struct ss_err *err);
