/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_package.h"

#include "base/cur.h"

#include <string.h>

#define SEGMENT_MAX 512u

/* ASCII only, whatever the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(char c)
{
	return is_digit(c)            ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* --- parts of a URL ------------------------------------------------------------------------------
 */

static struct ss_span span(const char *from, const char *to)
{
	return (struct ss_span){ (const uint8_t *)from, (size_t)(to - from) };
}

/* The path, without '?'. */
static bool path_of(const char *url, struct ss_span *ret)
{
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;

	if (path == NULL)
		return false;
	*ret = span(path, path + strcspn(path, "?#"));
	return true;
}

/* Decodes %XX; false if the result is no plain text or too long. */
static bool decode(struct ss_span in, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = (char)in.p[i];

		if (c == '%' && in.n - i > 2) {
			const int high = hex_value((char)in.p[i + 1]);
			const int low = hex_value((char)in.p[i + 2]);

			if (high >= 0 && low >= 0) {
				c = (char)(high << 4 | low);
				i += 2;
			}
		}
		if (c <= ' ' || c > '~' || n + 1 >= size)
			return false;
		ret[n++] = c;
	}
	ret[n] = '\0';
	return n > 0;
}

static bool put(struct ss_span in, char *ret, size_t size)
{
	if (in.n == 0 || in.n >= size)
		return false;
	memcpy(ret, in.p, in.n);
	ret[in.n] = '\0';
	return true;
}

static bool put_both(const char *kind, struct ss_span name, struct ss_span version,
		     struct rec_package *ret)
{
	ret->kind = kind;
	return put(name, ret->name, sizeof(ret->name)) &&
	       put(version, ret->version, sizeof(ret->version));
}

static bool ends_with(const char *s, const char *end, size_t *ret_n)
{
	const size_t n = strlen(s), m = strlen(end);

	if (n <= m || strcmp(s + n - m, end) != 0)
		return false;
	*ret_n = n - m;
	return true;
}

/* --- by the name of the file
 * ----------------------------------------------------------------------- */

/* name_version_arch */
static bool split_deb(const char *s, size_t n, struct rec_package *ret)
{
	const char *a = memchr(s, '_', n);
	const char *b = a != NULL ? memchr(a + 1, '_', (size_t)(s + n - a - 1)) : NULL;

	return b != NULL && put_both("deb", span(s, a), span(a + 1, b), ret);
}

static const char *last(const char *s, const char *end, char c)
{
	while (end > s)
		if (*--end == c)
			return end;
	return NULL;
}

/* name-version-release[.arch] */
static bool split_release(const char *kind, const char *s, const char *end, struct rec_package *ret)
{
	const char *b = last(s, end, '-');
	const char *a = b != NULL ? last(s, b, '-') : NULL;

	return a != NULL && put_both(kind, span(s, a), span(a + 1, end), ret);
}

static bool split_rpm(const char *s, size_t n, struct rec_package *ret)
{
	const char *arch = last(s, s + n, '.');

	return arch != NULL && split_release("rpm", s, arch, ret);
}

/* name-version-… : wheels write '_' for '-' in names */
static bool split_wheel(const char *s, size_t n, struct rec_package *ret)
{
	const char *a = memchr(s, '-', n);
	const char *b = a != NULL ? memchr(a + 1, '-', (size_t)(s + n - a - 1)) : NULL;

	return b != NULL && put_both("python", span(s, a), span(a + 1, b), ret);
}

/* name-version, where the version begins with a digit behind a '-', or 'v' and a digit. */
static bool split_dash(const char *kind, const char *s, size_t n, struct rec_package *ret)
{
	for (size_t i = 1; i + 1 < n; i++) {
		const size_t v = s[i + 1] == 'v' && i + 2 < n ? 1 : 0;

		if (s[i] == '-' && is_digit(s[i + 1 + v]))
			return put_both(kind, span(s, s + i), span(s + i + 1, s + n), ret);
	}
	return false;
}

