/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "fmt/tar_parts.h"

#include <string.h>

static const char xattr_prefix[] = "SCHILY.xattr.";

/* Where a key stands in enum tar_pax_key decides its bit in tar_pax.has. */
static const char *const key_names[TAR_PAX_KEYS] = {
	[TAR_PAX_PATH] = "path",
	[TAR_PAX_LINK] = "linkpath",
	[TAR_PAX_SIZE] = "size",
	[TAR_PAX_UID] = "uid",
	[TAR_PAX_GID] = "gid",
	[TAR_PAX_MTIME] = "mtime",
	[TAR_PAX_CHARSET] = "hdrcharset",
	[TAR_PAX_SPARSE_MAJOR] = "GNU.sparse.major",
	[TAR_PAX_SPARSE_MINOR] = "GNU.sparse.minor",
	[TAR_PAX_SPARSE_NAME] = "GNU.sparse.name",
	[TAR_PAX_SPARSE_REALSIZE] = "GNU.sparse.realsize",
	[TAR_PAX_SPARSE_SIZE] = "GNU.sparse.size",
	[TAR_PAX_SPARSE_BLOCKS] = "GNU.sparse.numblocks",
	[TAR_PAX_SPARSE_MAP] = "GNU.sparse.map",
	[TAR_PAX_SPARSE_OFFSET] = "GNU.sparse.offset",
	[TAR_PAX_SPARSE_BYTES] = "GNU.sparse.numbytes",
};

static enum tar_pax_key find_key(struct ss_span key)
{
	size_t i = 0;

	while (i < TAR_PAX_KEYS && !ss_is(key, key_names[i]))
		i++;
	return (enum tar_pax_key)i;
}

/* "-12.5": seconds, rounded down. */
static bool read_time(struct ss_span s, int64_t *ret)
{
	const bool minus = s.n > 0 && s.p[0] == '-';
	const uint8_t *dot;
	struct ss_span whole;
	uint64_t v;
	bool part = false;

	if (minus) {
		s.p++;
		s.n--;
	}
	dot = s.n > 0 ? memchr(s.p, '.', s.n) : NULL;
	whole = (struct ss_span){ s.p, dot != NULL ? (size_t)(dot - s.p) : s.n };
	if (!tar_decimal(whole, &v))
		return false;
	for (size_t i = whole.n + 1; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		part = part || s.p[i] != '0';
	}
	if (minus)
		*ret = -(int64_t)v - (part && v < INT64_MAX ? 1 : 0);
	else
		*ret = (int64_t)v;
	return true;
}

static int add_xattr(struct tar_pax *p, struct ss_span name, struct ss_span value,
		     struct ss_err *err)
{
	if (name.n == 0 || memchr(name.p, 0, name.n) != NULL)
		return ss_fail(err, SS_EINPUT, "malformed name of an extended attribute");
	for (size_t i = 0; i < p->n_xattrs; i++) {
		const struct ss_span other = p->xattrs[i].name;

		if (other.n == name.n && memcmp(other.p, name.p, name.n) == 0)
			return ss_fail(err, SS_EINPUT, "'%s%s' occurs twice", xattr_prefix,
				       SS_SHOW(name));
	}
	if (p->n_xattrs == TAR_MAX_XATTRS)
		return ss_fail(err, SS_ELIMIT, "more than %u extended attributes", TAR_MAX_XATTRS);
	if (p->n_xattrs == p->cap_xattrs) {
		p->cap_xattrs = p->cap_xattrs > 0 ? p->cap_xattrs * 2 : 8;
		p->xattrs = ss_reallocarray(p->xattrs, p->cap_xattrs, sizeof(*p->xattrs));
	}
	p->xattrs[p->n_xattrs++] = (struct tar_xattr){ name, value };
	return 0;
}

static bool is_charset(struct ss_span v)
{
	return ss_is(v, "BINARY") || ss_is(v, "ISO-IR 10646 2000 UTF-8");
}

static bool read_name(struct ss_span v, struct ss_span *ret)
{
	*ret = v;
	return memchr(v.p, 0, v.n) == NULL;
}

/* The value of a known key; false if it is malformed. Not for the pairs of GNU.sparse 0.0. */
static bool read_value(struct tar_pax *p, enum tar_pax_key k, struct ss_span v)
{
	switch (k) {
	case TAR_PAX_PATH:
		return read_name(v, &p->path);
	case TAR_PAX_LINK:
		return read_name(v, &p->link);
	case TAR_PAX_SPARSE_NAME:
		return read_name(v, &p->sparse_name);
	case TAR_PAX_SPARSE_MAP:
		return read_name(v, &p->sparse_map);
	case TAR_PAX_MTIME:
		return read_time(v, &p->mtime);
	case TAR_PAX_CHARSET:
		return is_charset(v);
	case TAR_PAX_SIZE:
		return tar_decimal(v, &p->size);
	case TAR_PAX_UID:
		return tar_decimal(v, &p->uid);
	case TAR_PAX_GID:
		return tar_decimal(v, &p->gid);
	case TAR_PAX_SPARSE_MAJOR:
		return tar_decimal(v, &p->sparse_major);
	case TAR_PAX_SPARSE_MINOR:
		return tar_decimal(v, &p->sparse_minor);
	case TAR_PAX_SPARSE_REALSIZE:
	case TAR_PAX_SPARSE_SIZE:
		return tar_decimal(v, &p->sparse_size);
	case TAR_PAX_SPARSE_BLOCKS:
		return tar_decimal(v, &p->sparse_blocks);
	case TAR_PAX_SPARSE_OFFSET:
	case TAR_PAX_SPARSE_BYTES:
	case TAR_PAX_KEYS:
		break;
	}
	return false;
}

