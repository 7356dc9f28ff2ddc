/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/keys.h"

#include <string.h>

#define LINE_MAX_BYTES 64u /* of what stands between the dashes of a PEM line */

static struct ss_span text_of(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static bool has(struct ss_span s, const char *mark)
{
	const struct ss_span m = text_of(mark);

	return s.n >= m.n && memmem(s.p, s.n, m.p, m.n) != NULL;
}

static bool begins(struct ss_span s, const char *mark, size_t n)
{
	return s.n >= n && memcmp(s.p, mark, n) == 0;
}

static bool ends(const char *path, const char *end)
{
	const size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

/* --- by name ---------------------------------------------------------------------------------- */

static const char *by_name(const char *path)
{
	static const struct {
		const char *end, *kind;
	} rows[] = {
		{ "/secring.gpg", "a keyring" },   { "/.erlang.cookie", "a token" },
		{ "/secret_key_base", "a token" }, { "/random-seed", "a seed for random numbers" },
		{ ".p12", "a key store" },         { ".pfx", "a key store" },
	};

	if (strstr(path, "/private-keys-v1.d/") != NULL)
		return "a keyring";
	if (strstr(path, "/dropbear/") != NULL && ends(path, "_host_key"))
		return "a host key";
	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		if (ends(path, rows[i].end))
			return rows[i].kind;
	return NULL;
}

/* --- by content ------------------------------------------------------------------------------- */

static bool is_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* Behind the line is a key, or nothing that is at hand: a line end, also one that JSON or a shell
 * writes as two characters, and then base64, a header or an empty line. Programs that read keys
 * have the line, too, with a quote or a NUL behind it. */
static bool has_body(struct ss_span s)
{
	const bool escaped = s.n >= 2 && s.p[0] == '\\' && (s.p[1] == 'n' || s.p[1] == 'r');
	size_t i = escaped ? 2 : 1;

	if (s.n == 0)
		return true;
	if (!escaped && s.p[0] != '\n' && s.p[0] != '\r')
		return false;
	while (!escaped && i < s.n && (s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == ' '))
		i++;
	return i >= s.n || is_base64(s.p[i]);
}

/* True if `mark` stands in the line and a body follows. */
static bool has_key(struct ss_span line, struct ss_span all, const char *mark)
{
	const size_t n = strlen(mark);
	const uint8_t *at = line.n >= n ? memmem(line.p, line.n, mark, n) : NULL;

	if (at == NULL)
		return false;
	return has_body((struct ss_span){ at + n, all.n - (size_t)(at + n - all.p) });
}

/* "-----BEGIN", some words, "PRIVATE KEY-----" on one line: PKCS #8, PKCS #1, SEC 1, OpenSSH. */
static bool has_pem_key(struct ss_span s)
{
	static const char begin[] = "-----BEGIN ";

	for (const uint8_t *p = s.p; s.n > 0;) {
		const size_t left = s.n - (size_t)(p - s.p);
		const uint8_t *at = memmem(p, left, begin, sizeof(begin) - 1);
		size_t room, n;

		if (at == NULL)
			return false;
		p = at + sizeof(begin) - 1;
		room = s.n - (size_t)(p - s.p);
		room = room < LINE_MAX_BYTES ? room : LINE_MAX_BYTES;
		for (n = 0; n < room && p[n] != '\n'; n++)
			;
		if (has_key((struct ss_span){ p, n }, s, "PRIVATE KEY-----") ||
		    has_key((struct ss_span){ p, n }, s, "PGP PRIVATE KEY BLOCK-----"))
			return true;
	}
	return false;
}

static struct ss_span jks_text(struct ss_cur *c)
{
	return ss_cur_take(c, ss_cur_be16(c));
}

/* A Java key store: certificates that are trusted come before or among keys. */
static bool is_jks_with_key(struct ss_span s)
{
	struct ss_cur c = ss_cur_init(s);
	uint32_t version, n;

	if (ss_cur_be32(&c) != 0xfeedfeedu)
		return false;
	version = ss_cur_be32(&c);
	n = ss_cur_be32(&c);
	for (uint32_t i = 0; i < n && !c.bad; i++) {
		const uint32_t tag = ss_cur_be32(&c);

		if (tag == 1)
			return !c.bad;
		(void)jks_text(&c);
		(void)ss_cur_be64(&c);
		if (version >= 2)
			(void)jks_text(&c);
		(void)ss_cur_take(&c, ss_cur_be32(&c));
	}
	return false;
}

const char *hm_key_kind(const char *path, struct ss_span content, bool first)
{
	static const struct {
		const char *mark, *kind;
	} marks[] = {
		{ "Private-key-format: v", "a DNSSEC key" },
		{ "PuTTY-User-Key-File-", "a private key" },
		{ "== ed25519v1-secret:", "a private key" },
		{ "AGE-SECRET-KEY-1", "a private key" },
	};
	const char *named = first && content.n > 0 ? by_name(path) : NULL;
	const bool ssh = strstr(path, "/ssh_host_") != NULL;

	if (named != NULL)
		return named;
	if (has_pem_key(content))
		return ssh ? "a host key" : "a private key";
	for (size_t i = 0; first && i < SS_NELEMS(marks); i++)
		if (has(content, marks[i].mark))
			return marks[i].kind;
	if (first && begins(content, "\0\0\0\7ssh-", 8) && ends(path, "host_key"))
		return "a host key";
	return first && is_jks_with_key(content) ? "a key store" : NULL;
}

/* --- passwords -------------------------------------------------------------------------------- */

/* The next line, without its end; false at the end. */
static bool next_line(struct ss_span *text, struct ss_span *ret)
{
	const uint8_t *end = text->n > 0 ? memchr(text->p, '\n', text->n) : NULL;
	const size_t n = end != NULL ? (size_t)(end - text->p) : text->n;

	if (text->n == 0)
		return false;
	*ret = (struct ss_span){ text->p, n };
	text->p += n;
	text->n -= n;
	if (text->n > 0) {
		text->p++;
		text->n--;
	}
	return true;
}

/* "name:$..." of a line, up to the second colon; empty if that is no hash. */
static struct ss_span hash_of(struct ss_span line)
{
	const uint8_t *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
	const size_t at = colon != NULL ? (size_t)(colon - line.p) + 1 : line.n;
	const uint8_t *end;

	if (line.n - at < 2 || line.p[at] != '$')
		return (struct ss_span){ line.p, 0 };
	end = memchr(line.p + at, ':', line.n - at);
	return (struct ss_span){ line.p, end != NULL ? (size_t)(end - line.p) : line.n };
}

static bool knows(struct ss_span text, struct ss_span hash)
{
	struct ss_span line;

	while (next_line(&text, &line)) {
		const struct ss_span h = hash_of(line);

		if (h.n == hash.n && memcmp(h.p, hash.p, h.n) == 0)
			return true;
	}
	return false;
}

bool hm_key_new_password(struct ss_span before, struct ss_span after)
{
	struct ss_span line;

	while (next_line(&after, &line)) {
		const struct ss_span h = hash_of(line);

		if (h.n > 0 && !knows(before, h))
			return true;
	}
	return false;
}
