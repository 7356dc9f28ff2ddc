/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/progress.h"
#include "config/enclave_lock.h"
#include "config/enclave_toml.h"
#include "config/git.h"
#include "config/measurements.h"
#include "image/image.h"
#include "oci/source.h"
#include "project/written.h"
#include "tree/normalise.h"

/*
 * One build of one project: enclave.toml and options in; EIF, measurements.json and enclave.lock
 * out. The list of steps is in project_build.c; each step is a file of this folder or one call of
 * the modules below.
 *
 * A project is a folder with an enclave.toml. Without one the defaults hold, nothing is locked,
 * and measurements.json goes beside the output.
 */

struct hm_view;

/* What the command line adds; NULL, 0 and empty mean "not given". Borrowed. */
struct project_options {
	const char *source; /* a folder, or a source in skopeo's spelling; NULL = "." */
	const char *output;
	const char *name;
	const char *kernel;  /* "nitro", "local", or a file */
	const char *cmdline; /* appended to the kernel's command line */
	const char *runtime; /* a folder that holds <arch>/ */
	const char *epoch;   /* --source-date-epoch */
	const char *epoch_env;
	const char *arch;
	const char *engine;
	const char *layout; /* "selfsame", "nitro-cli" */
	const char *blobs;
	const char *target;
	const char *platform;
	const char *dockerfile;
	const char *const *args; /* "K=V" */
	size_t n_args;
	const char *const *secrets; /* "id=FILE" */
	size_t n_secrets;
	const char *const *normalise; /* rows that run although the file, or nobody, asked */
	size_t n_normalise;
	const char *const *normalise_off;
	size_t n_normalise_off;
	const char *certificate;
	const char *key;
	const char *signature_from; /* an EIF whose signature is attached */
	bool update;                /* resolve base images anew although the lock has them */
	bool no_hermetic;           /* --no-hermetic */
	const char *level;          /* --level: "auto", "light", "full" */
	const char *ca_file; /* roots by which the steps' servers are known; NULL = the system's */
	const struct hm_view *view; /* what the steps see; NULL = engine/engine.h says */
	bool recorded;              /* with a view: they fetch through a recorder (steps.h) */
	const char *work;           /* folder below which the build works; NULL = the cache's */
	bool written;               /* say which step wrote what (written.h) */
	bool trial;                 /* the EIF only: neither measurements.json nor a lock */
	struct oci_limits limits;
	int64_t now; /* for certificates only */
	struct ss_progress *progress;
};

/* enclave.toml, options and lock, resolved: all that decides what is built. Owned. */
struct project_plan {
	struct cfg_enclave config;
	bool has_config;
	struct cfg_lock locked; /* the lock that stands there; empty without one */
	bool has_lock;
	bool is_rebuild;  /* the lock decides */
	char *dir;        /* the project's folder */
	char *source;     /* an image source, or NULL: the Dockerfile */
	char *dockerfile; /* path */
	char *elsewhere;  /* the Dockerfile that --file or the lock named, from `dir`; or NULL */
	char *context;    /* path */
	char *output;     /* path of the EIF */
	char *eif;        /* where it goes by default: never an input, whatever the output */
	char *scratch;    /* where a rebuild goes that nobody wants to keep; the same */
	char *records;    /* folder of measurements.json and, with a config, enclave.lock */
	const char *name; /* borrowed from config or options, as the rest below */
	const char *version;
	const char *arch;
	enum image_layout layout;
	uint32_t epoch;
	uint32_t normalise_off;
	bool hermetic;      /* steps.h */
	const char *level;  /* of all steps, "light" or "full"; NULL = each has its own */
	bool hermetic_must; /* an engine that cannot is an error */
	struct cfg_git git;
};

/* The runtime's files. Owned. */
struct project_runtime {
	char *kernel;
	char *init;
	char *dataplane;
	char *keyplane;
	char *cmdline;           /* its text */
	const char *kernel_kind; /* "nitro", "local", "file" */
	const char *standing;    /* "known", "unknown": project_kernel_standing() */
};

/* What the steps asked for (steps.h). */
struct project_fetched {
	uint64_t requests;
	uint64_t bytes;
	uint64_t cached;
	uint64_t failed;
};

