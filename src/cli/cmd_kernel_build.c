/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "crypto/hash.h"
#include "io/file.h"
#include "io/self.h"
#include "io/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct opts {
	const char *profile;
	const char *arch;
	const char *output;
	const char *source;
	const char *sha256;
	struct cli_num jobs;
	bool fresh;
	bool json;
};

static const struct cli_opt opt_table[] = {
	{ .name = "profile",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, profile),
	  .arg = "NAME",
	  .help = "nitro for enclaves on EC2, local for tests under QEMU",
	  .preset = "nitro",
	  .choices = "nitro local" },
	{ .name = "arch",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, arch),
	  .arg = "ARCH",
	  .help = "architecture of the enclave",
	  .preset = "x86_64",
	  .choices = "x86_64 aarch64" },
	{ .name = "output",
	  .letter = 'o',
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, output),
	  .arg = "DIR",
	  .help = "where the kernel, its configuration, stage0, init, dataplane and keyplane go",
	  .preset = "kernel-out",
	  .value = CLI_DIR },
	{ .name = "source",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, source),
	  .arg = "TARBALL",
	  .help = "a kernel.org tarball instead of the locked source package",
	  .value = CLI_FILE },
	{ .name = "sha256",
	  .kind = CLI_STR,
	  .at = offsetof(struct opts, sha256),
	  .arg = "HEX",
	  .help = "what the tarball must hash to" },
	{ .name = "jobs",
	  .letter = 'j',
	  .kind = CLI_NUM,
	  .at = offsetof(struct opts, jobs),
	  .arg = "N",
	  .help = "compilers at once; all processors without it",
	  .min = 1,
	  .max = 1024 },
	{ .name = "fresh",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, fresh),
	  .help = "build anew, whatever the cache holds" },
	CLI_OPT_JSON(struct opts, json),
	CLI_OPTS_END,
};

static void show_line(void *ctx, enum io_stream from, const char *line)
{
	(void)from;
	ss_progress_note(ctx, line);
}

/* Runs one of the recipes; its exit status says what failed: the input, the compiler, a mirror. */
static enum ss_code code_of(int status)
{
	if (status == 3)
		return SS_EINPUT;
	return status == 5 ? SS_EREMOTE : SS_ESYS;
}

static int recipe(const char *const *argv, struct ss_progress *progress, struct ss_err *err)
{
	const struct io_spawn s = { .argv = argv, .line = show_line, .ctx = progress };
	struct io_exit e;

	if (io_spawn_run(&s, &e, err) < 0)
		return -1;
	return io_exit_check(&e, argv[0], code_of(e.status), err);
}

/* Recipes are scripts, found as our other parts are; the caller frees the path. */
static char *find_recipe(const char *name, struct ss_err *err)
{
	char *path = io_self_find(name, err);

	if (path == NULL)
		err->hint = "the kernel's recipe is not installed: 'make install' installs all";
	return path;
}

static int build_runtime(const struct opts *o, struct ss_progress *progress, struct ss_err *err)
{
	AUTO_FREE char *tool = find_recipe("tools/runtime-build", err);
	const char *const argv[] = { tool, o->arch, o->output, NULL };

	return tool != NULL ? recipe(argv, progress, err) : -1;
}

static int build_kernel(const struct opts *o, const char *stage0, struct ss_progress *progress,
			struct ss_err *err)
{
	AUTO_FREE char *tool = find_recipe("kernel/build", err);
	const char *argv[20] = { tool,       "--profile", o->profile, "--arch", o->arch,
				 "--stage0", stage0,      "--output", o->output };
	char jobs[16];
	size_t n = 9;

	if (tool == NULL)
		return -1;
	if (o->source != NULL) {
		argv[n++] = "--source";
		argv[n++] = o->source;
		argv[n++] = "--sha256";
		argv[n++] = o->sha256;
	}
	if (o->jobs.set) {
		(void)snprintf(jobs, sizeof(jobs), "%u", (unsigned)o->jobs.value);
		argv[n++] = "--jobs";
		argv[n++] = jobs;
	}
	if (o->fresh)
		argv[n++] = "--fresh";
	return recipe(argv, progress, err);
}

static int hash_file(const char *path, char hex[2 * CRYPTO_SHA256_SIZE + 1], struct ss_err *err)
{
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	AUTO_CLOSE int fd = -1;
	uint8_t block[16384];
	uint8_t digest[CRYPTO_SHA256_SIZE];
	size_t n;

	if (io_open_file(path, &fd, NULL, err) < 0)
		return -1;
	do {
		if (io_read_full(fd, block, sizeof(block), &n, err) < 0)
			return ss_ctx(err, "'%s'", path);
		crypto_hash_put(h, (struct ss_span){ block, n });
	} while (n == sizeof(block));
	crypto_hash_end(h, digest);
	ss_hex((struct ss_span){ digest, sizeof(digest) }, hex);
	return 0;
}

static char *in_output(const struct opts *o, const char *name)
{
	const size_t n = strlen(o->output) + strlen(name) + 2;
	char *path = ss_calloc(n, 1);

	(void)snprintf(path, n, "%s/%s", o->output, name);
	return path;
}

static int print_result(const struct opts *o, struct ss_err *err)
{
	const bool arm = strcmp(o->arch, "aarch64") == 0;
	AUTO_FREE char *image = in_output(o, arm ? "Image" : "bzImage");
	char hex[2 * CRYPTO_SHA256_SIZE + 1];
	json_t *doc;
	int rc;

	if (hash_file(image, hex, err) < 0)
		return -1;
	if (!o->json) {
		printf("%s\nsha256 %s\n", image, hex);
		return 0;
	}
	doc = json_object();
	cli_json_set(doc, "Profile", json_string(o->profile));
	cli_json_set(doc, "Arch", json_string(o->arch));
	cli_json_text(doc, "Kernel", (struct ss_span){ (const uint8_t *)image, strlen(image) });
	cli_json_set(doc, "Sha256", json_string(hex));
	rc = cli_json_print(doc, err);
	json_decref(doc);
	return rc;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	AUTO_FREE char *stage0 = in_output(o, "stage0");

	if ((o->source == NULL) != (o->sha256 == NULL))
		return ss_fail(err, SS_EUSAGE, "--source and --sha256 belong together");
	if (mkdir(o->output, 0777) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make folder '%s'", o->output);
	ss_progress_phase(r->progress, "building the runtime", 0);
	if (build_runtime(o, r->progress, err) < 0)
		return -1;
	ss_progress_phase(r->progress, "building the kernel", 0);
	if (build_kernel(o, stage0, r->progress, err) < 0)
		return -1;
	return print_result(o, err);
}

const struct cli_cmd cli_kernel_build = {
	.name = "kernel build",
	.args = "",
	.summary = "build the enclave kernel from its pinned source",
	.about =
		"Builds the kernel with stage0 inside it, in a root made of pinned packages, so "
		"that "
		"the same inputs give the same bytes on any machine. What was built before comes "
		"from the cache. PCR1 of every image made with it follows from these bytes.\n"
		"Profile nitro is for enclaves on EC2; local is smaller, starts faster, and is for "
		"tests and demonstrations under QEMU only. There is no local kernel for aarch64.",
	.examples = "selfsame kernel build\n"
		    "selfsame kernel build --profile local --output out\n",
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
