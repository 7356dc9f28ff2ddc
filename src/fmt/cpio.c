/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/cpio.h"

#include <string.h>

#define FIELDS 13u
#define FIELD_DIGITS 8u
#define MAGIC_SIZE 6u

static const char trailer_name[] = "TRAILER!!!";

static bool read_hex(struct ss_cur *c, uint32_t *ret)
{
	const struct ss_span s = ss_cur_take(c, FIELD_DIGITS);
	uint32_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		const uint8_t d = s.p[i];

		v <<= 4;
		if (d >= '0' && d <= '9')
			v |= (uint32_t)d - '0';
		else if (d >= 'a' && d <= 'f')
			v |= (uint32_t)d - 'a' + 10;
		else if (d >= 'A' && d <= 'F') /* GNU cpio writes these */
			v |= (uint32_t)d - 'A' + 10;
		else
			return false;
	}
	*ret = v;
	return true;
}

int cpio_header_read(struct ss_span in, struct cpio_entry *ret, size_t *ret_name_n,
		     struct ss_err *err)
{
	static const char *const what[FIELDS] = {
		"ino",       "mode",      "uid",        "gid",        "nlink",     "mtime", "size",
		"dev_major", "dev_minor", "rdev_major", "rdev_minor", "name size", "check"
	};
	struct ss_cur c = ss_cur_init(in);
	const struct ss_span magic = ss_cur_take(&c, MAGIC_SIZE);
	uint32_t v[FIELDS] = { 0 };

	if (!c.bad && memcmp(magic.p, "070701", MAGIC_SIZE) != 0)
		return ss_fail(err, SS_EINPUT, "not a newc header: wrong magic");
	for (size_t i = 0; i < FIELDS; i++)
		if (!read_hex(&c, &v[i]))
			return ss_fail(err, SS_EINPUT, "newc header: '%s' is not hexadecimal",
				       what[i]);
	if (ss_cur_check(&c, "newc header", err) < 0)
		return -1;
	if (v[11] == 0 || v[11] > CPIO_MAX_NAME)
		return ss_fail(err, SS_ELIMIT, "newc header: a name of %u bytes; the limit is %u",
			       v[11], CPIO_MAX_NAME);
	if (v[12] != 0)
		return ss_fail(err, SS_EINPUT, "newc header: 'check' is not zero");
	*ret = (struct cpio_entry){ .ino = v[0],
				    .mode = v[1],
				    .uid = v[2],
				    .gid = v[3],
				    .nlink = v[4],
				    .mtime = v[5],
				    .size = v[6],
				    .dev_major = v[7],
				    .dev_minor = v[8],
				    .rdev_major = v[9],
				    .rdev_minor = v[10] };
	*ret_name_n = v[11];
	return 0;
}

int cpio_name_read(struct ss_span raw, struct cpio_entry *e, struct ss_err *err)
{
	const uint8_t *nul = raw.n > 0 ? memchr(raw.p, 0, raw.n) : NULL;

	if (nul == NULL)
		return ss_fail(err, SS_EINPUT, "a name without its NUL");
	if ((size_t)(nul - raw.p) != raw.n - 1)
		return ss_fail(err, SS_EINPUT, "a name with a NUL inside");
	e->name = (struct ss_span){ raw.p, raw.n - 1 };
	return 0;
}

bool cpio_is_trailer(const struct cpio_entry *e)
{
	return e->name.n == sizeof(trailer_name) - 1 &&
	       memcmp(e->name.p, trailer_name, e->name.n) == 0;
}

static int check_component(const uint8_t *p, size_t n, struct ss_err *err)
{
	if (n == 0)
		return ss_fail(err, SS_EINPUT, "a name with an empty component");
	if ((n == 1 || n == 2) && p[0] == '.' && p[n - 1] == '.')
		return ss_fail(err, SS_EINPUT, "a name with '.' or '..' in it");
	return 0;
}

int cpio_name_check(struct ss_span name, struct ss_err *err)
{
	size_t start = 0;

	if (name.n == 0)
		return ss_fail(err, SS_EINPUT, "an empty name");
	if (name.n >= CPIO_MAX_NAME)
		return ss_fail(err, SS_ELIMIT, "a name of %zu bytes; the limit is %u", name.n,
			       CPIO_MAX_NAME - 1);
	if (name.p[0] == '/')
		return ss_fail(err, SS_EINPUT, "an absolute name");
	for (size_t i = 0; i <= name.n; i++) {
		if (i < name.n && name.p[i] == 0)
			return ss_fail(err, SS_EINPUT, "a name with a NUL inside");
		if (i < name.n && name.p[i] != '/')
			continue;
		if (check_component(name.p + start, i - start, err) < 0)
			return -1;
		start = i + 1;
	}
	return 0;
}

/* "/" sorts below every other byte: then "a", "a/b", "a-b" is plain order of bytes. */
bool cpio_name_before(struct ss_span a, struct ss_span b)
{
	const size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		if (a.p[i] == b.p[i])
			continue;
		if (a.p[i] == '/' || b.p[i] == '/')
			return a.p[i] == '/';
		return a.p[i] < b.p[i];
	}
	return a.n < b.n;
}

int cpio_entry_check(const struct cpio_entry *e, struct ss_err *err)
{
	const bool is_device =
		(e->mode & CPIO_TYPE_MASK) == CPIO_CHR || (e->mode & CPIO_TYPE_MASK) == CPIO_BLK;

	switch (e->mode & CPIO_TYPE_MASK) {
	case CPIO_REG:
		break;
	case CPIO_LNK:
		if (e->size == 0 || e->size > CPIO_MAX_LINK)
			return ss_fail(err, SS_ELIMIT, "a link target of %u bytes; 1 to %u may be",
				       e->size, CPIO_MAX_LINK);
		break;
	case CPIO_DIR:
	case CPIO_FIFO:
	case CPIO_CHR:
	case CPIO_BLK:
		if (e->size != 0)
			return ss_fail(err, SS_EINPUT, "a body where the type has none");
		break;
	default:
		return ss_fail(err, SS_EINPUT, "mode %#o is of no known type", e->mode);
	}
	if ((e->mode & ~(CPIO_TYPE_MASK | 07777u)) != 0)
		return ss_fail(err, SS_EINPUT, "mode %#o has unknown bits", e->mode);
	if (is_device && (e->rdev_major > CPIO_MAX_MAJOR || e->rdev_minor > CPIO_MAX_MINOR))
		return ss_fail(err, SS_ELIMIT, "device %u:%u; %u:%u is the last that Linux has",
			       e->rdev_major, e->rdev_minor, CPIO_MAX_MAJOR, CPIO_MAX_MINOR);
	if (!is_device && (e->rdev_major != 0 || e->rdev_minor != 0))
		return ss_fail(err, SS_EINPUT, "a device number where the type has none");
	return 0;
}

int cpio_trailer_check(const struct cpio_entry *e, struct ss_err *err)
{
	if (e->mode != 0 || e->size != 0 || e->uid != 0 || e->gid != 0 || e->mtime != 0 ||
	    e->nlink != 1 || e->rdev_major != 0 || e->rdev_minor != 0)
		return ss_fail(err, SS_EINPUT, "the trailer carries values");
	return 0;
}
