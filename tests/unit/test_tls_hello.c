/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of each sentence is OpenSSL: its client writes the hellos, and its server says
 * what it would have read in the broken ones. */
#include "base/mem.h"
#include "expect.h"
#include "fmt/tls_hello.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#define RECORD 5u

struct hello {
	uint8_t bytes[TLS_HELLO_MAX + 4096];
	size_t n;
};

static struct ss_span span(const void *p, size_t n)
{
	return (struct ss_span){ p, n };
}

/* Looks at a copy without a byte to spare. */
static enum tls_hello look(const uint8_t *p, size_t n, char name[256])
{
	static uint8_t scratch[TLS_HELLO_MAX];
	AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);
	struct ss_span got = { NULL, 77 };
	enum tls_hello rc;

	if (n > 0)
		memcpy(copy, p, n);
	rc = tls_hello_look(span(copy, n), scratch, &got);
	if (rc != TLS_HELLO_NAME) {
		assert_int_equal(got.n, 77);
		return rc;
	}
	assert_true(got.p >= scratch && got.n > 0 &&
		    got.n <= (size_t)(scratch + sizeof(scratch) - got.p));
	assert_true(got.n < 256);
	memcpy(name, got.p, got.n);
	name[got.n] = '\0';
	return rc;
}

/* What a client of OpenSSL sends first. */
static void client_hello(const char *name, int min, int max, struct hello *ret)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	char copy[256] = "";
	BIO *in, *out;
	int n;

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, min), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, max), 1);
	ssl = SSL_new(ctx);
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	assert_true(ssl != NULL && in != NULL && out != NULL);
	SSL_set_bio(ssl, in, out);
	if (name != NULL) {
		(void)snprintf(copy, sizeof(copy), "%s", name);
		assert_int_equal(SSL_set_tlsext_host_name(ssl, copy), 1);
	}
	assert_int_equal(SSL_connect(ssl), -1);
	n = BIO_read(out, ret->bytes, sizeof(ret->bytes));
	assert_true(n > 0);
	ret->n = (size_t)n;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* The message of `from` in records of at most `size` bytes. */
static void cut_into_records(const struct hello *from, size_t size, struct hello *ret)
{
	ret->n = 0;
	for (size_t at = RECORD; at < from->n; at += size) {
		const size_t n = from->n - at < size ? from->n - at : size;
		const uint8_t head[RECORD] = { 22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n };

		assert_true(ret->n + RECORD + n <= sizeof(ret->bytes));
		memcpy(ret->bytes + ret->n, head, RECORD);
		memcpy(ret->bytes + ret->n + RECORD, from->bytes + at, n);
		ret->n += RECORD + n;
	}
}

static void the_name_that_openssl_sends_is_found(void **state)
{
	static const int versions[][2] = { { TLS1_2_VERSION, TLS1_2_VERSION },
					   { TLS1_3_VERSION, TLS1_3_VERSION },
					   { TLS1_2_VERSION, TLS1_3_VERSION } };
	static struct hello h;
	char name[256];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(versions); i++) {
		client_hello("api.example.com", versions[i][0], versions[i][1], &h);
		assert_int_equal(look(h.bytes, h.n, name), TLS_HELLO_NAME);
		assert_string_equal(name, "api.example.com");
		client_hello(NULL, versions[i][0], versions[i][1], &h);
		assert_int_equal(look(h.bytes, h.n, name), TLS_HELLO_NO_NAME);
	}
}

static void bytes_behind_the_hello_do_not_matter(void **state)
{
	static struct hello h;
	char name[256];

	(void)state;
	client_hello("a.example", TLS1_2_VERSION, TLS1_3_VERSION, &h);
	memset(h.bytes + h.n, 0xff, 100);
	assert_int_equal(look(h.bytes, h.n + 100, name), TLS_HELLO_NAME);
	assert_string_equal(name, "a.example");
}

static void a_hello_cut_at_any_byte_asks_for_more(void **state)
{
	static struct hello h, parts;
	char name[256];

	(void)state;
	client_hello("api.example.com", TLS1_2_VERSION, TLS1_3_VERSION, &h);
	cut_into_records(&h, 50, &parts);
	for (size_t n = 0; n < h.n; n++)
		assert_int_equal(look(h.bytes, n, name), TLS_HELLO_MORE);
	for (size_t n = 0; n < parts.n; n++)
		assert_int_equal(look(parts.bytes, n, name), TLS_HELLO_MORE);
	assert_int_equal(look(parts.bytes, parts.n, name), TLS_HELLO_NAME);
}

