/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of each sentence is the C library's resolver: it writes the questions
 * (res_nmkquery) and reads the answers (ns_initparse). */
#include "base/mem.h"
#include "expect.h"
#include "fmt/dns.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

#define BYTES(s) s, sizeof(s) - 1

static struct ss_span span(const void *p, size_t n)
{
	return (struct ss_span){ p, n };
}

/* A question of the C library; how long it is. */
static size_t question(const char *name, int type, uint8_t ret[512])
{
	struct __res_state r = { 0 };
	int n;

	n = res_nmkquery(&r, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, ret, 512);
	assert_true(n > 0);
	return (size_t)n;
}

/* EDNS as RFC 6891 §6.1.2 draws it, with a cookie (RFC 7873) behind it. */
static size_t add_edns(uint8_t *msg, size_t n, uint16_t room)
{
	static const char opt[] = "\0\0\x29\0\0\0\0\x80\0\0\x0c"
				  "\0\x0a\0\x08"
				  "cookie!!";

	memcpy(msg + n, opt, sizeof(opt) - 1);
	msg[n + 3] = (uint8_t)(room >> 8);
	msg[n + 4] = (uint8_t)room;
	msg[11] = 1;
	return n + sizeof(opt) - 1;
}

static void read_question(const uint8_t *msg, size_t n, struct dns_query *ret)
{
	struct ss_err err = { 0 };

	expect_ok(dns_query_read(span(msg, n), ret, &err), &err);
}

static void questions_of_the_c_library_are_read(void **state)
{
	static const struct {
		const char *name;
		int type;
		const char *want;
	} cases[] = {
		{ "api.example.com", ns_t_a, "api.example.com" },
		{ "API.Example.COM.", ns_t_aaaa, "api.example.com" },
		{ "_dns._tcp.a-b.example", ns_t_srv, "_dns._tcp.a-b.example" },
		{ "4.3.2.1.in-addr.arpa", ns_t_ptr, "4.3.2.1.in-addr.arpa" },
		{ "localhost", 65, "localhost" },
		{ ".", ns_t_ns, "" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		uint8_t msg[512];
		struct dns_query q;
		size_t n = question(cases[i].name, cases[i].type, msg);

		msg[2] |= 1; /* RD, as a stub sets it */
		read_question(msg, n, &q);
		assert_int_equal(q.id, msg[0] << 8 | msg[1]);
		assert_int_equal(q.type, cases[i].type);
		assert_int_equal(q.class_, ns_c_in);
		assert_true(q.wants_recursion);
		assert_false(q.has_edns);
		assert_int_equal(q.room, 512);
		assert_string_equal(q.name, cases[i].want);
		assert_ptr_equal(q.question.p, msg + 12);
		assert_int_equal(q.question.n, n - 12);
		n = add_edns(msg, n, 1232);
		read_question(msg, n, &q);
		assert_true(q.has_edns);
		assert_int_equal(q.room, 1232);
		assert_int_equal(q.question.n, n - 12 - 23);
	}
}

static void the_room_of_edns_has_bounds(void **state)
{
	static const uint16_t rooms[][2] = { { 0, 512 },     { 511, 512 },   { 512, 512 },
					     { 4096, 4096 }, { 4097, 4096 }, { 65535, 4096 } };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(rooms); i++) {
		uint8_t msg[512];
		struct dns_query q;

		read_question(msg, add_edns(msg, question("a.b", ns_t_a, msg), rooms[i][0]), &q);
		assert_int_equal(q.room, rooms[i][1]);
	}
}

