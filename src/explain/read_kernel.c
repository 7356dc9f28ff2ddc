/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/text.h"
#include "explain/ex_run.h"

#include <string.h>

/*
 * bzImage (the kernel's Documentation/arch/x86/boot.rst): the version text that the setup header
 * points at, then the packed kernel where it is gzip or zstd, and in it the configuration that
 * CONFIG_IKCONFIG embeds between two marks.
 */
#define SETUP_MAX 0x10400u
#define VERSION_MAX 160u
#define BLOCK ((size_t)256 * 1024)

struct kernel {
	uint8_t *head;
	size_t n;
	struct ss_span version;
	uint64_t payload, payload_n;
};

static void kernel_done(struct kernel *k)
{
	free(k->head);
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int kernel_read(const struct ex_bytes *b, struct kernel *k, bool *ret_is, struct ss_err *err)
{
	size_t at;

	k->head = ss_calloc(SETUP_MAX, 1);
	if (ex_read_some(b, 0, k->head, SETUP_MAX, &k->n, err) < 0)
		return -1;
	*ret_is = k->n > 0x260 && memcmp(k->head + 0x202, "HdrS", 4) == 0;
	if (!*ret_is)
		return 0;
	at = (size_t)(k->head[0x20e] | k->head[0x20f] << 8) + 0x200;
	if (at > 0x200 && at < k->n) {
		const size_t room = k->n - at < VERSION_MAX ? k->n - at : VERSION_MAX;

		k->version = (struct ss_span){ k->head + at, strnlen((char *)k->head + at, room) };
	}
	k->payload = ((uint64_t)k->head[0x1f1] + 1) * 512 + le32(k->head + 0x248);
	k->payload_n = le32(k->head + 0x24c);
	if (k->payload > b->n || k->payload_n > b->n - k->payload)
		k->payload_n = 0;
	return 0;
}

static void compare_versions(struct ex_run *r, const struct ex_pair *p, struct ss_span a,
			     struct ss_span b)
{
	struct ss_span x = a;
	struct ss_span y = b;
	enum ex_cause cause;

	if (ss_same(a, b))
		return;
	ex_narrow(&x, &y);
	cause = ex_cause_of_values(x, y);
	if (cause == EX_UNKNOWN)
		cause = memchr(x.p, '@', x.n) != NULL ? EX_ID_HOST : ex_cause_of_values(a, b);
	if (cause == EX_TIME_TEXT)
		cause = EX_TIME_KERNEL;
	ex_say_content(r, p, cause, "version text", a, b);
}

static int unpack(struct ex_run *r, const struct ex_bytes *b, const struct kernel *k,
		  struct ex_bytes *ret, struct ss_err *err)
{
	const struct ss_span none = { (const uint8_t *)"", 0 };
	struct ex_bytes packed = ex_part(b, k->payload, k->payload_n);
	uint8_t head[INFLATE_SNIFF];
	enum inflate_kind kind;
	size_t n;

	if (ex_read_some(&packed, 0, head, sizeof(head), &n, err) < 0)
		return -1;
	kind = inflate_sniff((struct ss_span){ head, n });
	if (kind != INFLATE_GZIP && kind != INFLATE_ZSTD)
		return ss_fail(err, SS_EINPUT, "a kernel packed in a way that is not read");
	/* Behind all but gzip stands the size, 4 bytes, which is no part of the stream. */
	if (kind == INFLATE_ZSTD && packed.n > 4)
		packed.n -= 4;
	return ex_unpack(&packed, kind, none, none, &r->left, ret, err);
}

/* The first place of `mark` from `from` on; the size if there is none. */
static int find_mark(const struct ex_bytes *b, uint64_t from, const char *mark, uint64_t *ret,
		     struct ss_err *err)
{
	AUTO_FREE uint8_t *block = ss_calloc(BLOCK, 1);
	const size_t mark_n = strlen(mark);
	size_t n = BLOCK;

	for (uint64_t at = from; at < b->n && n > mark_n; at += n - mark_n) {
		const uint8_t *hit;

		if (ex_read_some(b, at, block, BLOCK, &n, err) < 0)
			return -1;
		hit = memmem(block, n, mark, mark_n);
		if (hit != NULL) {
			*ret = at + (uint64_t)(hit - block);
			return 0;
		}
		if (n < BLOCK)
			break;
	}
	*ret = b->n;
	return 0;
}

static int find_config(const struct ex_bytes *b, struct ex_bytes *ret, struct ss_err *err)
{
	uint64_t from, to;

	if (find_mark(b, 0, "IKCFG_ST\037\213", &from, err) < 0 ||
	    find_mark(b, from, "IKCFG_ED", &to, err) < 0)
		return -1;
	*ret = ex_part(b, from < b->n ? from + 8 : b->n, 0);
	if (to < b->n)
		ret->n = to - from - 8;
	return 0;
}

static void push(struct ex_run *r, const struct ex_pair *p, const struct ex_bytes *a,
		 const struct ex_bytes *b, const char *name)
{
	struct ex_pair in = {
		.a = *a, .b = *b, .depth = p->depth + 1, .path = SS_BUF_INIT(SIZE_MAX)
	};

	ss_buf_put(&in.path, ss_buf_span(&p->path));
	ss_buf_put(&in.path, ex_text(name));
	ex_push(r, &in);
	ss_buf_done(&in.path);
}

static int compare_unpacked(struct ex_run *r, const struct ex_pair *p, const struct ex_bytes *a,
			    const struct ex_bytes *b, struct ss_err *err)
{
	struct ex_bytes x, y;
	uint64_t at;
	bool same;

	if (find_config(a, &x, err) < 0 || find_config(b, &y, err) < 0 ||
	    ex_first_difference(&x, &y, 0, &at, &same, err) < 0)
		return -1;
	if (!same && x.n > 0 && y.n > 0) {
		push(r, p, &x, &y, "!config"); /* the rest follows from it */
		return 0;
	}
	if (ex_first_difference(a, b, 0, &at, &same, err) < 0)
		return -1;
	if (!same)
		push(r, p, a, b, "!vmlinux");
	return 0;
}

/* A kernel that cannot be unpacked: the bytes behind the version text. */
static int compare_behind(struct ex_run *r, const struct ex_pair *p, const struct kernel *k,
			  struct ss_err *err)
{
	struct ex_pair rest = *p;
	bool same, done;

	if (k->version.n > 0)
		rest.first = (uint64_t)(k->version.p - k->head) + VERSION_MAX;
	if (ex_first_difference(&p->a, &p->b, rest.first, &rest.first, &same, err) < 0)
		return -1;
	return same ? 0 : ex_bytes_differ(r, &rest, &done, err);
}

int ex_kernel(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	SS_CLEANUP(kernel_done) struct kernel a = { 0 };
	SS_CLEANUP(kernel_done) struct kernel b = { 0 };
	SS_CLEANUP(ex_pair_done) struct ex_pair in = { .path = SS_BUF_INIT(SIZE_MAX) };
	bool is_a, is_b;

	if (kernel_read(&p->a, &a, &is_a, err) < 0 || kernel_read(&p->b, &b, &is_b, err) < 0)
		return -1;
	if (!is_a || !is_b)
		return 0;
	*ret_done = true;
	compare_versions(r, p, a.version, b.version);
	if (unpack(r, &p->a, &a, &in.a, err) < 0 || unpack(r, &p->b, &b, &in.b, err) < 0) {
		if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
			return -1;
		*err = (struct ss_err){ 0 };
		return compare_behind(r, p, &a, err);
	}
	return compare_unpacked(r, p, &in.a, &in.b, err);
}