struct project_result {
	struct image_result image;
	struct project_plan plan;
	struct project_runtime runtime;
	struct cfg_lock lock;
	struct tree_normalised normalised[TREE_NORMALISERS];
	char **privileged; /* paths of setuid, setgid and capability files, in canonical order */
	size_t n_privileged;
	uint64_t xattrs_dropped;
	struct cfg_texts lost; /* engine/engine.h */
	struct project_fetched fetched;
	struct project_written written;
	bool file_compared; /* a rebuild: not where only one of the two is signed */
};

/* On failure *ret is empty; on success project_result_done() is due. */
SS_MUST_CHECK SS_NONNULL int project_build(const struct project_options *o,
					   struct project_result *ret, struct ss_err *err);

/*
 * Builds again, from the lock of the project at o->source, into o->output (default: the project's
 * own EIF is left alone and nothing is kept), and compares with measurements.json. 0 if the build
 * was made; *ret_same says whether all is the same, and `differs` is called for what is not.
 */
SS_MUST_CHECK int
project_rebuild(const struct project_options *o, struct project_result *ret, bool *ret_same,
		void (*differs)(void *ctx, const char *what, const char *want, const char *got),
		void *ctx, struct ss_err *err);

/* Both of the above, before anything is compared. */
SS_MUST_CHECK SS_NONNULL int project_make(const struct project_options *o, bool is_rebuild,
					  struct project_result *ret, struct ss_err *err);
SS_NONNULL void project_result_done(struct project_result *r);

/* --- the steps ----------------------------------------------------------------------------- */

/* Options over file over defaults. */
SS_MUST_CHECK SS_NONNULL int project_plan_make(const struct project_options *o, bool is_rebuild,
					       struct project_plan *ret, struct ss_err *err);
SS_NONNULL void project_plan_done(struct project_plan *p);

SS_MUST_CHECK SS_NONNULL int project_runtime_find(const struct project_plan *p,
						  const struct project_options *o,
						  struct project_runtime *ret, struct ss_err *err);
SS_NONNULL void project_runtime_done(struct project_runtime *r);

/*
 * "known" if kernel/images.lock, which comes with the program, names these bytes as a kernel of
 * this architecture, whatever its profile. Any other is "unknown" (so is every one without that
 * file), and nothing may be concluded from its PCR1.
 */
const char *project_kernel_standing(const char *arch, const uint8_t sha256[CRYPTO_SHA256_SIZE]);
/* The same for the text of the file: rows "arch file key sha256 size", comments between them. */
bool project_images_has(struct ss_span lock, const char *arch,
			const uint8_t sha256[CRYPTO_SHA256_SIZE]);
SS_MUST_CHECK SS_NONNULL int project_hash_file(const char *path, uint8_t ret[CRYPTO_SHA256_SIZE],
					       struct ss_err *err);

/* What runs inside: the image's config under [app], as exec vectors. Owned buffers behind the
 * spans of `config`. */
struct project_app {
	struct ss_buf argv;
	struct ss_buf env;
	struct ss_buf groups;
	struct ss_buf ingress;
	struct ss_buf egress;
	struct ss_buf secrets;
	char *cwd;
	char *health_path;
	struct mc_config config;
	struct ss_buf cmd_file; /* nitro-cli layout */
	struct ss_buf env_file;
};
SS_MUST_CHECK SS_NONNULL int project_app_make(const struct project_plan *p,
					      const struct oci_image *image, const struct tree *t,
					      struct project_app *ret, struct ss_err *err);
SS_NONNULL void project_app_done(struct project_app *a);

SS_NONNULL void project_lock_image(struct cfg_lock *l, const struct project_plan *p,
				   const struct oci_image *image);
void project_lock_runtime(struct cfg_lock *l, const struct project_plan *p,
			  const struct project_runtime *r, const struct image_result *image,
			  const char *cmdline);
/* measurements.json and, with a config, enclave.lock: both by atomic rename. */
SS_MUST_CHECK SS_NONNULL int project_record(const struct project_result *r, struct ss_err *err);
