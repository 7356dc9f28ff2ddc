/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_answer.h"

#include "base/text.h"
#include "record/rec_url.h"

#include <stdio.h>
#include <string.h>

#define URL_ROOM ((size_t)CFG_INPUT_URL_MAX * 4) /* escaped, with its NUL */

bool rec_answer_is_kept(struct ss_span name)
{
	static const char *const names[] = {
		"content-disposition",
		"content-encoding",
		"content-language",
		"content-type",
		"docker-content-digest",
		"docker-distribution-api-version",
		"link",
		"location",
		"www-authenticate",
		"x-checksum-sha1",
		"x-checksum-sha256",
		"x-pypi-last-serial",
	};

	for (size_t i = 0; i < SS_NELEMS(names); i++)
		if (ss_is_folded(name, names[i]))
			return true;
	return false;
}

static bool is_plain(struct ss_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

static void clean_location(const char *url, struct ss_span value, struct ss_buf *ret,
			   void (*secret)(void *ctx, const char *plain, const char *real),
			   void *ctx)
{
	AUTO_BUF struct ss_buf whole = SS_BUF_INIT(URL_ROOM);
	AUTO_BUF struct ss_buf real = SS_BUF_INIT(URL_ROOM);
	AUTO_BUF struct ss_buf plain = SS_BUF_INIT(URL_ROOM);
	const char *host = strstr(url, "://");
	struct ss_err err = { 0 };
	bool has_secret = false;

	if (value.n > 0 && value.p[0] == '/' && host != NULL) {
		const bool any = value.n > 1 && value.p[1] == '/';
		const size_t n = any ? (size_t)(host - url) + 1
				     : (size_t)(host - url) + 3 + strcspn(host + 3, "/?");

		ss_buf_put(&whole, (struct ss_span){ (const uint8_t *)url, n });
	}
	ss_buf_put(&whole, value);
	if (!whole.bad &&
	    rec_url_make(ss_buf_span(&whole), &real, &plain, &has_secret, &err) == 0 &&
	    has_secret) {
		if (secret != NULL)
			secret(ctx, (const char *)plain.p, (const char *)real.p);
		ss_buf_put(ret, (struct ss_span){ plain.p, plain.n - 1 });
		return;
	}
	ss_buf_put(ret, value);
}

void rec_answer_put(struct cfg_input *in, const char *url, struct ss_span name,
		    struct ss_span value,
		    void (*secret)(void *ctx, const char *plain, const char *real), void *ctx)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_INPUT_HEADER_MAX + 1);
	const bool is_type = ss_is_folded(name, "content-type");

	if (!is_plain(value) || !rec_answer_is_kept(name))
		return;
	for (size_t i = 0; i < name.n && !is_type; i++) {
		const uint8_t c = ss_lower(name.p[i]);

		ss_buf_put(&b, (struct ss_span){ &c, 1 });
	}
	if (!is_type)
		ss_buf_put(&b, ss_text(": "));
	if (ss_is_folded(name, "location"))
		clean_location(url, value, &b, secret, ctx);
	else
		ss_buf_put(&b, value);
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	if (b.bad)
		return;
	if (is_type)
		cfg_text_set(&in->type, (const char *)b.p);
	else if (in->headers.n < CFG_INPUT_HEADERS_MAX)
		cfg_texts_push(&in->headers, (const char *)b.p);
}
