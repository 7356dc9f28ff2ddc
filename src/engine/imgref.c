/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/imgref.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "config/enclave_lock.h"

#include <string.h>

#define TAG_MAX 128u

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Lower-case letters and digits, divided by '.', '_', '__' or any number of '-'. */
static bool is_component(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t divider = 0;

		if (!is_alnum(s[i]))
			return false;
		while (i < n && is_alnum(s[i]))
			i++;
		if (i == n)
			return true;
		if (s[i] == '-')
			while (i + divider < n && s[i + divider] == '-')
				divider++;
		else if (s[i] == '.')
			divider = 1;
		else if (s[i] == '_')
			divider = i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		if (divider == 0)
			return false;
		i += divider;
	}
	return false;
}

static bool is_path(const char *s)
{
	for (;;) {
		const size_t n = strcspn(s, "/");

		if (!is_component(s, n))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

static bool is_port(const char *s, size_t n)
{
	return n > 0 && n <= 5 && strspn(s, "0123456789") >= n;
}

/* "example.com", "localhost:5000", "[::1]:5000" */
static bool is_host(const char *s, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789.-";
	size_t end;

	if (n > 0 && s[0] == '[') {
		const char *close = memchr(s, ']', n);

		if (close == NULL ||
		    strspn(s + 1, "0123456789abcdefABCDEF:.") < (size_t)(close - s - 1))
			return false;
		end = (size_t)(close - s) + 1;
	} else {
		end = strspn(s, letters);
		end = end < n ? end : n;
		if (end == 0 || s[0] == '-' || s[0] == '.' || s[end - 1] == '-')
			return false;
	}
	return end == n || (s[end] == ':' && is_port(s + end + 1, n - end - 1));
}

/* The first component is a host if it could not be a component of Docker Hub's names. */
static size_t host_len(const char *s)
{
	const size_t n = strcspn(s, "/");

	if (s[n] == '\0')
		return 0;
	if (memchr(s, '.', n) != NULL || memchr(s, ':', n) != NULL ||
	    (n == 9 && memcmp(s, "localhost", 9) == 0))
		return n;
	return 0;
}

static bool is_tag(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";
	const size_t n = strlen(s);

	return n > 0 && n <= TAG_MAX && strspn(s, letters) == n && s[0] != '.' && s[0] != '-';
}

/* `name` is without tag and digest. */
static char *full_repo(const char *name)
{
	static const char hub[] = "docker.io/";
	static const char library[] = "library/";
	const size_t host = host_len(name);
	const bool is_hub = host == 0 || strncmp(name, hub, sizeof(hub) - 1) == 0;
	const char *path = is_hub && host > 0 ? name + sizeof(hub) - 1 : name;
	const bool official = is_hub && strchr(path, '/') == NULL;
	const size_t size = strlen(name) + sizeof(hub) + sizeof(library);
	char *ret = ss_calloc(size, 1);

	(void)snprintf(ret, size, "%s%s%s", is_hub ? hub : "", official ? library : "", path);
	return ret;
}

static bool is_repo(const char *repo)
{
	const size_t n = strcspn(repo, "/");

	return repo[n] == '/' && is_host(repo, n) && is_path(repo + n + 1);
}

int imgref_read(const char *text, struct imgref *ret, struct ss_err *err)
{
	AUTO_FREE char *name = NULL;
	struct imgref r = { 0 };
	char *at, *colon, *slash;

	if (strlen(text) > IMGREF_MAX)
		return ss_fail(err, SS_ELIMIT, "an image name of %zu bytes; the limit is %u",
			       strlen(text), IMGREF_MAX);
	cfg_text_set(&name, text);
	at = strchr(name, '@');
	if (at != NULL) {
		*at++ = '\0';
		if (!cfg_is_digest(at))
			return ss_fail(err, SS_EINPUT,
				       "'%s': the digest must be sha256: and 64 lower-case digits",
				       SS_SHOW(ss_text(text)));
	}
	slash = strrchr(name, '/');
	colon = strrchr(slash != NULL ? slash : name, ':');
	if (colon != NULL)
		*colon++ = '\0';
	r.repo = full_repo(name);
	if (!is_repo(r.repo) || (colon != NULL && !is_tag(colon))) {
		imgref_done(&r);
		return ss_fail(err, SS_EINPUT, "'%s' is not the name of an image in a registry",
			       SS_SHOW(ss_text(text)));
	}
	cfg_text_set(&r.digest, at);
	cfg_text_set(&r.tag, colon != NULL ? colon : at == NULL ? "latest" : NULL);
	*ret = r;
	return 0;
}

void imgref_done(struct imgref *r)
{
	free(r->repo);
	free(r->tag);
	free(r->digest);
	*r = (struct imgref){ 0 };
}

char *imgref_full(const struct imgref *r)
{
	const char *what = r->digest != NULL ? r->digest : r->tag;
	const size_t size = strlen(r->repo) + strlen(what) + 2;
	char *ret = ss_calloc(size, 1);

	(void)snprintf(ret, size, "%s%c%s", r->repo, r->digest != NULL ? '@' : ':', what);
	return ret;
}

bool imgref_is_loopback(const char *full)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };
	const size_t n = strcspn(full, "/");

	for (size_t i = 0; i < SS_NELEMS(hosts); i++) {
		const size_t m = strlen(hosts[i]);

		if (m <= n && memcmp(full, hosts[i], m) == 0 && (m == n || full[m] == ':'))
			return true;
	}
	return false;
}
