/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "fmt/proxy_header.h"

#include <string.h>

#define BYTES(s) s, sizeof(s) - 1
#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

/* Put down by hand from the specification's §2.2. */
static const struct sample {
	struct proxy_header h;
	const char *bytes;
	size_t n;
} samples[] = {
	{ { .n_addr = 4,
	    .client = { 192, 0, 2, 7 },
	    .server = { 198, 51, 100, 1 },
	    .client_port = 51234,
	    .server_port = 443 },
	  BYTES(SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xc8\x22\x01\xbb") },
	{ { .is_udp = true,
	    .n_addr = 4,
	    .client = { 192, 0, 2, 7 },
	    .server = { 198, 51, 100, 1 },
	    .client_port = 1,
	    .server_port = 53 },
	  BYTES(SIGNATURE "\x21\x12\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x00\x01\x00\x35") },
	{ { .n_addr = 16,
	    .client = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
	    .server = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 },
	    .client_port = 51234,
	    .server_port = 443 },
	  BYTES(SIGNATURE "\x21\x21\x00\x24"
			  "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
			  "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
			  "\xc8\x22\x01\xbb") },
	{ { .is_udp = true,
	    .n_addr = 16,
	    .client = { [15] = 1 },
	    .server = { [15] = 1 },
	    .client_port = 2,
	    .server_port = 3 },
	  BYTES(SIGNATURE "\x21\x22\x00\x24"
			  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
			  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
			  "\x00\x02\x00\x03") },
	{ { .n_addr = 0 }, BYTES(SIGNATURE "\x20\x00\x00\x00") },
};

static void headers_are_written_as_the_specification_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(samples); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(PROXY_HEADER_MAX);

		proxy_header_write(&samples[i].h, &b);
		assert_false(b.bad);
		assert_int_equal(b.n, samples[i].n);
		assert_memory_equal(b.p, samples[i].bytes, b.n);
	}
}

static void headers_read_back_whatever_follows_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(samples); i++) {
		const struct proxy_header *want = &samples[i].h;
		uint8_t bytes[PROXY_HEADER_MAX + 3] = { 0 };
		struct proxy_header h;
		struct ss_err err = { 0 };
		size_t size = 0;

		memcpy(bytes, samples[i].bytes, samples[i].n);
		assert_int_equal(proxy_header_read((struct ss_span){ bytes, samples[i].n + 3 }, &h,
						   &size, &err),
				 1);
		assert_int_equal(size, samples[i].n);
		assert_int_equal(h.is_udp, want->is_udp);
		assert_int_equal(h.n_addr, want->n_addr);
		assert_int_equal(h.client_port, want->client_port);
		assert_int_equal(h.server_port, want->server_port);
		assert_memory_equal(h.client, want->client, sizeof(h.client));
		assert_memory_equal(h.server, want->server, sizeof(h.server));
	}
}

static void a_header_cut_at_any_byte_asks_for_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(samples); i++) {
		for (size_t n = 0; n < samples[i].n; n++) {
			AUTO_FREE uint8_t *copy = ss_calloc(n > 0 ? n : 1, 1);
			struct proxy_header h = { .n_addr = 77 };
			struct ss_err err = { 0 };
			size_t size = 77;

			memcpy(copy, samples[i].bytes, n);
			assert_int_equal(
				proxy_header_read((struct ss_span){ copy, n }, &h, &size, &err), 0);
			assert_int_equal(h.n_addr, 77);
			assert_int_equal(size, 77);
		}
	}
}

