/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/http_head.h"

#include <string.h>

#define VERSION "HTTP/1.1"
#define MAX_DIGITS 10u /* of Content-Length */

/* What the headers of either kind of message say. */
struct fields {
	size_t n;
	bool has_host;
	bool has_upgrade;
	bool has_location;
	bool has_length;
	uint64_t length;
	struct ss_span type;
};

bool http_is(struct ss_span s, const char *text)
{
	return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

bool http_is_nocase(struct ss_span s, const char *lower)
{
	if (s.n != strlen(lower))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const uint8_t c = s.p[i];

		if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)lower[i])
			return false;
	}
	return true;
}

//= rfc9110#section-5.6.2
//# token = 1*tchar
static bool is_token(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		const uint8_t c = s.p[i];
		const bool word =
			(c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (!word && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return s.n > 0;
}

static bool is_printable(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* Up to the first `at`, which is taken too: false = there is none. */
static bool split(struct ss_span *rest, char at, struct ss_span *ret)
{
	const uint8_t *p = rest->n > 0 ? memchr(rest->p, at, rest->n) : NULL;

	if (p == NULL)
		return false;
	*ret = (struct ss_span){ rest->p, (size_t)(p - rest->p) };
	*rest = (struct ss_span){ p + 1, rest->n - ret->n - 1 };
	return true;
}

static struct ss_span trim(struct ss_span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct ss_span){ s.p + 1, s.n - 1 };
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* 1 = a line, without its end; 0 = it is not whole; -1 = it never will be one. */
static int next_line(struct ss_span in, size_t *at, struct ss_span *ret, struct ss_err *err)
{
	for (size_t i = *at; i < in.n; i++) {
		const uint8_t c = in.p[i];

		if (c == '\r' && i + 1 == in.n)
			return 0;
		if (c == '\r' && in.p[i + 1] == '\n') {
			*ret = (struct ss_span){ in.p + *at, i - *at };
			*at = i + 2;
			return 1;
		}
		if ((c < ' ' && c != '\t') || c > '~')
			return ss_fail(err, SS_EINPUT, "HTTP: byte %#x at %zu", c, i);
	}
	return 0;
}

/* --- headers --------------------------------------------------------------------------------- */

static int once(bool *has, const char *name, struct ss_err *err)
{
	if (*has)
		return ss_fail(err, SS_EINPUT, "HTTP: %s comes twice", name);
	*has = true;
	return 0;
}

static int read_length(struct fields *f, struct ss_span value, struct ss_err *err)
{
	if (once(&f->has_length, "Content-Length", err) < 0)
		return -1;
	for (size_t i = 0; i < value.n && i < MAX_DIGITS; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return ss_fail(err, SS_EINPUT, "HTTP: Content-Length is no number");
		f->length = f->length * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (value.n == 0 || value.n > MAX_DIGITS || (value.p[0] == '0' && value.n > 1))
		return ss_fail(err, SS_EINPUT, "HTTP: Content-Length has not 1 to %u digits",
			       MAX_DIGITS);
	return 0;
}

static int read_header(struct ss_span line, struct fields *f, struct ss_err *err)
{
	struct ss_span name;
	bool has_type = f->type.p != NULL;

	if (++f->n > HTTP_MAX_HEADERS)
		return ss_fail(err, SS_ELIMIT, "HTTP: more than %u headers", HTTP_MAX_HEADERS);
	if (!split(&line, ':', &name) || !is_token(name))
		return ss_fail(err, SS_EINPUT, "HTTP: header %zu has no name", f->n);
	line = trim(line);
	if (http_is_nocase(name, "transfer-encoding"))
		return ss_fail(err, SS_EINPUT, "HTTP: there is a Transfer-Encoding");
	if (http_is_nocase(name, "content-length"))
		return read_length(f, line, err);
	if (http_is_nocase(name, "host"))
		return once(&f->has_host, "Host", err);
	if (http_is_nocase(name, "location"))
		return once(&f->has_location, "Location", err);
	if (http_is_nocase(name, "upgrade"))
		f->has_upgrade = true;
	if (!http_is_nocase(name, "content-type"))
		return 0;
	f->type = line;
	return once(&has_type, "Content-Type", err);
}

/* --- the two kinds --------------------------------------------------------------------------- */

static int read_request_line(struct ss_span line, void *ret, struct ss_err *err)
{
	struct http_request *r = ret;
	struct ss_span target;

	if (!split(&line, ' ', &r->method) || !is_token(r->method) || r->method.n > HTTP_MAX_METHOD)
		return ss_fail(err, SS_EINPUT, "HTTP: the request has no method");
	if (!split(&line, ' ', &target) || target.n == 0 || target.p[0] != '/' ||
	    target.n > HTTP_MAX_TARGET || !is_printable(target))
		return ss_fail(err, SS_EINPUT, "HTTP: the request has no path of 1 to %u bytes",
			       HTTP_MAX_TARGET);
	if (!http_is(line, VERSION))
		return ss_fail(err, SS_EINPUT, "HTTP: the request is not of HTTP/1.1");
	r->path = target;
	if (split(&target, '?', &r->path))
		r->query = target;
	return 0;
}

static int read_status_line(struct ss_span line, void *ret, struct ss_err *err)
{
	struct http_answer *a = ret;
	static const char begin[] = VERSION " ";
	const size_t n = sizeof(begin) - 1;

	if (line.n < n + 3 || memcmp(line.p, begin, n) != 0 ||
	    (line.n > n + 3 && line.p[n + 3] != ' '))
		return ss_fail(err, SS_EINPUT, "HTTP: the answer is not of HTTP/1.1");
	for (size_t i = n; i < n + 3; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return ss_fail(err, SS_EINPUT, "HTTP: the answer has no status");
		a->status = a->status * 10 + (unsigned)(line.p[i] - '0');
	}
	if (a->status < 200 || a->status > 599)
		return ss_fail(err, SS_EINPUT, "HTTP: status %u", a->status);
	return 0;
}

/* The headers, from *at to the empty line. 1, 0 and -1 as http_request_read(). */
static int read_fields(struct ss_span in, size_t *at, struct fields *f, struct ss_err *err)
{
	struct ss_span line;
	int rc;

	while ((rc = next_line(in, at, &line, err)) == 1) {
		if (line.n == 0)
			return 1;
		if (read_header(line, f, err) < 0)
			return -1;
	}
	return rc;
}

/* What does not end within the limit is refused as soon as so many bytes came. */
static int more(struct ss_span in, struct ss_err *err)
{
	if (in.n == HTTP_HEAD_MAX)
		return ss_fail(err, SS_ELIMIT, "HTTP: the head is longer than %u bytes",
			       HTTP_HEAD_MAX);
	return 0;
}

/* A head whose first line `read_first` reads into `ret`. 1, 0 and -1 as http_request_read(). */
static int read_head(struct ss_span in,
		     int (*read_first)(struct ss_span line, void *ret, struct ss_err *err),
		     void *ret, struct fields *f, size_t *ret_size, struct ss_err *err)
{
	struct ss_span line;
	size_t at = 0;
	int rc;

	if (in.n > HTTP_HEAD_MAX)
		in.n = HTTP_HEAD_MAX;
	rc = next_line(in, &at, &line, err);
	if (rc == 1)
		rc = read_first(line, ret, err) < 0 ? -1 : read_fields(in, &at, f, err);
	if (rc == 0)
		return more(in, err);
	if (rc == 1)
		*ret_size = at;
	return rc;
}

int http_request_read(struct ss_span in, struct http_request *ret, size_t *ret_size,
		      struct ss_err *err)
{
	struct http_request r = { 0 };
	struct fields f = { 0 };
	size_t size = 0;
	const int rc = read_head(in, read_request_line, &r, &f, &size, err);

	if (rc <= 0)
		return rc;
	if (!f.has_host)
		return ss_fail(err, SS_EINPUT, "HTTP: the request has no Host");
	r.has_length = f.has_length;
	r.length = f.length;
	r.has_upgrade = f.has_upgrade;
	*ret = r;
	*ret_size = size;
	return 1;
}

int http_answer_read(struct ss_span in, struct http_answer *ret, size_t *ret_size,
		     struct ss_err *err)
{
	struct http_answer a = { 0 };
	struct fields f = { 0 };
	const int rc = read_head(in, read_status_line, &a, &f, ret_size, err);

	if (rc <= 0)
		return rc;
	a.type = f.type;
	a.has_location = f.has_location;
	a.has_length = f.has_length;
	a.length = f.length;
	*ret = a;
	return 1;
}

bool http_query_next(struct ss_span *query, struct ss_span *ret_name, struct ss_span *ret_value)
{
	struct ss_span pair = *query;

	if (query->n == 0)
		return false;
	if (!split(query, '&', &pair))
		*query = (struct ss_span){ query->p + query->n, 0 };
	*ret_name = pair;
	*ret_value = (struct ss_span){ NULL, 0 };
	if (split(&pair, '=', ret_name))
		*ret_value = pair;
	return true;
}

enum http_look http_look(struct ss_span in, const char *path)
{
	static const char get[] = "GET ";
	const size_t n_get = sizeof(get) - 1;
	const size_t whole = n_get + strlen(path);

	for (size_t i = 0; i < in.n && i < whole; i++)
		if (in.p[i] != (uint8_t)(i < n_get ? get[i] : path[i - n_get]))
			return HTTP_LOOK_OTHER;
	if (in.n <= whole)
		return HTTP_LOOK_MORE;
	return in.p[whole] == '?' || in.p[whole] == ' ' ? HTTP_LOOK_OURS : HTTP_LOOK_OTHER;
}
