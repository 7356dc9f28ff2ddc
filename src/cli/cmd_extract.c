/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "eif/unpack.h"
#include "io/atomic.h"
#include "io/file.h"
#include "project/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct opts {
	bool signature;
	bool tree;
};

static const struct cli_opt opt_table[] = {
	{ .name = "signature",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, signature),
	  .help = "extract only the signature section, for 'sign --signature'" },
	{ .name = "tree",
	  .kind = CLI_FLAG,
	  .at = offsetof(struct opts, tree),
	  .help = "unpack each ramdisk into a folder instead of writing the archive" },
	CLI_OPTS_END,
};

struct extract {
	struct cli_run *r;
	struct eif_file f;
	const char *folder;
	int dir;
};

static void done(struct extract *x)
{
	eif_file_done(&x->f);
	ss_closep(&x->dir);
}

static void say(const struct extract *x, const char *name, const char *what)
{
	cli_print_str(x->folder);
	(void)printf("/%s  %s\n", name, what);
}

/* --- sections as files ----------------------------------------------------------------------- */

static int write_piece(void *ctx, struct ss_span s, struct ss_err *err)
{
	const struct io_atomic *a = ctx;

	return io_write_all(a->fd, s, err) < 0 ? ss_ctx(err, "'%s'", a->path) : 0;
}

static int write_section(const struct extract *x, const struct eif_section *s, const char *name,
			 struct ss_err *err)
{
	const size_t room = strlen(x->folder) + strlen(name) + 2;
	AUTO_FREE char *path = ss_calloc(room, 1);
	AUTO_ATOMIC struct io_atomic a = IO_ATOMIC_NONE;
	char what[64];

	(void)snprintf(path, room, "%s/%s", x->folder, name);
	if (project_path_same(path, x->r->args[0]))
		return ss_fail(err, SS_EUSAGE, "'%s' would replace the file that is read", path);
	if (io_atomic_open(path, 0, &a, err) < 0 ||
	    eif_file_each(&x->f, s, write_piece, &a, err) < 0 || io_atomic_commit(&a, err) < 0)
		return -1;
	(void)snprintf(what, sizeof(what), "%llu bytes", (unsigned long long)s->size);
	say(x, name, what);
	return 0;
}

/* --- ramdisks as trees ----------------------------------------------------------------------- */

static void note(const struct extract *x, const char *name, uint64_t n, const char *what)
{
	char line[256];

	if (n == 0)
		return;
	(void)snprintf(line, sizeof(line), "%s: %llu %s", name, (unsigned long long)n, what);
	ss_progress_note(x->r->progress, line);
}

static int write_tree(const struct extract *x, const struct eif_section *s, const char *name,
		      struct ss_err *err)
{
	struct eif_unpacked u = { 0 };
	char what[64];

	if (eif_unpack(&x->f, s, x->dir, name, &u, err) < 0)
		return ss_ctx(err, "'%s'", x->folder);
	(void)snprintf(what, sizeof(what), "%llu entries", (unsigned long long)u.entries);
	say(x, name, what);
	note(x, name, u.left_out, "devices were left out: only root can make them");
	note(x, name, u.special, "setuid, setgid or sticky bits were not set");
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int open_folder(struct extract *x, struct ss_err *err)
{
	if (mkdir(x->folder, 0777) < 0 && errno != EEXIST)
		return ss_fail_sys(err, "cannot make '%s'", x->folder);
	x->dir = open(x->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0)
		return ss_fail_sys(err, "cannot open '%s'", x->folder);
	return 0;
}

static int extract_all(const struct extract *x, const struct opts *o, struct ss_err *err)
{
	size_t ramdisk = 0;

	for (size_t i = 0; i < x->f.header.n_sections; i++) {
		const struct eif_section *s = &x->f.sections[i];
		char name[32];
		int rc;

		if (s->type == EIF_RAMDISK)
			(void)snprintf(name, sizeof(name), "ramdisk%zu", ramdisk++);
		else
			(void)snprintf(name, sizeof(name), "%s", eif_section_name(s->type));
		rc = s->type == EIF_RAMDISK && o->tree ? write_tree(x, s, name, err)
						       : write_section(x, s, name, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int run(struct cli_run *r, struct ss_err *err)
{
	const struct opts *o = r->opts;
	SS_CLEANUP(done)
	struct extract x = { .r = r, .f = EIF_FILE_NONE, .folder = r->args[1], .dir = -1 };
	const struct eif_section *signature;

	if (o->signature && o->tree)
		return ss_fail(err, SS_EUSAGE, "extract: --signature does not go with --tree");
	if (eif_file_open(r->args[0], &x.f, err) < 0 || eif_file_check(&x.f, err) < 0)
		return -1;
	signature = eif_file_find(&x.f, EIF_SIGNATURE, 0);
	if (o->signature && signature == NULL)
		return ss_fail(err, SS_EINPUT, "'%s' is not signed", x.f.path);
	if (open_folder(&x, err) < 0)
		return -1;
	return o->signature ? write_section(&x, signature, "signature", err)
			    : extract_all(&x, o, err);
}

const struct cli_cmd cli_extract = {
	.name = "extract",
	.args = "FILE DIR",
	.summary = "take an enclave image apart",
	.about =
		"Checks the structure and the CRC of an EIF and writes its sections into the "
		"folder "
		"DIR, which is made if it is not there: kernel, cmdline, metadata, ramdisk0, "
		"ramdisk1 and so on, and signature if the file is signed. Files of these names are "
		"replaced.\n"
		"With --tree each ramdisk becomes a folder with the files of its archive (newc, "
		"plain "
		"or compressed with gzip or zstd), to look at: the files belong to you, setuid, "
		"setgid and sticky bits are not set, devices are made only by root. "
		"Whatever the names and links in the archive say, nothing is written outside DIR; "
		"but "
		"a link in it may point anywhere, so follow none as root.",
	.examples = "selfsame extract app.eif parts\n"
		    "selfsame extract --tree app.eif parts\n"
		    "selfsame extract --signature app.eif published\n",
	.min_args = 2,
	.max_args = 2,
	.value = CLI_FILE,
	.opts = opt_table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
