/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: pack FIXTURE.tree OUTPUT.eif KEY=VALUE...
 *
 * Builds the image that a text fixture describes, for the golden tests. Keys: layout (selfsame,
 * nitro-cli), kernel, init, dataplane, keyplane, cmdline, blobs, cmd, env, epoch, user, shuffle (a
 * seed: entries of a layer in another order), normalise (1, with on= and off=NAME[,NAME…]). Lines
 * of a fixture, with \xNN for any byte and "-" for an empty field:
 *
 *   layer                                        a new layer begins
 *   dir|fifo PATH MODE UID GID MTIME
 *   chr|blk PATH MODE UID GID MTIME MAJOR MINOR
 *   file PATH MODE UID GID MTIME text CONTENT
 *   file PATH MODE UID GID MTIME size BYTES      a pattern of so many bytes
 *   file PATH MODE UID GID MTIME from HOSTPATH
 *   link PATH MODE UID GID MTIME TARGET
 *   xattr PATH NAME VALUE                        after the entry, kept in any order
 *   hard PATH TARGET                             after the others of its layer
 *   whiteout PATH, opaque PATH
 *   arg TEXT, env TEXT                           what the image runs
 */
#include "image/image.h"
#include "io/file.h"
#include "tree/normalise.h"

#include <stdio.h>
#include <string.h>

#define MAX_FIELDS 10
#define MAX_LINES 8192

struct line {
	struct ss_span f[MAX_FIELDS];
	size_t n;
};

struct options {
	const char *layout, *kernel, *init, *dataplane, *keyplane, *cmdline, *blobs, *cmd, *env,
		*user, *on, *off;
	uint32_t epoch;
	uint64_t shuffle;
	bool normalise;
};

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static bool is(struct ss_span s, const char *with)
{
	return s.n == strlen(with) && memcmp(s.p, with, s.n) == 0;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "pack: %s\n", what);
	exit(9);
}

static uint64_t number(struct ss_span s, uint64_t base)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v * base + (uint64_t)(s.p[i] - '0');
	return v;
}

/* Undoes \xNN in place. */
static struct ss_span unescape(uint8_t *p, size_t n)
{
	struct ss_span s = { p, 0 };

	for (size_t i = 0; i < n; i++) {
		unsigned v = p[i];

		if (v == '\\' && i + 3 < n && p[i + 1] == 'x') {
			const char hex[3] = { (char)p[i + 2], (char)p[i + 3], '\0' };

			v = (unsigned)strtoul(hex, NULL, 16);
			i += 3;
		}
		p[s.n++] = (uint8_t)v;
	}
	if (s.n == 1 && p[0] == '-')
		s.n = 0;
	return s;
}

static size_t split(struct ss_buf *b, struct line *lines)
{
	size_t n = 0;
	size_t at = 0;

	while (at < b->n) {
		struct line *l = &lines[n];

		l->n = 0;
		while (at < b->n && b->p[at] != '\n') {
			const size_t from = at;

			while (at < b->n && b->p[at] != ' ' && b->p[at] != '\n')
				at++;
			if (at > from && l->n < MAX_FIELDS)
				l->f[l->n++] = unescape(b->p + from, at - from);
			if (at < b->n && b->p[at] == ' ')
				at++;
		}
		at++;
		if (l->n > 0 && (l->f[0].n == 0 || l->f[0].p[0] != '#') && ++n == MAX_LINES)
			die("too many lines");
	}
	return n;
}

static int put_body(struct tree *t, const struct line *l, struct tree_inode *in, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)1 << 30);

	if (is(l->f[6], "text")) {
		ss_buf_put(&b, l->f[7]);
	} else if (is(l->f[6], "from")) {
		char path[4096];

		(void)snprintf(path, sizeof(path), "%.*s", (int)l->f[7].n, (const char *)l->f[7].p);
		if (io_load_file(path, &b, err) < 0)
			return -1;
	} else {
		for (uint64_t i = 0; i < number(l->f[7], 10); i++) {
			const uint8_t byte = (uint8_t)(i * 31 + i / 251);

			ss_buf_put(&b, (struct ss_span){ &byte, 1 });
		}
	}
	in->size = (uint32_t)b.n;
	return tree_body_new(t, ss_buf_span(&b), &in->body, err);
}

