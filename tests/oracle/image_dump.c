/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: image_dump [--arch A] [--total N] [--ratio N] [--entries N] [--no-bodies] [--time] SOURCE
 *
 * Loads an image and lists its merged tree in canonical order, one line a name, for the oracles;
 * then its config. Exits as the program would: 3 for bad input, 4 for the system, 5 for an engine.
 */
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "oci/source.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static void put_hex(const char *name, struct ss_span s)
{
	AUTO_FREE char *hex = ss_calloc(s.n * 2 + 1, 1);

	ss_hex(s, hex);
	printf(" %s=%s", name, hex);
}

static int hash_body(const struct tree *t, tree_id id, uint64_t size, uint8_t *ret,
		     struct ss_err *err)
{
	static uint8_t block[1 << 18];
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);

	for (uint64_t at = 0; at < size;) {
		const size_t n = size - at < sizeof(block) ? (size_t)(size - at) : sizeof(block);

		if (tree_read(t, id, at, block, n, err) < 0)
			return -1;
		crypto_hash_put(h, (struct ss_span){ block, n });
		at += n;
	}
	crypto_hash_end(h, ret);
	return 0;
}

static int show(const struct tree *t, tree_id id, struct ss_span path, bool bodies,
		struct ss_err *err)
{
	static const char types[] = "-dlcbp";
	uint8_t sum[CRYPTO_SHA256_SIZE] = { 0 };
	struct tree_inode in;
	struct tree_xattr x;

	tree_stat(t, id, &in);
	printf("%c mode=%o uid=%u gid=%u size=%u dev=%u,%u", types[in.type], in.mode, in.uid,
	       in.gid, in.size, in.rdev_major, in.rdev_minor);
	if (in.type == TREE_REG)
		printf(" mtime=%lld", (long long)in.mtime);
	if (in.type != TREE_DIR && in.nlink > 1)
		printf(" nlink=%u ino=%u", in.nlink, tree_inode_no(t, id));
	put_hex("path", path);
	put_hex("link", in.target);
	if (in.type == TREE_REG && bodies) {
		if (hash_body(t, id, in.size, sum, err) < 0)
			return -1;
		put_hex("sha256", (struct ss_span){ sum, sizeof(sum) });
	}
	for (size_t i = 0; tree_xattr(t, id, i, &x); i++) {
		put_hex("xattr", x.name);
		put_hex("value", x.value);
	}
	putchar('\n');
	return 0;
}

static void show_strings(const char *name, const struct oci_strings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		printf("config %s", name);
		put_hex("is", (struct ss_span){ (const uint8_t *)s->v[i], strlen(s->v[i]) });
		putchar('\n');
	}
}

static void show_string(const char *name, const char *s)
{
	printf("config %s", name);
	if (s != NULL)
		put_hex("is", (struct ss_span){ (const uint8_t *)s, strlen(s) });
	putchar('\n');
}

static void show_image(const struct oci_image *i)
{
	show_strings("entrypoint", &i->entrypoint);
	show_strings("cmd", &i->cmd);
	show_strings("env", &i->env);
	show_strings("port", &i->ports);
	show_string("workdir", i->workdir);
	show_string("user", i->user);
	show_string("signal", i->stop_signal);
	show_string("arch", i->arch);
	printf("config json=%zu", i->config_json.n);
	put_hex("manifest", (struct ss_span){ i->manifest_sha256, sizeof(i->manifest_sha256) });
	putchar('\n');
}

static int dump(const struct oci_request *req, bool bodies, bool timed, struct ss_err *err)
{
	struct timespec a = { 0 }, b = { 0 };
	struct tree *t = NULL;
	struct oci_image image = { 0 };
	AUTO_FREE struct tree_walk *w = ss_calloc(1, sizeof(*w));
	struct rusage usage;
	int rc;

	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	rc = oci_load(req, &t, &image, err);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	if (rc < 0)
		return -1;
	(void)getrusage(RUSAGE_SELF, &usage);
	if (timed)
		(void)fprintf(stderr, "%.3f s, %ld KiB, %u names, tree %zu KiB\n",
			      (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9,
			      usage.ru_maxrss, tree_count(t), tree_memory(t) / 1024);
	tree_sort(t);
	tree_walk_init(w, t);
	if (!timed)
		rc = show(t, TREE_ROOT, (struct ss_span){ w->path, 0 }, bodies, err);
	while (!timed && rc == 0) {
		const tree_id id = tree_walk_next(w);

		if (id == TREE_NONE)
			break;
		rc = show(t, id, (struct ss_span){ w->path, w->path_n }, bodies, err);
	}
	if (rc == 0 && !timed)
		show_image(&image);
	if (rc == 0)
		rc = oci_image_check(&image, err);
	tree_free(t);
	oci_image_done(&image);
	return rc;
}

static int exit_status(enum ss_code code)
{
	switch (code) {
	case SS_OK:
		return 0;
	case SS_EUSAGE:
		return 2;
	case SS_EINPUT:
	case SS_ELIMIT:
		return 3;
	case SS_EVERIFY:
		return 1;
	case SS_ESYS:
		return 4;
	case SS_EREMOTE:
		return 5;
	}
	return 99;
}

int main(int argc, char **argv)
{
	struct oci_request req = { .arch = "x86_64" };
	struct ss_err err = { 0 };
	bool bodies = true, timed = false;

	for (int i = 1; i < argc; i++) {
		const bool more = i + 1 < argc;

		if (strcmp(argv[i], "--arch") == 0 && more)
			req.arch = argv[++i];
		else if (strcmp(argv[i], "--total") == 0 && more)
			req.limits.total = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--ratio") == 0 && more)
			req.limits.ratio = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--entries") == 0 && more)
			req.limits.entries = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--no-bodies") == 0)
			bodies = false;
		else if (strcmp(argv[i], "--time") == 0)
			timed = true;
		else
			req.source = argv[i];
	}
	if (req.source == NULL)
		return 2;
	if (dump(&req, bodies, timed, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return exit_status(err.code);
	}
	return 0;
}