static void a_hello_in_records_of_any_size_is_one(void **state)
{
	static struct hello h, parts;
	char name[256];

	(void)state;
	client_hello("api.example.com", TLS1_2_VERSION, TLS1_3_VERSION, &h);
	for (size_t size = 1; size <= h.n; size++) {
		cut_into_records(&h, size, &parts);
		assert_int_equal(look(parts.bytes, parts.n, name), TLS_HELLO_NAME);
		assert_string_equal(name, "api.example.com");
	}
}

/* --- hellos by hand ----------------------------------------------------------------------------
 */

#define BYTES(s) s, sizeof(s) - 1
#define SNI                                                                                        \
	"\0\0\0\x0e\0\x0c\0\0\x09"                                                                 \
	"a.example"

/* A record with a ClientHello whose extensions are these; NULL = there are none at all. */
static void make(const char *extensions, size_t n, struct hello *ret)
{
	static const char fixed[] = "\x0a\x0a\x13\x01"; /* a suite of GREASE and a real one */
	uint8_t *p = ret->bytes;
	size_t at = RECORD + 4;

	p[at++] = 3;
	p[at++] = 3;
	memset(p + at, 'r', 32);
	at += 32;
	p[at++] = 0;
	p[at++] = 0;
	p[at++] = 4;
	memcpy(p + at, fixed, 4);
	at += 4;
	p[at++] = 1;
	p[at++] = 0;
	if (extensions != NULL) {
		p[at++] = (uint8_t)(n >> 8);
		p[at++] = (uint8_t)n;
		memcpy(p + at, extensions, n);
		at += n;
	}
	memcpy(p, "\x16\3\1", 3);
	p[3] = (uint8_t)((at - RECORD) >> 8);
	p[4] = (uint8_t)(at - RECORD);
	p[5] = 1;
	p[6] = 0;
	p[7] = (uint8_t)((at - RECORD - 4) >> 8);
	p[8] = (uint8_t)(at - RECORD - 4);
	ret->n = at;
}

static void extensions_are_read_strictly(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum tls_hello want;
	} cases[] = {
		{ NULL, 0, TLS_HELLO_NO_NAME },
		{ BYTES(""), TLS_HELLO_NO_NAME },
		{ BYTES(SNI), TLS_HELLO_NAME },
		{ BYTES("\x0a\x0a\0\0" SNI "\x1a\x1a\0\1x"), TLS_HELLO_NAME }, /* GREASE */
		{ BYTES(SNI SNI), TLS_HELLO_BROKEN },                          /* twice */
		{ BYTES("\0\0\0\0"), TLS_HELLO_BROKEN },
		{ BYTES("\0\0\0\2\0\0"), TLS_HELLO_BROKEN },         /* no name in the list */
		{ BYTES("\0\0\0\5\0\3\0\0\0"), TLS_HELLO_BROKEN },   /* an empty name */
		{ BYTES("\0\0\0\6\0\4\1\0\1a"), TLS_HELLO_BROKEN },  /* another kind of name */
		{ BYTES("\0\0\0\6\0\4\0\0\2a"), TLS_HELLO_BROKEN },  /* a name past its list */
		{ BYTES("\0\0\0\6\0\5\0\0\1a"), TLS_HELLO_BROKEN },  /* a list past its extension */
		{ BYTES("\0\0\0\7\0\4\0\0\1ab"), TLS_HELLO_BROKEN }, /* a byte behind the list */
		{ BYTES("\0\0\0\x0a\0\x08\0\0\1a\0\0\1b"), TLS_HELLO_BROKEN }, /* two names */
		{ BYTES("\0\0\0\7\0\4\0\0\1a"), TLS_HELLO_BROKEN }, /* past the extensions */
		{ BYTES("\0"), TLS_HELLO_BROKEN },
		{ BYTES("\0\x0b\0"), TLS_HELLO_BROKEN },
	};
	static struct hello h;
	char name[256];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		make(cases[i].bytes, cases[i].n, &h);
		if (look(h.bytes, h.n, name) != cases[i].want)
			fail_msg("case %zu", i);
		if (cases[i].want == TLS_HELLO_NAME)
			assert_string_equal(name, "a.example");
	}
}

