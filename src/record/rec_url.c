/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_url.h"

#include "base/hex.h"
#include "base/show.h"
#include "base/text.h"

#include <string.h>

static bool begins(struct ss_span s, const char *front)
{
	const size_t n = strlen(front);

	return s.n >= n && ss_is_folded((struct ss_span){ s.p, n }, front);
}

static struct ss_span skip(struct ss_span s, size_t n)
{
	return (struct ss_span){ s.p + n, s.n - n };
}

static size_t find(struct ss_span s, const char *any)
{
	size_t i = 0;

	while (i < s.n && (s.p[i] == 0 || strchr(any, s.p[i]) == NULL))
		i++;
	return i;
}

/* --- secrets -----------------------------------------------------------------------------------
 */

bool rec_is_secret_name(struct ss_span name)
{
	static const char *const whole[] = {
		"access_key",
		"access_token",
		"api-key",
		"api_key",
		"apikey",
		"auth",
		"auth_token",
		"authorization",
		"authtoken",
		"awsaccesskeyid",
		"client_secret",
		"code",
		"credential",
		"expires",
		"id_token",
		"job_token",
		"jwt",
		"key",
		"key-pair-id",
		"pass",
		"passwd",
		"password",
		"policy",
		"private_token",
		"pwd",
		"refresh_token",
		"se",
		"secret",
		"session",
		"sessionid",
		"sid",
		"sig",
		"signature",
		"st",
		"token",
	};

	for (size_t i = 0; i < SS_NELEMS(whole); i++)
		if (ss_is_folded(name, whole[i]))
			return true;
	return begins(name, "x-amz-") || begins(name, "x-goog-") || begins(name, "x-oss-") ||
	       begins(name, "x-cos-");
}

/* --- the URL -----------------------------------------------------------------------------------
 */

static void put_byte(uint8_t c, struct ss_buf *ret)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t escaped[] = { '%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15] };
	const bool plain = c > ' ' && c <= '~' && strchr("\"<>\\^`{|}#", c) == NULL;

	ss_buf_put(ret, plain ? (struct ss_span){ &c, 1 } : (struct ss_span){ escaped, 3 });
}

static void put_all(struct ss_span s, struct ss_buf *ret)
{
	for (size_t i = 0; i < s.n; i++)
		put_byte(s.p[i], ret);
}

/* The query with its '?', once as it is and once without secrets. */
static void put_query(struct ss_span q, struct ss_buf *real, struct ss_buf *plain, bool *ret_secret)
{
	put_all(q, real);
	put_byte('?', plain);
	for (q = skip(q, 1);;) {
		const size_t n = find(q, "&;");
		const struct ss_span pair = { q.p, n };
		const size_t name = find(pair, "=");

		if (name < n && name + 1 < n &&
		    rec_is_secret_name((struct ss_span){ pair.p, name })) {
			put_all((struct ss_span){ pair.p, name + 1 }, plain);
			put_all(ss_text(REC_REDACTED), plain);
			*ret_secret = true;
		} else {
			put_all(pair, plain);
		}
		if (n == q.n)
			return;
		put_byte(q.p[n], plain);
		q = skip(q, n + 1);
	}
}

static bool all_of(struct ss_span s, const char *bytes)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == 0 || strchr(bytes, ss_lower(s.p[i])) == NULL)
			return false;
	return true;
}

/* A name, an address of either family; and up to five digits of a port. */
static bool split_host(struct ss_span s, struct ss_span *ret_host, struct ss_span *ret_port)
{
	const bool v6 = s.n > 0 && s.p[0] == '[';
	const size_t n = find(s, v6 ? "]" : ":") + (v6 ? 1 : 0);

	if (n > s.n || n == 0 || n > 255)
		return false;
	*ret_host = (struct ss_span){ s.p, n };
	*ret_port = skip(s, n);
	if (v6 ? n < 4 || !all_of((struct ss_span){ s.p + 1, n - 2 }, "0123456789abcdef:.")
	       : !all_of(*ret_host, "0123456789abcdefghijklmnopqrstuvwxyz.-_"))
		return false;
	if (ret_port->n == 0)
		return true;
	if (ret_port->p[0] != ':')
		return false;
	*ret_port = skip(*ret_port, 1);
	while (ret_port->n > 0 && ret_port->p[0] == '0')
		*ret_port = skip(*ret_port, 1);
	return ret_port->n <= 5 && all_of(*ret_port, "0123456789");
}

