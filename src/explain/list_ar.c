/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "explain/ex_list.h"

#include <string.h>

/*
 * ar archives, as ar(1) of GNU and BSD writes them: "!<arch>\n", then headers of 60 bytes: name 16,
 * date 12, uid 6, gid 6, mode 8 (octal), size 10, "`\n"; bodies are padded to even length. "/" is
 * the symbol table, "//" the table of long names, "/N" a name in it, "#1/N" a name before the body.
 */
#define MAGIC_SIZE 8u
#define HEADER 60u
#define NAMES_MAX ((size_t)1 << 20)
#define NAME_MAX_ 4095u

struct ar {
	const struct ex_bytes *b;
	struct ex_list *l;
	struct ss_buf names; /* of the member "//" */
};

static bool number(const uint8_t *p, size_t n, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < n && p[i] >= '0' && p[i] < '0' + base; i++)
		v = v * base + (uint64_t)(p[i] - '0'); /* at most 12 digits */
	for (; i < n; i++)
		if (p[i] != ' ')
			return false;
	*ret = v;
	return true;
}

static int load(const struct ex_bytes *b, uint64_t at, uint64_t n, size_t max, struct ss_buf *to,
		struct ss_err *err)
{
	uint8_t block[4096];

	if (n > max)
		return ss_fail(err, SS_ELIMIT, "ar: names of %llu bytes", (unsigned long long)n);
	for (uint64_t done = 0; done < n;) {
		const size_t want = n - done < sizeof(block) ? (size_t)(n - done) : sizeof(block);

		if (ex_read(b, at + done, block, want, err) < 0)
			return -1;
		ss_buf_put(to, (struct ss_span){ block, want });
		done += want;
	}
	return ss_buf_check(to, "ar: names", err);
}

/* The name behind "/N" in the table. */
static int long_name(const struct ar *a, uint64_t at, struct ss_span *ret, struct ss_err *err)
{
	size_t n = 0;

	if (at >= a->names.n)
		return ss_fail(err, SS_EINPUT, "ar: a name outside the table of names");
	while (at + n < a->names.n && a->names.p[at + n] != '\n')
		n++;
	if (n > 0 && a->names.p[at + n - 1] == '/')
		n--;
	if (n > NAME_MAX_) /* many members may have this one name */
		return ss_fail(err, SS_ELIMIT, "ar: a name of %zu bytes", n);
	*ret = (struct ss_span){ a->names.p + at, n };
	return 0;
}

static struct ss_span short_name(const uint8_t *h)
{
	size_t n = 16;

	while (n > 0 && h[n - 1] == ' ')
		n--;
	if (n > 1 && h[n - 1] == '/' && h[0] != '/')
		n--;
	return (struct ss_span){ h, n };
}

/* The name, wherever it stands; `own` holds it where it stands before the body. */
static int find_name(const struct ar *a, const uint8_t *h, struct ex_entry *e, struct ss_buf *own,
		     struct ss_span *ret, struct ss_err *err)
{
	const struct ss_span name = short_name(h);
	uint64_t v;

	*ret = name;
	if (name.n > 3 && memcmp(name.p, "#1/", 3) == 0) {
		if (!number(h + 3, 13, 10, &v) || v > e->n || v > NAME_MAX_)
			return ss_fail(err, SS_EINPUT, "ar: a name past the end");
		if (load(a->b, e->at, v, NAME_MAX_, own, err) < 0)
			return -1;
		*ret = ss_buf_span(own);
		e->at += v;
		e->n -= v;
		return 0;
	}
	if (name.n > 1 && name.p[0] == '/' && name.p[1] >= '0' && name.p[1] <= '9') {
		if (!number(h + 1, 15, 10, &v))
			return ss_fail(err, SS_EINPUT, "ar: a name that is no number");
		return long_name(a, v, ret, err);
	}
	return 0;
}

static bool read_numbers(const uint8_t *h, struct ex_entry *e)
{
	uint64_t date, uid, gid, mode;

	if (!number(h + 16, 12, 10, &date) || !number(h + 28, 6, 10, &uid) ||
	    !number(h + 34, 6, 10, &gid) || !number(h + 40, 8, 8, &mode))
		return false;
	e->mode = CPIO_REG | ((uint32_t)mode & 07777u);
	e->uid = (uint32_t)uid;
	e->gid = (uint32_t)gid;
	e->mtime = (int64_t)date;
	return true;
}

static int add(struct ar *a, const uint8_t *h, uint64_t body, uint64_t size, struct ss_err *err)
{
	AUTO_BUF struct ss_buf own = SS_BUF_INIT(NAME_MAX_);
	struct ex_entry e = { .at = body, .n = size };
	struct ss_span name = short_name(h);

	if (name.n == 2 && name.p[0] == '/' && name.p[1] == '/')
		return load(a->b, body, size, NAMES_MAX, &a->names, err);
	if (!read_numbers(h, &e))
		return ss_fail(err, SS_EINPUT, "ar: a field that is no number");
	if (find_name(a, h, &e, &own, &name, err) < 0)
		return -1;
	e.size = e.n;
	e.at += a->b->at;
	e.id = a->b->id;
	return ex_list_add(a->l, name, &e, err);
}

static int read_all(struct ar *a, struct ss_err *err)
{
	uint8_t h[HEADER];
	uint64_t size;

	for (uint64_t at = MAGIC_SIZE; at < a->b->n; at += size + (size & 1)) {
		if (ex_read(a->b, at, h, HEADER, err) < 0)
			return -1;
		at += HEADER;
		if (h[58] != '`' || h[59] != '\n' || !number(h + 48, 10, 10, &size) ||
		    size > a->b->n - at)
			return ss_fail(err, SS_EINPUT, "ar: a broken header");
		if (add(a, h, at, size, err) < 0)
			return -1;
	}
	return 0;
}

int ex_list_ar(const struct ex_bytes *b, struct ex_list *ret, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list l = { 0 };
	struct ar a = { .b = b, .l = &l, .names = SS_BUF_INIT(NAMES_MAX) };
	uint8_t magic[MAGIC_SIZE];
	int rc;

	if (ex_read(b, 0, magic, MAGIC_SIZE, err) < 0)
		return -1;
	if (memcmp(magic, "!<arch>\n", MAGIC_SIZE) != 0)
		return ss_fail(err, SS_EINPUT, "not an ar archive");
	ex_list_init(&l, EX_AR, b->src, EX_LIST_MEMBERS);
	rc = read_all(&a, err);
	ss_buf_done(&a.names);
	if (rc < 0)
		return -1;
	ex_list_end(&l);
	*ret = l;
	l = (struct ex_list){ 0 };
	return 0;
}