static bool by_file(const char *s, struct rec_package *ret)
{
	static const struct {
		const char *end;
		const char *kind;
	} dashed[] = {
		{ ".gem", "gem" },         { ".crate", "crate" },     { ".jar", "jar" },
		{ ".tar.gz", "archive" },  { ".tgz", "archive" },     { ".tar.xz", "archive" },
		{ ".tar.bz2", "archive" }, { ".tar.zst", "archive" }, { ".zip", "archive" },
	};
	size_t n = 0;

	if (ends_with(s, ".deb", &n) || ends_with(s, ".udeb", &n))
		return split_deb(s, n, ret);
	if (ends_with(s, ".rpm", &n))
		return split_rpm(s, n, ret);
	if (ends_with(s, ".apk", &n))
		return split_release("apk", s, s + n, ret);
	if (ends_with(s, ".whl", &n))
		return split_wheel(s, n, ret);
	for (size_t i = 0; i < SS_NELEMS(dashed); i++)
		if (ends_with(s, dashed[i].end, &n))
			return split_dash(dashed[i].kind, s, n, ret);
	return false;
}

/* --- by the path
 * -------------------------------------------------------------------------------------
 */

static const uint8_t *find(struct ss_span in, const char *what)
{
	return in.p != NULL && in.n > 0 ? memmem(in.p, in.n, what, strlen(what)) : NULL;
}

/* /NAME/-/FILE-VERSION.tgz, /@SCOPE/NAME/-/NAME-VERSION.tgz */
static bool by_npm(struct ss_span path, const char *file, struct rec_package *ret)
{
	const uint8_t *at = find(path, "/-/");
	const char *begin = (const char *)path.p, *slash, *scope;
	size_t n = 0;

	if (at == NULL || !ends_with(file, ".tgz", &n) || !split_dash("npm", file, n, ret))
		return false;
	slash = last(begin, (const char *)at, '/');
	if (slash == NULL)
		return false;
	scope = last(begin, slash, '/');
	if (scope != NULL && scope[1] == '@')
		slash = scope;
	return decode(span(slash + 1, (const char *)at), ret->name, sizeof(ret->name));
}

/* /MODULE/@v/VERSION.zip; "!x" in a module's name is "X" */
static bool by_go(struct ss_span path, const char *file, struct rec_package *ret)
{
	const uint8_t *at = find(path, "/@v/");
	size_t n = 0, to = 0;

	if (at == NULL || at == path.p || !ends_with(file, ".zip", &n))
		return false;
	if (!put_both("go", (struct ss_span){ path.p + 1, (size_t)(at - path.p - 1) },
		      span(file, file + n), ret))
		return false;
	for (const char *p = ret->name; *p != '\0'; p++) {
		if (p[0] == '!' && p[1] >= 'a' && p[1] <= 'z')
			ret->name[to++] = (char)(*++p - 'a' + 'A');
		else
			ret->name[to++] = *p;
	}
	ret->name[to] = '\0';
	return true;
}

/* /api/v1/crates/NAME/VERSION/download */
static bool by_crates(struct ss_span path, struct rec_package *ret)
{
	static const char front[] = "/api/v1/crates/", back[] = "/download";
	const char *p = (const char *)path.p;
	const char *name = p + sizeof(front) - 1, *end = p + path.n - (sizeof(back) - 1), *slash;

	if (path.n < sizeof(front) + sizeof(back) || memcmp(p, front, sizeof(front) - 1) != 0 ||
	    memcmp(end, back, sizeof(back) - 1) != 0)
		return false;
	slash = memchr(name, '/', (size_t)(end - name));
	return slash != NULL && put_both("crate", span(name, slash), span(slash + 1, end), ret);
}

bool rec_package_of(const char *url, struct rec_package *ret)
{
	char file[SEGMENT_MAX] = "";
	struct ss_span path;
	const char *slash;

	if (!path_of(url, &path))
		return false;
	if (by_crates(path, ret))
		return true;
	slash = last((const char *)path.p, (const char *)path.p + path.n, '/');
	if (slash == NULL ||
	    !decode(span(slash + 1, (const char *)path.p + path.n), file, sizeof(file)))
		return false;
	return by_npm(path, file, ret) || by_go(path, file, ret) || by_file(file, ret);
}

const char *rec_version_tail(const char *before, const char *now)
{
	size_t same = 0;

	while (before[same] != '\0' && before[same] == now[same])
		same++;
	while (same > 0 && is_digit(now[same - 1]))
		same--;
	while (same > 0 && is_letter(now[same - 1]))
		same--;
	return is_letter(now[same]) ? now + same : now;
}