static void the_fixed_part_is_read_strictly(void **state)
{
	static const struct {
		size_t at; /* in the record */
		uint8_t v;
		enum tls_hello want;
	} cases[] = {
		{ 2, 9, TLS_HELLO_NAME }, /* nobody looks at it */
		{ 3, 0x3f, TLS_HELLO_NAME },
		/* more of the record is to come */ { 3, 0x40, TLS_HELLO_BROKEN }, /* over 2^14
										      bytes */
		{ 5, 2, TLS_HELLO_BROKEN },                                        /* ServerHello */
		{ 6, 1, TLS_HELLO_TOO_LONG },
		{ 7, 0x40, TLS_HELLO_TOO_LONG },
		{ 8, 0, TLS_HELLO_BROKEN },
		{ 9, 2, TLS_HELLO_BROKEN },   /* version */
		{ 43, 33, TLS_HELLO_BROKEN }, /* session id */
		{ 45, 3, TLS_HELLO_BROKEN },  /* half a suite */
		{ 45, 0, TLS_HELLO_BROKEN },  /* no suite */
		{ 50, 0, TLS_HELLO_BROKEN },  /* no compression */
	};
	static struct hello h;
	char name[256];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		make(BYTES(SNI), &h);
		h.bytes[cases[i].at] = cases[i].v;
		if (look(h.bytes, h.n, name) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

static void other_protocols_are_not_tls(void **state)
{
	static const char *const others[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-x", "\x16\x02",
					      "\x17\3\3",           "\x15\3\1",  "\x80\x2e\1\3\1" };
	char name[256];

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(others); i++)
		assert_int_equal(look((const uint8_t *)others[i], strlen(others[i]), name),
				 TLS_HELLO_NOT_TLS);
	assert_int_equal(look((const uint8_t *)"", 0, name), TLS_HELLO_MORE);
	assert_int_equal(look((const uint8_t *)"\x16", 1, name), TLS_HELLO_MORE);
}

static void records_of_other_kinds_in_between_are_refused(void **state)
{
	static struct hello h, parts;
	char name[256];

	(void)state;
	make(BYTES(SNI), &h);
	cut_into_records(&h, 40, &parts);
	parts.bytes[RECORD + 40] = 21; /* an alert */
	assert_int_equal(look(parts.bytes, parts.n, name), TLS_HELLO_BROKEN);
	cut_into_records(&h, 40, &parts);
	parts.bytes[RECORD + 41] = 2;
	assert_int_equal(look(parts.bytes, parts.n, name), TLS_HELLO_BROKEN);
	cut_into_records(&h, 40, &parts);
	parts.bytes[RECORD + 40 + 3] = parts.bytes[RECORD + 40 + 4] = 0; /* an empty record */
	assert_int_equal(look(parts.bytes, parts.n, name), TLS_HELLO_BROKEN);
}

static void what_is_too_long_is_not_waited_for(void **state)
{
	static struct hello h, parts;
	AUTO_FREE char *pad = ss_calloc(TLS_HELLO_MAX, 1);
	char name[256];
	size_t n;

	(void)state;
	/* Padding (RFC 7685) before the name, until the record has TLS_HELLO_MAX bytes. */
	make(BYTES(SNI), &h);
	n = TLS_HELLO_MAX - h.n - 4;
	memcpy(pad, "\0\x15", 2);
	pad[2] = (char)(n >> 8);
	pad[3] = (char)n;
	memcpy(pad + 4 + n, SNI, sizeof(SNI) - 1);
	make(pad, 4 + n + sizeof(SNI) - 1, &h);
	assert_int_equal(h.n, TLS_HELLO_MAX);
	assert_int_equal(look(h.bytes, h.n, name), TLS_HELLO_NAME);
	assert_string_equal(name, "a.example");
	assert_int_equal(look(h.bytes, h.n - 1, name), TLS_HELLO_MORE);
	cut_into_records(&h, 15000, &parts); /* one record's head more */
	assert_int_equal(look(parts.bytes, TLS_HELLO_MAX - 1, name), TLS_HELLO_MORE);
	assert_int_equal(look(parts.bytes, TLS_HELLO_MAX, name), TLS_HELLO_TOO_LONG);
	assert_int_equal(look(parts.bytes, parts.n, name), TLS_HELLO_TOO_LONG);
	n++;
	pad[2] = (char)(n >> 8);
	pad[3] = (char)n;
	make(pad, 4 + n, &h);
	h.bytes[7] = (uint8_t)((TLS_HELLO_MAX - RECORD - 3) >> 8);
	h.bytes[8] = (uint8_t)(TLS_HELLO_MAX - RECORD - 3);
	assert_int_equal(look(h.bytes, 20, name), TLS_HELLO_TOO_LONG);
}

/* --- the same as a server ----------------------------------------------------------------------
 */

struct server_view {
	bool has_hello;
	char name[256]; /* "" = none */
};

static int on_hello(SSL *ssl, int *alert, void *ctx)
{
	struct server_view *v = ctx;
	const unsigned char *p;
	size_t n;

	(void)alert;
	v->has_hello = true;
	/* As OpenSSL itself reads it: list, type, length. */
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) == 1 && n > 5 &&
	    p[2] == TLSEXT_NAMETYPE_host_name && (size_t)(p[3] << 8 | p[4]) == n - 5 && n - 5 < 256)
		memcpy(v->name, p + 5, n - 5);
	return SSL_CLIENT_HELLO_ERROR;
}

