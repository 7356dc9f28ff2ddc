/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/limits.h"
#include "cli/out.h"
#include "cli/result.h"
#include "io/clock.h"
#include "project/project.h"

#include <stdio.h>
#include <string.h>

struct opts {
	const char *output;
	const char *name;
	const char *kernel;
	const char *cmdline;
	const char *runtime;
	const char *epoch;
	const char *arch;
	const char *engine;
	const char *layout;
	const char *level;
	const char *blobs;
	const char *dockerfile;
	const char *target;
	const char *platform;
	const char *certificate;
	const char *key;
	struct cli_list args;
	struct cli_list secrets;
	struct cli_list normalise;
	struct cli_list no_normalise;
	struct cli_limits limits;
	bool update;
	bool no_hermetic;
	bool twice;
	bool json;
};

#define STR(field, opt, metavar, text, ...)                                                        \
	{                                                                                          \
		.name = opt, .kind = CLI_STR, .at = offsetof(struct opts, field), .arg = metavar,  \
		.help = text, __VA_ARGS__                                                          \
	}
#define LIST(field, opt, metavar, text)                                                            \
	{                                                                                          \
		.name = (opt), .kind = CLI_LIST, .at = offsetof(struct opts, field),               \
		.arg = (metavar), .help = (text)                                                   \
	}

static const struct cli_opt opt_table[] = {
	STR(output, "output", "FILE", "where the EIF goes; NAME.eif without it", .letter = 'o',
	    .value = CLI_FILE),
	STR(name, "name", "NAME", "ImageName in the EIF and the output's name"),
	STR(arch, "arch", "ARCH", "architecture of the enclave; x86_64 without it",
	    .choices = "x86_64 aarch64"),
	STR(epoch, "source-date-epoch", "N",
	    "seconds since 1970 that every file gets, or commit for the source commit's time"),
	STR(dockerfile, "file", "FILE", "the Dockerfile, if it is not SOURCE/Dockerfile",
	    .letter = 'f', .value = CLI_FILE),
	STR(engine, "engine", "ENGINE", "what builds the Dockerfile", .preset = NULL,
	    .choices = "auto buildah buildkit"),
	STR(level, "level", "LEVEL",
	    "of all steps: light (file times are true) or full; auto finds out for each",
	    .choices = "auto light full"),
	LIST(args, "build-arg", "KEY=VALUE", "an ARG of the Dockerfile; recorded in the lock"),
	LIST(secrets, "secret", "ID=FILE", "a file for RUN --mount=type=secret; never recorded"),
	STR(target, "target", "STAGE", "build this stage of the Dockerfile"),
	STR(platform, "platform", "OS/ARCH",
	    "platform of the base images; linux/<arch> without it"),
	LIST(normalise, "normalise", "NAME",
	     "make one of the changes that are made only if they are asked for; recorded too"),
	LIST(no_normalise, "no-normalise", "NAME",
	     "leave out one of the changes that docs/determinism.md lists; recorded in the lock"),
	STR(kernel, "kernel", "KERNEL", "nitro (the default), local for QEMU only, or a file",
	    .value = CLI_FILE),
	STR(cmdline, "cmdline", "TEXT", "words to append to the kernel's command line"),
	STR(runtime, "runtime", "DIR", "folder that holds <arch>/init, cmdline and kernels",
	    .value = CLI_DIR),
	STR(layout, "layout", "LAYOUT", "selfsame, or nitro-cli for its very ramdisks",
	    .choices = "selfsame nitro-cli"),
	STR(blobs, "blobs", "DIR",
	    "nitro-cli layout: folder with its kernel, init, nsm.ko, cmdline", .value = CLI_DIR),
	STR(certificate, "certificate", "FILE", "sign with this PEM certificate",
	    .value = CLI_FILE),
	STR(key, "key", "FILE", "the certificate's private key", .value = CLI_FILE),
	{ .name = "update",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, update),
	  .help = "take base images, and what steps fetch, anew, even what the lock pins" },
	{ .name = "no-hermetic",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, no_hermetic),
	  .help = "let RUN steps see this machine and its network; recorded in the lock" },
	{ .name = "double",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, twice),
	  .help = "then build once more from the lock, and say what differs" },
	CLI_OPTS_LIMITS(struct opts, limits),
	{ .name = "json",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, json),
	  .help = "print one JSON document, with the keys of nitro-cli build-enclave" },
	CLI_OPTS_END,
};

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	const struct project_options build = {
		.source = r->args[0],
		.output = o->output,
		.name = o->name,
		.kernel = o->kernel,
		.cmdline = o->cmdline,
		.runtime = o->runtime,
		.epoch = o->epoch,
		.epoch_env = getenv("SOURCE_DATE_EPOCH"),
		.arch = o->arch,
		.engine = o->engine,
		.layout = o->layout,
		.level = o->level,
		.blobs = o->blobs,
		.target = o->target,
		.platform = o->platform,
		.dockerfile = o->dockerfile,
		.args = o->args.v,
		.n_args = o->args.n,
		.secrets = o->secrets.v,
		.n_secrets = o->secrets.n,
		.normalise = o->normalise.v,
		.n_normalise = o->normalise.n,
		.normalise_off = o->no_normalise.v,
		.n_normalise_off = o->no_normalise.n,
		.certificate = o->certificate,
		.key = o->key,
		.update = o->update,
		.no_hermetic = o->no_hermetic,
		.written = o->twice,
		.ca_file = getenv("SSL_CERT_FILE"),
		.limits = cli_limits_of(&o->limits),
		.now = io_clock_now(),
		.progress = r->progress,
	};
	SS_CLEANUP(project_result_done) struct project_result result = { 0 };
	SS_CLEANUP(doc_twice_done) struct doc_twice twice = { 0 };

	if ((o->certificate == NULL) != (o->key == NULL))
		return ss_fail(err, SS_EUSAGE, "--certificate and --key belong together");
	if (o->twice && doc_twice_check(&build, err) < 0)
		return -1;
	if (project_build(&build, &result, err) < 0)
		return -1;
	if (o->twice && doc_twice(&build, &result, &twice, err) < 0)
		return -1;
	if (cli_print_result(&result, o->twice ? &twice : NULL, o->json, err) < 0)
		return -1;
	if (o->twice && !twice.same)
		r->status = 1;
	return 0;
}

const struct cli_cmd cli_build = {
	.name = "build",
	.args = "[SOURCE]",
	.summary = "turn a Dockerfile or an image into an enclave image",
	.about = "SOURCE is a folder with a Dockerfile (default: this one), or an image: "
		 "oci:DIR[:TAG], "
		 "oci-archive:FILE, docker-archive:FILE, dir:DIR, docker-daemon:REF, "
		 "containers-storage:REF; or a plain root file system: rootfs:DIR, "
		 "rootfs-tar:FILE.\n"
		 "An enclave.toml in the folder says the rest; options win over it. Then "
		 "enclave.lock "
		 "and measurements.json are written beside it: commit both. Without one, "
		 "measurements.json goes beside the output.\n"
		 "The same inputs give the same bytes, on any machine, at any time.",
	.examples = "selfsame build\n"
		    "selfsame build --output hello.eif oci:image:latest\n"
		    "selfsame build --source-date-epoch commit --engine buildah examples/hello\n",
	.no = "with --double, the second run differs",
	.max_args = 1,
	.value = CLI_DIR,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