/* GNU.sparse 0.0: the two keys take turns, as often as there are segments. */
static int read_pair(struct tar_pax *p, enum tar_pax_key k, struct ss_span v, struct ss_err *err)
{
	uint64_t n;

	if (!tar_decimal(v, &n) || p->sparse_open != (k == TAR_PAX_SPARSE_BYTES))
		return ss_fail(err, SS_EINPUT, "malformed '%s'", key_names[k]);
	p->sparse_open = !p->sparse_open;
	if (k == TAR_PAX_SPARSE_OFFSET)
		return tar_segments_add(&p->segments, n, 0, err);
	p->segments.v[p->segments.n - 1].n = n;
	return 0;
}

static int read_record(struct tar_pax *p, struct ss_span key, struct ss_span value, bool global,
		       struct ss_err *err)
{
	const enum tar_pax_key k = find_key(key);
	const bool xattr = ss_begins(key, xattr_prefix);

	if (memchr(key.p, 0, key.n) != NULL)
		return ss_fail(err, SS_EINPUT, "a NUL byte in a key");
	if (ss_begins(key, "GNU.volume.") || ss_begins(key, "GNU.dumpdir"))
		return ss_fail(err, SS_EINPUT, "'%s' is not supported", SS_SHOW(key));
	if (k == TAR_PAX_KEYS && !xattr)
		return ss_begins(key, "GNU.sparse.")
			       ? ss_fail(err, SS_EINPUT, "'%s' is not known", SS_SHOW(key))
			       : 0;
	if (global)
		return ss_fail(err, SS_EINPUT, "'%s' for all entries", SS_SHOW(key));
	if (xattr)
		return add_xattr(p,
				 (struct ss_span){ key.p + strlen(xattr_prefix),
						   key.n - strlen(xattr_prefix) },
				 value, err);
	if (k == TAR_PAX_SPARSE_OFFSET || k == TAR_PAX_SPARSE_BYTES) {
		p->has |= 1u << k;
		return read_pair(p, k, value, err);
	}
	if (tar_pax_has(p, k))
		return ss_fail(err, SS_EINPUT, "'%s' occurs twice", key_names[k]);
	if (value.n == 0 || !read_value(p, k, value))
		return ss_fail(err, SS_EINPUT, "malformed '%s'", key_names[k]);
	p->has |= 1u << k;
	return 0;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts all of it. */
static bool split_record(struct ss_span *body, struct ss_span *ret_key, struct ss_span *ret_value)
{
	const uint8_t *space = memchr(body->p, ' ', body->n < 8 ? body->n : 8);
	const uint8_t *equals;
	struct ss_span rest;
	uint64_t n;

	if (space == NULL ||
	    !tar_decimal((struct ss_span){ body->p, (size_t)(space - body->p) }, &n))
		return false;
	if (n > body->n || n < (size_t)(space - body->p) + 4 || body->p[n - 1] != '\n')
		return false; /* 4: the space, one byte of key, '=' and the end */
	rest = (struct ss_span){ space + 1, (size_t)n - (size_t)(space - body->p) - 2 };
	equals = memchr(rest.p, '=', rest.n);
	if (equals == NULL || equals == rest.p)
		return false;
	*ret_key = (struct ss_span){ rest.p, (size_t)(equals - rest.p) };
	*ret_value = (struct ss_span){ equals + 1, rest.n - ret_key->n - 1 };
	body->p += n;
	body->n -= (size_t)n;
	return true;
}

int tar_pax_read(struct ss_span body, bool global, struct tar_pax *p, struct ss_err *err)
{
	const uint8_t *start = body.p;

	while (body.n > 0) {
		struct ss_span key, value;

		if (!split_record(&body, &key, &value))
			return ss_fail(err, SS_EINPUT, "malformed record at byte %zu",
				       (size_t)(body.p - start));
		if (read_record(p, key, value, global, err) < 0)
			return -1;
	}
	if (p->sparse_open)
		return ss_fail(err, SS_EINPUT, "malformed 'GNU.sparse.offset'");
	return 0;
}

void tar_pax_clear(struct tar_pax *p)
{
	struct tar_pax blank = { .segments = { p->segments.v, 0, p->segments.cap },
				 .xattrs = p->xattrs,
				 .cap_xattrs = p->cap_xattrs };

	*p = blank;
}

void tar_pax_done(struct tar_pax *p)
{
	free(p->segments.v);
	free(p->xattrs);
	*p = (struct tar_pax){ 0 };
}