/* Host and port: lower case, without a user and without the scheme's own port. */
static int put_host(struct ss_span s, const char *own_port, struct ss_buf *ret, struct ss_err *err)
{
	struct ss_span host = { NULL, 0 }, port = { NULL, 0 };
	size_t at = 0;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '@')
			at = i + 1;
	s = skip(s, at);
	if (s.n == 0)
		return ss_fail(err, SS_EINPUT, "no host");
	if (!split_host(s, &host, &port))
		return ss_fail(err, SS_EINPUT, "'%s' is no host", SS_SHOW(s));
	for (size_t i = 0; i < host.n; i++) {
		const uint8_t c = ss_lower(host.p[i]);

		ss_buf_put(ret, (struct ss_span){ &c, 1 });
	}
	if (port.n > 0 && !ss_is_folded(port, own_port)) {
		ss_buf_put(ret, ss_text(":"));
		ss_buf_put(ret, port);
	}
	return 0;
}

static bool has_blank(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

static int make(struct ss_span url, struct ss_buf *real, struct ss_buf *plain, bool *ret_secret,
		struct ss_err *err)
{
	const bool https = begins(url, "https://");
	struct ss_span rest;
	size_t n;

	if (!https && !begins(url, "http://"))
		return ss_fail(err, SS_EINPUT, "neither http nor https");
	rest = skip(url, https ? 8 : 7);
	if (has_blank(rest))
		return ss_fail(err, SS_EINPUT, "a blank or a control character");
	rest.n = find(rest, "#");
	n = find(rest, "/?");
	ss_buf_put(real, ss_text(https ? "https://" : "http://"));
	if (put_host((struct ss_span){ rest.p, n }, https ? "443" : "80", real, err) < 0)
		return -1;
	rest = skip(rest, n);
	n = find(rest, "?");
	put_all(n > 0 ? (struct ss_span){ rest.p, n } : ss_text("/"), real);
	ss_buf_put(plain, ss_buf_span(real));
	if (n < rest.n)
		put_query(skip(rest, n), real, plain, ret_secret);
	ss_buf_put(real, (struct ss_span){ (const uint8_t *)"", 1 });
	ss_buf_put(plain, (struct ss_span){ (const uint8_t *)"", 1 });
	if (real->bad || plain->bad || plain->n > CFG_INPUT_URL_MAX + 1)
		return ss_fail(err, SS_ELIMIT, "more than %u bytes", CFG_INPUT_URL_MAX);
	return 0;
}

int rec_url_make(struct ss_span url, struct ss_buf *ret_real, struct ss_buf *ret_plain,
		 bool *ret_secret, struct ss_err *err)
{
	*ret_secret = false;
	if (url.n > CFG_INPUT_URL_MAX)
		return ss_fail(err, SS_ELIMIT, "URL: more than %u bytes", CFG_INPUT_URL_MAX);
	if (make(url, ret_real, ret_plain, ret_secret, err) < 0)
		return ss_ctx(err, "URL");
	return 0;
}

/* --- the key -----------------------------------------------------------------------------------
 */

static void put_line(struct crypto_hash *h, const char *name, struct ss_span value, bool *any)
{
	if (value.p == NULL)
		return;
	crypto_hash_put(h, ss_text(name));
	crypto_hash_put(h, ss_text(": "));
	crypto_hash_put(h, value);
	crypto_hash_put(h, ss_text("\n"));
	*any = true;
}

bool rec_key_make(const struct rec_choice *c, char ret[REC_KEY])
{
	static const struct ss_span none = { NULL, 0 };
	AUTO_HASH struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA256);
	uint8_t hash[CRYPTO_SHA256_SIZE];
	char hex[REC_KEY];
	bool any = false;

	crypto_hash_put(h, ss_text("selfsame request 1\n"));
	put_line(h, "accept", ss_is_folded(c->accept, "*/*") ? none : c->accept, &any);
	put_line(h, "authorization", c->authorized ? ss_text("yes") : none, &any);
	if (c->body != NULL) {
		ss_hex((struct ss_span){ c->body, CRYPTO_SHA256_SIZE }, hex);
		put_line(h, "content-type", c->content_type, &any);
	}
	put_line(h, "git-protocol", c->git_protocol, &any);
	put_line(h, "body", c->body != NULL ? ss_text(hex) : none, &any);
	crypto_hash_end(h, hash);
	ret[0] = '\0';
	if (any)
		ss_hex((struct ss_span){ hash, sizeof(hash) }, ret);
	return any;
}