static struct server_view serve(const uint8_t *p, size_t n)
{
	struct server_view v = { 0 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl;
	BIO *in, *out;

	assert_non_null(ctx);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, &v);
	ssl = SSL_new(ctx);
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	assert_true(ssl != NULL && in != NULL && out != NULL);
	assert_int_equal(BIO_write(in, p, (int)n), (int)n);
	SSL_set_bio(ssl, in, out);
	(void)SSL_accept(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return v;
}

/* A hello that a server takes is never another one for us: the same name, the same lack of one, or
 * a refusal. */
static void a_server_never_sees_another_name(void **state)
{
	static struct hello h;
	unsigned taken = 0;

	(void)state;
	client_hello("api.example.com", TLS1_2_VERSION, TLS1_2_VERSION, &h);
	for (size_t at = 0; at < h.n; at++) {
		const uint8_t was = h.bytes[at];
		const uint8_t flips[] = { 0, 1, 2, 4, 16, 0x80, 0xff };
		const uint8_t values[] = { 0, 1, 2, 0xff };

		for (size_t i = 0; i < SS_NELEMS(flips) + SS_NELEMS(values); i++) {
			struct server_view v;
			enum tls_hello rc;
			char name[256] = "";

			h.bytes[at] = i < SS_NELEMS(flips) ? was ^ flips[i]
							   : values[i - SS_NELEMS(flips)];
			v = serve(h.bytes, h.n);
			if (!v.has_hello)
				continue;
			taken++;
			rc = look(h.bytes, h.n, name);
			if (rc == TLS_HELLO_BROKEN ||
			    (rc == TLS_HELLO_NAME && strcmp(name, v.name) == 0) ||
			    (rc == TLS_HELLO_NO_NAME && v.name[0] == '\0'))
				continue;
			fail_msg("byte %zu = %u: we say %d '%s', the server saw '%s'", at,
				 h.bytes[at], (int)rc, name, v.name);
		}
		h.bytes[at] = was;
	}
	assert_true(taken > 500);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_that_openssl_sends_is_found),
		cmocka_unit_test(bytes_behind_the_hello_do_not_matter),
		cmocka_unit_test(a_hello_cut_at_any_byte_asks_for_more),
		cmocka_unit_test(a_hello_in_records_of_any_size_is_one),
		cmocka_unit_test(extensions_are_read_strictly),
		cmocka_unit_test(the_fixed_part_is_read_strictly),
		cmocka_unit_test(other_protocols_are_not_tls),
		cmocka_unit_test(records_of_other_kinds_in_between_are_refused),
		cmocka_unit_test(what_is_too_long_is_not_waited_for),
		cmocka_unit_test(a_server_never_sees_another_name),
	};

	return cmocka_run_group_tests_name("tls_hello", tests, NULL, NULL);
}