static void a_question_cut_at_any_byte_is_refused(void **state)
{
	uint8_t msg[512];
	const size_t n = add_edns(msg, question("api.example.com", ns_t_a, msg), 1232);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		AUTO_FREE uint8_t *copy = ss_calloc(cut > 0 ? cut : 1, 1);
		struct dns_query q;
		struct ss_err err = { 0 };

		memcpy(copy, msg, cut);
		assert_int_equal(dns_query_read(span(copy, cut), &q, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_int_equal(q.id, cut < 12 ? 0 : msg[0] << 8 | msg[1]);
		assert_int_equal(q.question.n, 0);
	}
}

/* HEAD is a question with id 1 and one name to come. */
#define HEAD "\0\1\1\0\0\1\0\0\0\0\0\0"
#define HEAD_OPT "\0\1\1\0\0\1\0\0\0\0\0\1"
#define NAME "\1a\0\0\1\0\1"

static void what_is_no_question_says_why(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *msg;
		uint16_t id;
	} cases[] = {
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0"), "DNS: 11 bytes are no message", 0 },
		{ BYTES("\0\1\x81\x80\0\1\0\0\0\0\0\0" NAME),
		  "DNS: an answer instead of a question", 0 },
		{ BYTES("\0\1\x29\0\0\1\0\0\0\0\0\0" NAME),
		  "DNS: another operation than a question", 1 },
		{ BYTES("\0\1\5\0\0\1\0\0\0\0\0\0" NAME), "DNS: bits that no question has", 1 },
		{ BYTES("\0\1\3\0\0\1\0\0\0\0\0\0" NAME), "DNS: bits that no question has", 1 },
		{ BYTES("\0\1\1\x80\0\1\0\0\0\0\0\0" NAME), "DNS: bits that no question has", 1 },
		{ BYTES("\0\1\1\x40\0\1\0\0\0\0\0\0" NAME), "DNS: bits that no question has", 1 },
		{ BYTES("\0\1\1\1\0\1\0\0\0\0\0\0" NAME), "DNS: bits that no question has", 1 },
		{ BYTES("\0\1\1\0\0\0\0\0\0\0\0\0"), "DNS: not one question", 1 },
		{ BYTES("\0\1\1\0\0\2\0\0\0\0\0\0" NAME NAME), "DNS: not one question", 1 },
		{ BYTES("\0\1\1\0\0\1\0\1\0\0\0\0" NAME), "DNS: answers in a question", 1 },
		{ BYTES("\0\1\1\0\0\1\0\0\0\1\0\0" NAME), "DNS: answers in a question", 1 },
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\2" NAME), "DNS: answers in a question", 1 },
		{ BYTES(HEAD "\xc0\x0c\0\1\0\1"),
		  "DNS: a name with a pointer or a label of another kind", 1 },
		{ BYTES(HEAD "\1a\xc0\x0c\0\1\0\1"),
		  "DNS: a name with a pointer or a label of another kind", 1 },
		{ BYTES(HEAD "\x40"), "DNS: a name with a pointer or a label of another kind", 1 },
		{ BYTES(HEAD "\2a"), "DNS: a name that does not end", 1 },
		{ BYTES(HEAD "\1a"), "DNS: a name that does not end", 1 },
		{ BYTES(HEAD "\1 \0\0\1\0\1"), "DNS: a name with other letters than those of hosts",
		  1 },
		{ BYTES(HEAD "\1.\0\0\1\0\1"), "DNS: a name with other letters than those of hosts",
		  1 },
		{ BYTES(HEAD "\1\0\0\0\1\0\1"),
		  "DNS: a name with other letters than those of hosts", 1 },
		{ BYTES(HEAD "\1\xe4\0\0\1\0\1"),
		  "DNS: a name with other letters than those of hosts", 1 },
		{ BYTES(HEAD "\1a\0\0\1\0"), "DNS: a question without type and class", 1 },
		{ BYTES(HEAD NAME "\0"), "DNS: bytes behind the end", 1 },
		{ BYTES(HEAD_OPT NAME), "DNS: a record that is not EDNS's", 1 },
		{ BYTES(HEAD_OPT NAME "\0\0\x10\4\xd0\0\0\0\0\0\0"),
		  "DNS: a record that is not EDNS's", 1 },
		{ BYTES(HEAD_OPT NAME "\1a\0\0\x29\4\xd0\0\0\0\0\0\0"),
		  "DNS: a record that is not EDNS's", 1 },
		{ BYTES(HEAD_OPT NAME "\0\0\x29\4\xd0\0\1\0\0\0\0"),
		  "DNS: a version of EDNS that is not 0", 1 },
		{ BYTES(HEAD_OPT NAME "\0\0\x29\4\xd0\0\0\0\0\0\1\0"),
		  "DNS: options of EDNS that do not end", 1 },
		{ BYTES(HEAD_OPT NAME "\0\0\x29\4\xd0\0\0\0\0\0\5\0\x0a\0\2x"),
		  "DNS: options of EDNS that do not end", 1 },
		{ BYTES(HEAD_OPT NAME "\0\0\x29\4\xd0\0\0\0\0\0\0\0"), "DNS: bytes behind the end",
		  1 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct dns_query q;
		struct ss_err err = { 0 };

		expect_fails(dns_query_read(span(cases[i].bytes, cases[i].n), &q, &err), &err,
			     SS_EINPUT, cases[i].msg);
		assert_int_equal(q.id, cases[i].id);
	}
}

static void sizes_have_limits(void **state)
{
	AUTO_FREE uint8_t *msg = ss_calloc(DNS_MAX_MESSAGE + 1, 1);
	struct dns_query q;
	struct ss_err err = { 0 };
	size_t n = 12;

	(void)state;
	expect_fails(dns_query_read(span(msg, DNS_MAX_MESSAGE + 1), &q, &err), &err, SS_ELIMIT,
		     "DNS: 4097 bytes; the limit is 4096");
	memcpy(msg, HEAD, 12);
	msg[1] = 1;
	/* 3 labels of 63 bytes and one of 61 are 255 bytes with their lengths. */
	for (int i = 0; i < 4; i++) {
		const uint8_t size = i < 3 ? 63 : 61;

		msg[n++] = size;
		memset(msg + n, 'a', size);
		n += size;
	}
	msg[n] = 0;
	msg[n + 2] = msg[n + 4] = 1;
	read_question(msg, n + 5, &q);
	assert_int_equal(strlen(q.name), DNS_MAX_NAME);
	msg[n - 62]++;
	msg[n] = 'a';
	msg[n + 1] = 0;
	msg[n + 2] = 0;
	msg[n + 3] = 1;
	msg[n + 5] = 1;
	expect_fails(dns_query_read(span(msg, n + 6), &q, &err), &err, SS_EINPUT,
		     "DNS: a name over 255 bytes");
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void parse(const struct ss_buf *b, ns_msg *ret)
{
	assert_false(b->bad);
	assert_int_equal(ns_initparse(b->p, (int)b->n, ret), 0);
}

static void addresses_reach_the_c_library(void **state)
{
	static const uint8_t addrs[DNS_MAX_ANSWERS + 1][16] = { { 192, 0, 2, 1, [15] = 9 },
								{ 192, 0, 2, 2 } };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const int type = k == 0 ? ns_t_a : ns_t_aaaa;
		const size_t width = k == 0 ? 4 : 16;

		for (size_t n = 0; n <= DNS_MAX_ANSWERS + 1; n++) {
			AUTO_BUF struct ss_buf b = SS_BUF_INIT(512);
			const size_t want = n > DNS_MAX_ANSWERS ? DNS_MAX_ANSWERS : n;
			uint8_t msg[512];
			struct dns_query q;
			ns_msg m;

			read_question(msg,
				      add_edns(msg, question("API.example.com", type, msg), 600),
				      &q);
			dns_answer_write(&q, DNS_OK, addrs, n, 60, &b);
			parse(&b, &m);
			assert_int_equal(ns_msg_id(m), q.id);
			assert_int_equal(ns_msg_getflag(m, ns_f_qr), 1);
			assert_int_equal(ns_msg_getflag(m, ns_f_rd), q.wants_recursion);
			assert_int_equal(ns_msg_getflag(m, ns_f_ra), 1);
			assert_int_equal(ns_msg_getflag(m, ns_f_tc), 0);
			assert_int_equal(ns_msg_getflag(m, ns_f_rcode), 0);
			assert_int_equal(ns_msg_count(m, ns_s_an), want);
			assert_int_equal(ns_msg_count(m, ns_s_ar), 1);
			for (size_t i = 0; i < want; i++) {
				ns_rr rr;

				assert_int_equal(ns_parserr(&m, ns_s_an, (int)i, &rr), 0);
				assert_string_equal(ns_rr_name(rr), "API.example.com");
				assert_int_equal(ns_rr_type(rr), type);
				assert_int_equal(ns_rr_class(rr), ns_c_in);
				assert_int_equal(ns_rr_ttl(rr), 60);
				assert_int_equal(ns_rr_rdlen(rr), width);
				assert_memory_equal(ns_rr_rdata(rr), addrs[i], width);
			}
		}
	}
}

static void other_answers_have_no_addresses(void **state)
{
	static const uint8_t addrs[1][16] = { { 1 } };
	static const struct {
		int type;
		enum dns_rcode rcode;
	} cases[] = {
		{ ns_t_a, DNS_NXDOMAIN }, { ns_t_a, DNS_SERVFAIL }, { ns_t_aaaa, DNS_REFUSED },
		{ ns_t_ptr, DNS_NOTIMP }, { 65, DNS_OK },           { ns_t_mx, DNS_OK },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(512);
		uint8_t msg[512];
		struct dns_query q;
		ns_msg m;
		ns_rr rr;

		read_question(msg, question("a.example", cases[i].type, msg), &q);
		dns_answer_write(&q, cases[i].rcode, addrs, 1, 60, &b);
		parse(&b, &m);
		assert_int_equal(ns_msg_getflag(m, ns_f_rcode), cases[i].rcode);
		assert_int_equal(ns_msg_count(m, ns_s_an), 0);
		assert_int_equal(ns_msg_count(m, ns_s_ar), 0);
		assert_int_equal(ns_parserr(&m, ns_s_qd, 0, &rr), 0);
		assert_string_equal(ns_rr_name(rr), "a.example");
		assert_int_equal(ns_rr_type(rr), cases[i].type);
		assert_true(dns_is_answer_to(ss_buf_span(&b), &q));
	}
}

static void a_broken_question_is_answered_with_its_head_alone(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(512);
	struct dns_query q;
	struct ss_err err = { 0 };
	ns_msg m;

	(void)state;
	assert_int_equal(dns_query_read(span(HEAD "\xc0\x0c", 14), &q, &err), -1);
	dns_answer_write(&q, DNS_FORMERR, NULL, 0, 0, &b);
	parse(&b, &m);
	assert_int_equal(ns_msg_id(m), 1);
	assert_int_equal(ns_msg_getflag(m, ns_f_rcode), ns_r_formerr);
	assert_int_equal(ns_msg_getflag(m, ns_f_rd), 1);
	assert_int_equal(ns_msg_count(m, ns_s_qd), 0);
	assert_int_equal(b.n, 12);
}

/* Even the longest name with all its addresses fits where no EDNS was offered. */
static void the_longest_answer_fits_into_512_bytes(void **state)
{
	static const uint8_t addrs[DNS_MAX_ANSWERS][16];
	uint8_t question_bytes[259] = { 0 };
	const struct dns_query q = { .type = DNS_AAAA,
				     .has_edns = true,
				     .question = { question_bytes, sizeof(question_bytes) } };
	uint8_t room[512];

	(void)state;
	for (size_t max = 0; max <= sizeof(room); max++) {
		struct ss_buf b = { .p = room, .cap = max, .max = max };

		dns_answer_write(&q, DNS_OK, addrs, DNS_MAX_ANSWERS, 1, &b);
		assert_int_equal(b.bad, max < 506);
		assert_int_equal(b.n, max < 506 ? 0 : 506);
	}
}

static void an_answer_is_known_by_its_id_and_question(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(512);
	uint8_t msg[512], other[512];
	struct dns_query q, r;
	size_t n;

	(void)state;
	read_question(msg, question("api.example.com", ns_t_txt, msg), &q);
	dns_answer_write(&q, DNS_OK, NULL, 0, 0, &b);
	assert_true(dns_is_answer_to(ss_buf_span(&b), &q));
	for (size_t cut = 0; cut < b.n; cut++)
		assert_false(dns_is_answer_to(span(b.p, cut), &q));
	/* Every bit of id, QR, opcode, count and question matters, but for the case of letters. */
	for (size_t bit = 0; bit < 8 * b.n; bit++) {
		const size_t at = bit / 8;
		const uint8_t mask = (uint8_t)(1u << bit % 8);
		const bool flags = (at == 2 && (mask & 0x87) == mask && mask != 0x80) || at == 3 ||
				   (at >= 6 && at < 12);
		const uint8_t c = (uint8_t)(b.p[at] | 0x20);
		const bool letter =
			at >= 12 && at < b.n - 4 && mask == 0x20 && c >= 'a' && c <= 'z';

		b.p[at] ^= mask;
		if (dns_is_answer_to(ss_buf_span(&b), &q) != (flags || letter))
			fail_msg("bit %zu of byte %zu", bit % 8, at);
		b.p[at] ^= mask;
	}
	n = question("API.EXAMPLE.COM", ns_t_txt, other);
	read_question(other, n, &r);
	r.id = q.id;
	assert_true(dns_is_answer_to(ss_buf_span(&b), &r));
	assert_false(dns_is_answer_to(span(msg, 12 + q.question.n), &q)); /* the question itself */
	r.question.n = 0;
	assert_false(dns_is_answer_to(ss_buf_span(&b), &r));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_of_the_c_library_are_read),
		cmocka_unit_test(the_room_of_edns_has_bounds),
		cmocka_unit_test(a_question_cut_at_any_byte_is_refused),
		cmocka_unit_test(what_is_no_question_says_why),
		cmocka_unit_test(sizes_have_limits),
		cmocka_unit_test(addresses_reach_the_c_library),
		cmocka_unit_test(other_answers_have_no_addresses),
		cmocka_unit_test(a_broken_question_is_answered_with_its_head_alone),
		cmocka_unit_test(the_longest_answer_fits_into_512_bytes),
		cmocka_unit_test(an_answer_is_known_by_its_id_and_question),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