static int put_entry(struct tree *t, const struct line *l, struct ss_err *err)
{
	struct tree_inode in = { .type = TREE_DIR };
	const char *const types[] = { "file", "dir", "link", "chr", "blk", "fifo" };

	for (size_t i = 0; i < SS_NELEMS(types); i++)
		if (is(l->f[0], types[i]))
			in.type = (enum tree_type)i;
	if (l->n < 6)
		die("a line with too few fields");
	in.mode = (uint16_t)number(l->f[2], 8);
	in.uid = (uint32_t)number(l->f[3], 10);
	in.gid = (uint32_t)number(l->f[4], 10);
	in.mtime = l->f[5].p[0] == '-'
			   ? -(int64_t)number((struct ss_span){ l->f[5].p + 1, l->f[5].n - 1 }, 10)
			   : (int64_t)number(l->f[5], 10);
	if (in.type == TREE_LNK)
		in.target = l->f[6];
	if (in.type == TREE_CHR || in.type == TREE_BLK) {
		in.rdev_major = (uint32_t)number(l->f[6], 10);
		in.rdev_minor = (uint32_t)number(l->f[7], 10);
	}
	if (in.type == TREE_REG && put_body(t, l, &in, err) < 0)
		return -1;
	return tree_put(t, l->f[1], &in, NULL, err);
}

/* Entries of a layer come in any order; what refers to others comes after them. */
static int rank(const struct line *l)
{
	if (is(l->f[0], "hard"))
		return 1;
	return is(l->f[0], "xattr") || is(l->f[0], "whiteout") || is(l->f[0], "opaque") ? 2 : 0;
}

static int put_line(struct tree *t, const struct line *l, struct ss_err *err)
{
	if (is(l->f[0], "hard"))
		return tree_link(t, l->f[1], l->f[2], err);
	if (is(l->f[0], "whiteout"))
		return tree_whiteout(t, l->f[1], err);
	if (is(l->f[0], "opaque"))
		return tree_opaque(t, l->f[1], err);
	if (is(l->f[0], "xattr")) {
		const tree_id id = tree_find(t, l->f[1]);

		if (id == TREE_NONE)
			die("an xattr of nothing");
		return tree_xattr_set(t, id, l->f[2], l->f[3], err);
	}
	return put_entry(t, l, err);
}

static void shuffle(struct line *l, size_t n, uint64_t seed)
{
	for (size_t i = n; seed != 0 && i > 1; i--) {
		struct line spare;
		size_t j;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		j = (size_t)(seed >> 33) % i;
		spare = l[i - 1];
		l[i - 1] = l[j];
		l[j] = spare;
	}
}

static int put_layer(struct tree *t, struct line *l, size_t n, uint64_t seed, struct ss_err *err)
{
	tree_layer_begin(t);
	shuffle(l, n, seed);
	for (int r = 0; r < 3; r++)
		for (size_t i = 0; i < n; i++)
			if (rank(&l[i]) == r && put_line(t, &l[i], err) < 0)
				return -1;
	return 0;
}

/* Layers into the tree, "arg" and "env" lines into the config. */
static int apply(struct tree *t, struct line *l, size_t n, const struct options *o,
		 struct image_request *req, struct ss_buf *argv, struct ss_buf *env,
		 struct ss_err *err)
{
	size_t from = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (is(l[i].f[0], "arg")) {
			mc_put_string(argv, l[i].f[1]);
			req->config.argv.n++;
		} else if (is(l[i].f[0], "env")) {
			mc_put_string(env, l[i].f[1]);
			req->config.env.n++;
		} else {
			l[kept++] = l[i];
		}
	}
	for (size_t i = 0; i <= kept; i++) {
		if (i < kept && !is(l[i].f[0], "layer"))
			continue;
		if (i > from && put_layer(t, l + from, i - from, o->shuffle, err) < 0)
			return -1;
		from = i + 1;
	}
	req->config.argv.raw = ss_buf_span(argv);
	req->config.env.raw = ss_buf_span(env);
	return 0;
}

/* "a,b,c" has "b". */
static bool lists(const char *list, const char *name)
{
	const size_t n = strlen(name);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
	}
	return false;
}

static int normalise(struct tree *t, const struct options *o, struct ss_err *err)
{
	struct tree_normalise_opts n = { .off = tree_normalisers_off(), .epoch = o->epoch };
	struct tree_normalised changed[TREE_NORMALISERS];

	for (unsigned i = 0; i < TREE_NORMALISERS; i++) {
		if (lists(o->on, tree_normalisers[i].name))
			n.off &= ~(1u << i);
		if (lists(o->off, tree_normalisers[i].name))
			n.off |= 1u << i;
	}
	if (tree_normalise(t, &n, changed, err) < 0)
		return -1;
	for (unsigned i = 0; i < TREE_NORMALISERS; i++)
		printf("%s %u %u\n", tree_normalisers[i].name, changed[i].changed, changed[i].kept);
	return 0;
}

