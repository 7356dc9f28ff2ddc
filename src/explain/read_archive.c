/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/ex_run.h"

#include <string.h>

/* ar, tar, zip and cpio inside a file: lists of names like any other. */

enum archive { NONE, AR, TAR, ZIP, CPIO };

static int kind_of(const struct ex_bytes *b, enum archive *ret, struct ss_err *err)
{
	uint8_t h[264] = { 0 };
	size_t n;

	*ret = NONE;
	if (ex_read_some(b, 0, h, sizeof(h), &n, err) < 0)
		return -1;
	if (memcmp(h, "!<arch>\n", 8) == 0)
		*ret = AR;
	else if (memcmp(h, "PK\003\004", 4) == 0)
		*ret = ZIP;
	else if (memcmp(h, "070701", 6) == 0)
		*ret = CPIO;
	else if (n >= 264 && memcmp(h + 257, "ustar", 5) == 0)
		*ret = TAR;
	return 0;
}

static int list(const struct ex_bytes *b, enum archive kind, struct ex_list *ret,
		struct ss_err *err)
{
	switch (kind) {
	case AR:
		return ex_list_ar(b, ret, err);
	case TAR:
		return ex_list_tar(b, ret, err);
	case ZIP:
		return ex_list_zip(b, ret, err);
	case CPIO:
		return ex_list_cpio(b, EX_LIST_MEMBERS, ret, err);
	case NONE:
		break;
	}
	return ss_fail(err, SS_EINPUT, "not an archive");
}

int ex_archive(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list a = { 0 };
	AUTO_EX_LIST struct ex_list b = { 0 };
	AUTO_BUF struct ss_buf prefix = SS_BUF_INIT(SIZE_MAX);
	struct ex_matching m = {
		.a = &a, .b = &b, .depth = p->depth + 1, .mtime = true, .order = true
	};
	const uint64_t said = r->said;
	const size_t n = r->n;
	enum archive kind, other;

	if (kind_of(&p->a, &kind, err) < 0 || kind_of(&p->b, &other, err) < 0)
		return -1;
	if (kind == NONE || kind != other)
		return 0;
	if (list(&p->a, kind, &a, err) < 0 || list(&p->b, kind, &b, err) < 0) {
		if (err->code != SS_EINPUT && err->code != SS_ELIMIT)
			return -1;
		*err = (struct ss_err){ 0 };
		return 0;
	}
	*ret_done = true;
	ss_buf_put(&prefix, ss_buf_span(&p->path));
	ss_buf_put(&prefix, ex_text("!"));
	m.prefix = ss_buf_span(&prefix);
	if (ex_match(r, &m, err) < 0)
		return -1;
	if (r->said == said && r->n == n)
		ex_say_content(r, p, EX_FORM_PADDING, "bytes outside the members", ex_text(""),
			       ex_text(""));
	return 0;
}