static void a_header_has_one_encoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < SS_NELEMS(samples); i++) {
		uint8_t bytes[PROXY_HEADER_MAX];

		memcpy(bytes, samples[i].bytes, samples[i].n);
		for (size_t at = 0; at < samples[i].n; at++) {
			for (unsigned v = 0; v < 256; v++) {
				AUTO_BUF struct ss_buf b = SS_BUF_INIT(PROXY_HEADER_MAX);
				struct proxy_header h;
				struct ss_err err = { 0 };
				size_t size;

				bytes[at] = (uint8_t)v;
				if (proxy_header_read((struct ss_span){ bytes, samples[i].n }, &h,
						      &size, &err) != 1)
					continue;
				proxy_header_write(&h, &b);
				assert_int_equal(b.n, size);
				assert_memory_equal(b.p, bytes, size);
			}
			bytes[at] = (uint8_t)samples[i].bytes[at];
		}
	}
}

static void what_is_no_header_is_told_as_soon_as_it_is_known(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *msg;
	} cases[] = {
		{ BYTES("G"), "PROXY header: no signature of version 2" },
		{ BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n"),
		  "PROXY header: no signature of version 2" },
		{ BYTES("\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0d"),
		  "PROXY header: no signature of version 2" },
		{ BYTES(SIGNATURE "\x11\x11\x00\x0c"),
		  "PROXY header: version and command are 0x11" },
		{ BYTES(SIGNATURE "\x22\x11\x00\x0c"),
		  "PROXY header: version and command are 0x22" },
		{ BYTES(SIGNATURE "\x21\x00\x00\x00"), "PROXY header: family and transport are 0" },
		{ BYTES(SIGNATURE "\x21\x10\x00\x0c"),
		  "PROXY header: family and transport are 0x10" },
		{ BYTES(SIGNATURE "\x21\x13\x00\x0c"),
		  "PROXY header: family and transport are 0x13" },
		{ BYTES(SIGNATURE "\x21\x31\x00\xd8"),
		  "PROXY header: family and transport are 0x31" },
		{ BYTES(SIGNATURE "\x20\x11\x00\x0c"),
		  "PROXY header: family and transport are 0x11" },
		{ BYTES(SIGNATURE "\x21\x11\x00\x0b"),
		  "PROXY header: 11 bytes of addresses; it has 12" },
		{ BYTES(SIGNATURE "\x21\x11\x00\x0f"), /* with a TLV */
		  "PROXY header: 15 bytes of addresses; it has 12" },
		{ BYTES(SIGNATURE "\x21\x21\xff\xff"),
		  "PROXY header: 65535 bytes of addresses; it has 36" },
		{ BYTES(SIGNATURE "\x20\x00\x00\x01"),
		  "PROXY header: 1 bytes of addresses; it has 0" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct proxy_header h;
		struct ss_err err = { 0 };
		size_t size;

		expect_fails(proxy_header_read((struct ss_span){ (const uint8_t *)cases[i].bytes,
								 cases[i].n },
					       &h, &size, &err),
			     &err, SS_EINPUT, cases[i].msg);
	}
}

static void a_header_is_written_whole_or_not_at_all(void **state)
{
	const struct proxy_header odd = { .n_addr = 5 };
	uint8_t room[PROXY_HEADER_MAX];
	struct ss_buf all = SS_BUF_OVER(room);

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(samples); i++) {
		for (size_t max = 0; max <= samples[i].n; max++) {
			struct ss_buf b = { .p = room, .cap = max, .max = max };

			proxy_header_write(&samples[i].h, &b);
			assert_int_equal(b.bad, max < samples[i].n);
			assert_int_equal(b.n, max < samples[i].n ? 0 : samples[i].n);
		}
	}
	proxy_header_write(&odd, &all);
	assert_true(all.bad);
	assert_int_equal(all.n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_written_as_the_specification_says),
		cmocka_unit_test(headers_read_back_whatever_follows_them),
		cmocka_unit_test(a_header_cut_at_any_byte_asks_for_more),
		cmocka_unit_test(a_header_has_one_encoding),
		cmocka_unit_test(what_is_no_header_is_told_as_soon_as_it_is_known),
		cmocka_unit_test(a_header_is_written_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("proxy_header", tests, NULL, NULL);
}
