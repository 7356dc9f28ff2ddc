/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/name.h"

#include <string.h>

static const char wh[] = ".wh.";
static const char opaque[] = ".wh..wh..opq";

static int add_component(struct ss_span c, struct oci_name *to, struct ss_err *err)
{
	if (c.n == 0 || (c.n == 1 && c.p[0] == '.'))
		return 0;
	if (c.n == 2 && c.p[0] == '.' && c.p[1] == '.')
		return ss_fail(err, SS_EINPUT, "'..' in a name");
	if (to->n + (to->n > 0 ? 1 : 0) + c.n > OCI_NAME_MAX)
		return ss_fail(err, SS_ELIMIT, "a name of more than %u bytes", OCI_NAME_MAX);
	if (to->n > 0)
		to->p[to->n++] = '/';
	memcpy(to->p + to->n, c.p, c.n);
	to->n += c.n;
	return 0;
}

static bool only_slashes(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '/')
			return false;
	return true;
}

int oci_name_clean(struct ss_span raw, struct oci_name *ret, struct ss_err *err)
{
	ret->n = 0;
	if (raw.n == 0)
		return ss_fail(err, SS_EINPUT, "an empty name");
	if (memchr(raw.p, 0, raw.n) != NULL)
		return ss_fail(err, SS_EINPUT, "a NUL byte in a name");
	if (raw.p[0] == '/' && !only_slashes(raw))
		return ss_fail(err, SS_EINPUT, "an absolute name");
	while (raw.n > 0) {
		const uint8_t *slash = memchr(raw.p, '/', raw.n);
		const size_t n = slash != NULL ? (size_t)(slash - raw.p) : raw.n;

		if (add_component((struct ss_span){ raw.p, n }, ret, err) < 0)
			return -1;
		raw.p += slash != NULL ? n + 1 : n;
		raw.n -= slash != NULL ? n + 1 : n;
	}
	return 0;
}

static bool begins(const uint8_t *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

int oci_name_mark(struct oci_name *name, enum oci_mark *ret, struct ss_err *err)
{
	size_t last = 0; /* where the last component begins */
	size_t n;

	*ret = OCI_MARK_NONE;
	for (size_t i = 0; i < name->n; i++) {
		if (name->p[i] != '/')
			continue;
		if (begins(name->p + last, i - last, wh))
			return ss_fail(err, SS_EINPUT, "an entry below a whiteout");
		last = i + 1;
	}
	n = name->n - last;
	if (!begins(name->p + last, n, wh))
		return 0;
	if (n == strlen(opaque) && begins(name->p + last, n, opaque)) {
		*ret = OCI_MARK_OPAQUE;
		name->n = last > 0 ? last - 1 : 0;
		return 0;
	}
	if (begins(name->p + last, n, ".wh..wh."))
		return ss_fail(err, SS_EINPUT, "metadata of AUFS, which is not supported");
	n -= strlen(wh);
	if (n == 0 || (n <= 2 && memcmp(name->p + last + strlen(wh), "..", n) == 0))
		return ss_fail(err, SS_EINPUT, "a whiteout of nothing");
	memmove(name->p + last, name->p + last + strlen(wh), n);
	name->n = last + n;
	*ret = OCI_MARK_WHITEOUT;
	return 0;
}