static int run(const char *fixture, const char *output, const struct options *o, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(16u << 20);
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(1u << 20);
	AUTO_BUF struct ss_buf env = SS_BUF_INIT(1u << 20);
	AUTO_BUF struct ss_buf groups = SS_BUF_INIT(4096);
	AUTO_FREE struct line *lines = ss_calloc(MAX_LINES, sizeof(*lines));
	struct image_request req = {
		.layout = strcmp(o->layout, "nitro-cli") == 0 ? IMAGE_NITRO_CLI : IMAGE_SELFSAME,
		.arch = "x86_64",
		.epoch = o->epoch,
		.name = "golden",
		.version = "1",
		.default_mem = 1u << 30,
		.default_cpus = 2,
		.runtime = { o->kernel, o->init, o->dataplane, o->keyplane, o->cmdline },
		.blobs = o->blobs,
		.cmd_file = text(o->cmd),
		.env_file = text(o->env),
		.want_sha256 = true,
		.output = output
	};
	struct tree *t = tree_new();
	struct image_result res;
	struct image_user user;
	int rc = io_load_file(fixture, &b, err);

	if (rc == 0)
		rc = apply(t, lines, split(&b, lines), o, &req, &argv, &env, err);
	if (rc == 0 && o->normalise)
		rc = normalise(t, o, err);
	if (rc == 0)
		rc = image_user_resolve(t, o->user, &user, err);
	if (rc == 0) {
		req.config.cwd = text("/");
		req.config.stop_signal = 15;
		req.config.grace_ms = 10000;
		req.config.uid = user.uid;
		req.config.gid = user.gid;
		for (size_t i = 0; i < user.n_groups; i++)
			mc_put_uint(&groups, user.groups[i]);
		req.config.groups = (struct mc_list){ ss_buf_span(&groups), user.n_groups };
		rc = image_build(t, &req, &res, err);
	}
	if (rc == 0)
		printf("setuid %u capability %u entries %u\n", res.setuid_files,
		       res.capability_files, res.entries);
	tree_free(t);
	return rc;
}

static void read_option(struct options *o, const char *arg)
{
	const char *eq = strchr(arg, '=');
	const size_t n = eq != NULL ? (size_t)(eq - arg) : 0;
	const struct {
		const char *key;
		const char **value;
	} texts[] = {
		{ "layout", &o->layout },     { "kernel", &o->kernel },
		{ "init", &o->init },         { "dataplane", &o->dataplane },
		{ "keyplane", &o->keyplane }, { "cmdline", &o->cmdline },
		{ "blobs", &o->blobs },       { "cmd", &o->cmd },
		{ "env", &o->env },           { "user", &o->user },
		{ "off", &o->off },           { "on", &o->on },
	};

	if (eq == NULL)
		die("not KEY=VALUE");
	for (size_t i = 0; i < SS_NELEMS(texts); i++) {
		if (strlen(texts[i].key) == n && strncmp(arg, texts[i].key, n) == 0) {
			*texts[i].value = eq + 1;
			return;
		}
	}
	if (strncmp(arg, "epoch=", 6) == 0)
		o->epoch = (uint32_t)number(text(eq + 1), 10);
	else if (strncmp(arg, "shuffle=", 8) == 0)
		o->shuffle = number(text(eq + 1), 10);
	else if (strcmp(arg, "normalise=1") == 0)
		o->normalise = true;
	else
		die("an unknown key");
}

int main(int argc, char **argv)
{
	struct options o = { .layout = "selfsame",
			     .kernel = "",
			     .init = "",
			     .dataplane = "",
			     .keyplane = "",
			     .cmdline = "console=ttyS0",
			     .blobs = "",
			     .cmd = "",
			     .env = "",
			     .user = "" };
	struct ss_err err = { 0 };

	if (argc < 3)
		die("usage: pack FIXTURE OUTPUT KEY=VALUE...");
	for (int i = 3; i < argc; i++)
		read_option(&o, argv[i]);
	if (run(argv[1], argv[2], &o, &err) < 0) {
		printf("error: %s\n", err.msg);
		return 1;
	}
	return 0;
}
