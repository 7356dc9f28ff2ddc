/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x509.h"
#include "expect.h"
#include "launch/nsm_machine.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1800000000)
#define NOW_MS ((uint64_t)NOW * 1000 + 7)

struct fixture {
	char top[64], dir[80];
	struct nsm_root *root;
	struct nsm_machine *m;
	uint8_t room[NSM_MAX_RESPONSE];
	struct ss_buf request, answer;
	struct ss_err err;
};

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static void make_machine(struct fixture *f)
{
	struct nsm_machine_opts o = { .module_id = "i-0123-enc0456", .root = f->root };

	memset(o.pcrs[0], 0xa0, NSM_PCR_SIZE);
	memset(o.pcrs[8], 0xa8, NSM_PCR_SIZE);
	nsm_pcr_of_text("i-0df237f0418feb41e", o.pcrs[4]);
	expect_ok(nsm_machine_new(&o, NOW, &f->m, &f->err), &f->err);
}

static int setup(void **state)
{
	struct fixture *f = ss_calloc(1, sizeof(*f));

	(void)snprintf(f->top, sizeof(f->top), "/tmp/test-nsm-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	(void)snprintf(f->dir, sizeof(f->dir), "%s/root", f->top);
	f->request = (struct ss_buf)SS_BUF_INIT(2 * NSM_MAX_REQUEST);
	f->answer = (struct ss_buf)SS_BUF_OVER(f->room);
	expect_ok(nsm_root_open(f->dir, NOW, &f->root, &f->err), &f->err);
	make_machine(f);
	*state = f;
	return 0;
}

static void path_in(const struct fixture *f, const char *name, char ret[160])
{
	(void)snprintf(ret, 160, "%s/%s", f->dir, name);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[160];

	nsm_machine_free(f->m);
	nsm_root_free(f->root);
	ss_buf_done(&f->request);
	path_in(f, NSM_ROOT_KEY, path);
	(void)unlink(path);
	path_in(f, NSM_ROOT_CERT, path);
	(void)unlink(path);
	assert_int_equal(rmdir(f->dir), 0); /* nothing else is in it */
	assert_int_equal(rmdir(f->top), 0);
	free(f);
	return 0;
}

/* Sends what was put into f->request. */
static struct ss_span ask(struct fixture *f)
{
	f->answer.n = 0;
	f->answer.bad = false;
	nsm_machine_answer(f->m, ss_buf_span(&f->request), NOW_MS, &f->answer);
	f->request.n = 0;
	return ss_buf_span(&f->answer);
}

static void refused(struct fixture *f, const char *why)
{
	char msg[64];

	(void)snprintf(msg, sizeof(msg), "the NSM refuses: %s", why);
	expect_fails(nsm_read_lock_pcr(ask(f), &f->err), &f->err, SS_EREMOTE, msg);
}

static struct nsm_pcr pcr(struct fixture *f, uint32_t index)
{
	struct nsm_pcr p;

	nsm_put_describe_pcr(&f->request, index);
	expect_ok(nsm_read_describe_pcr(ask(f), &p, &f->err), &f->err);
	return p;
}

static void it_says_what_it_is(void **state)
{
	struct fixture *f = *state;
	struct nsm_description d;

	nsm_put_describe_nsm(&f->request);
	expect_ok(nsm_read_describe_nsm(ask(f), &d, &f->err), &f->err);
	assert_int_equal(d.locked, 0xffff);
	assert_int_equal(d.max_pcrs, 32);
	assert_true(d.module_id.n == 14 && memcmp(d.module_id.p, "i-0123-enc0456", 14) == 0);
}

static void registers_are_those_that_it_was_given(void **state)
{
	/* Seen in genuine documents of that instance. */
	static const uint8_t pcr4[] = { 0xbe, 0xd9, 0xc1, 0x7c, 0x27, 0xbd, 0xec, 0x41 };
	struct fixture *f = *state;
	struct nsm_pcr p = pcr(f, 0);

	assert_true(p.locked && p.value[0] == 0xa0 && p.value[47] == 0xa0);
	p = pcr(f, 4);
	assert_memory_equal(p.value, pcr4, sizeof(pcr4));
	p = pcr(f, 15);
	assert_true(p.locked && p.value[0] == 0);
	p = pcr(f, 16);
	assert_true(!p.locked && p.value[0] == 0);
}

static void random_bytes_differ(void **state)
{
	struct fixture *f = *state;
	uint8_t first[NSM_MAX_RANDOM];
	struct ss_span s;

	nsm_put_get_random(&f->request);
	expect_ok(nsm_read_get_random(ask(f), &s, &f->err), &f->err);
	assert_int_equal(s.n, NSM_MAX_RANDOM);
	memcpy(first, s.p, sizeof(first));
	nsm_put_get_random(&f->request);
	expect_ok(nsm_read_get_random(ask(f), &s, &f->err), &f->err);
	assert_memory_not_equal(s.p, first, sizeof(first));
}

static void a_register_is_extended_until_it_is_locked(void **state)
{
	struct fixture *f = *state;
	uint8_t inner[NSM_PCR_SIZE + 3] = { 0 };
	uint8_t want[NSM_PCR_SIZE], got[NSM_PCR_SIZE];
	struct nsm_pcr p;

	memcpy(inner + NSM_PCR_SIZE, "abc", 3);
	crypto_hash_once(CRYPTO_SHA384, (struct ss_span){ inner, sizeof(inner) }, want);
	nsm_put_extend_pcr(&f->request, 16, text("abc"));
	expect_ok(nsm_read_extend_pcr(ask(f), got, &f->err), &f->err);
	assert_memory_equal(got, want, sizeof(want));
	nsm_put_lock_pcr(&f->request, 16);
	expect_ok(nsm_read_lock_pcr(ask(f), &f->err), &f->err);
	nsm_put_extend_pcr(&f->request, 16, text("abc"));
	refused(f, "ReadOnlyIndex");
	nsm_put_lock_pcr(&f->request, 16);
	refused(f, "ReadOnlyIndex");
	p = pcr(f, 16);
	assert_true(p.locked);
	assert_memory_equal(p.value, want, sizeof(want));
	nsm_put_extend_pcr(&f->request, 0, text("abc"));
	refused(f, "ReadOnlyIndex");
}

static void a_range_is_locked_from_zero_up(void **state)
{
	struct fixture *f = *state;

	nsm_put_lock_pcrs(&f->request, 0);
	expect_ok(nsm_read_lock_pcrs(ask(f), &f->err), &f->err);
	assert_false(pcr(f, 16).locked);
	nsm_put_lock_pcrs(&f->request, 18);
	expect_ok(nsm_read_lock_pcrs(ask(f), &f->err), &f->err);
	assert_true(pcr(f, 17).locked);
	assert_false(pcr(f, 18).locked);
	nsm_put_lock_pcrs(&f->request, 32);
	expect_ok(nsm_read_lock_pcrs(ask(f), &f->err), &f->err);
	assert_true(pcr(f, 31).locked);
	nsm_put_lock_pcrs(&f->request, 33);
	refused(f, "InvalidIndex");
}

static void what_is_out_of_range_is_refused(void **state)
{
	static uint8_t zeros[2 * NSM_MAX_REQUEST];
	struct fixture *f = *state;

	nsm_put_describe_pcr(&f->request, 32);
	refused(f, "InvalidIndex");
	nsm_put_extend_pcr(&f->request, 65535, text("x"));
	refused(f, "InvalidIndex");
	nsm_put_lock_pcr(&f->request, 65536);
	refused(f, "InvalidOperation");
	ss_buf_put(&f->request, text("garbage"));
	refused(f, "InvalidOperation");
	refused(f, "InvalidOperation"); /* an empty one */
	nsm_put_extend_pcr(&f->request, 16, (struct ss_span){ zeros, NSM_MAX_REQUEST });
	refused(f, "InputTooLarge");
	nsm_put_attestation(&f->request, &(struct nsm_attestation){ .nonce = { zeros, 513 } });
	refused(f, "InputTooLarge");
	nsm_put_attestation(&f->request, &(struct nsm_attestation){ .user_data = { zeros, 513 } });
	refused(f, "InputTooLarge");
	nsm_put_attestation(&f->request,
			    &(struct nsm_attestation){ .public_key = { zeros, 1025 } });
	refused(f, "InputTooLarge");
	nsm_put_attestation(&f->request, &(struct nsm_attestation){ .public_key = { zeros, 0 } });
	refused(f, "InvalidArgument");
}

static void an_answer_without_room_says_so_or_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t small[100], none[4];
	struct ss_buf b = SS_BUF_OVER(small);
	struct ss_buf c = SS_BUF_OVER(none);
	struct ss_span s;

	nsm_put_get_random(&f->request);
	nsm_machine_answer(f->m, ss_buf_span(&f->request), NOW_MS, &b);
	expect_fails(nsm_read_get_random(ss_buf_span(&b), &s, &f->err), &f->err, SS_EREMOTE,
		     "the NSM refuses: BufferTooSmall");
	nsm_machine_answer(f->m, ss_buf_span(&f->request), NOW_MS, &c);
	assert_true(c.n == 0 && c.bad);
}

static struct ss_span attest(struct fixture *f, uint64_t now_ms)
{
	static uint8_t key[NSM_PUBLIC_KEY_MAX], data[NSM_USER_DATA_MAX], nonce[NSM_NONCE_MAX];
	const struct nsm_attestation a = { .user_data = { data, sizeof(data) },
					   .nonce = { nonce, sizeof(nonce) },
					   .public_key = { key, sizeof(key) } };
	struct ss_span doc;

	nsm_put_attestation(&f->request, &a);
	f->answer.n = 0;
	nsm_machine_answer(f->m, ss_buf_span(&f->request), now_ms, &f->answer);
	f->request.n = 0;
	expect_ok(nsm_read_attestation(ss_buf_span(&f->answer), &doc, &f->err), &f->err);
	return doc;
}

/* What is in it, and that it verifies, the oracle says: tests/oracle/nsm_documents.py. */
static void the_largest_document_fits_and_repeats(void **state)
{
	struct fixture *f = *state;
	uint8_t first[NSM_MAX_RESPONSE];
	struct ss_span doc;
	size_t n;

	nsm_put_lock_pcrs(&f->request, 32);
	expect_ok(nsm_read_lock_pcrs(ask(f), &f->err), &f->err);
	doc = attest(f, NOW_MS);
	n = doc.n;
	memcpy(first, doc.p, n);
	doc = attest(f, NOW_MS);
	assert_int_equal(doc.n, n);
	assert_memory_equal(doc.p, first, n);
}

static bool holds(struct ss_span in, struct ss_span part)
{
	return memmem(in.p, in.n, part.p, part.n) != NULL;
}

static void certificates_are_renewed_before_they_expire(void **state)
{
	struct fixture *f = *state;
	uint8_t first[NSM_MAX_RESPONSE];
	struct ss_span doc = attest(f, NOW_MS);
	const size_t n = doc.n;
	const uint64_t life_ms = (NSM_LEAF_LIFE_S - NSM_RENEW_S) * UINT64_C(1000);

	assert_true(holds(doc, nsm_root_der(f->root)));
	memcpy(first, doc.p, n);
	/* The signature is the last; before it all but the time is the same. */
	doc = attest(f, NOW_MS + life_ms);
	assert_int_equal(doc.n, n);
	assert_memory_equal(doc.p + 1000, first + 1000, 2000);
	doc = attest(f, NOW_MS + life_ms + 1000);
	assert_true(doc.n < n + 16 && n < doc.n + 16);
	assert_memory_not_equal(doc.p + 1000, first + 1000, 2000);
	/* A clock that was set back. */
	memcpy(first, doc.p, 3000);
	doc = attest(f, NOW_MS - 10000);
	assert_memory_not_equal(doc.p + 1000, first + 1000, 2000);
}

static void a_module_id_has_its_limits(void **state)
{
	struct fixture *f = *state;
	struct nsm_machine *m = NULL;
	char id[NSM_MAX_MODULE_ID + 2];
	struct nsm_machine_opts o = { .module_id = id, .root = f->root };

	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	expect_fails(nsm_machine_new(&o, NOW, &m, &f->err), &f->err, SS_ELIMIT,
		     "a module id of 129 bytes; 1 to 128 can be");
	id[NSM_MAX_MODULE_ID] = '\0';
	expect_ok(nsm_machine_new(&o, NOW, &m, &f->err), &f->err);
	nsm_machine_free(m);
}

/* --- the folder of the root ------------------------------------------------------------------ */

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777u;
}

static void the_root_is_made_once_and_kept_from_others(void **state)
{
	struct fixture *f = *state;
	struct nsm_root *again;
	char path[160];

	path_in(f, NSM_ROOT_KEY, path);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mode_of(f->dir), 0700);
	expect_ok(nsm_root_open(f->dir, NOW, &again, &f->err), &f->err);
	assert_int_equal(nsm_root_der(again).n, nsm_root_der(f->root).n);
	assert_memory_equal(nsm_root_der(again).p, nsm_root_der(f->root).p, nsm_root_der(again).n);
	nsm_root_free(again);
	/* A key whose certificate is lost (or was not written in time) gets another one. */
	path_in(f, NSM_ROOT_CERT, path);
	assert_int_equal(unlink(path), 0);
	expect_ok(nsm_root_open(f->dir, NOW, &again, &f->err), &f->err);
	nsm_root_free(again);
	assert_int_equal(access(path, F_OK), 0);
}

/* The error is about the file `path`. */
static void root_fails(struct fixture *f, int64_t now, enum ss_code code, const char *path,
		       const char *rest)
{
	struct nsm_root *r = NULL;
	char msg[300];

	(void)snprintf(msg, sizeof(msg), "'%s'%s", path, rest);
	expect_fails(nsm_root_open(f->dir, now, &r, &f->err), &f->err, code, msg);
	assert_null(r);
}

static void write_file(const char *path, const char *bytes)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(bytes, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void a_root_that_cannot_be_trusted_is_refused(void **state)
{
	struct fixture *f = *state;
	char key[160], cert[160];

	path_in(f, NSM_ROOT_KEY, key);
	path_in(f, NSM_ROOT_CERT, cert);
	root_fails(f, NOW - 1, SS_EINPUT, cert, " is not valid at this time");
	root_fails(f, NOW + 400000000, SS_EINPUT, cert, " is not valid at this time");
	assert_int_equal(chmod(key, 0640), 0);
	root_fails(f, NOW, SS_EUSAGE, key, ": others may use the key (mode 0640)");
	assert_int_equal(unlink(key), 0);
	root_fails(f, NOW, SS_EINPUT, cert, " is not of the key beside it");
	write_file(key, "x\n");
	assert_int_equal(chmod(key, 0600), 0);
	root_fails(f, NOW, SS_EINPUT, key, ": there is no private key in PEM form");
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct nsm_root *r = NULL;

	expect_fails(nsm_root_open("/nonexistent/a/b", NOW, &r, &f->err), &f->err, SS_ESYS,
		     "cannot make the folder '/nonexistent/a/b': No such file or directory");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_says_what_it_is),
		T(registers_are_those_that_it_was_given),
		T(random_bytes_differ),
		T(a_register_is_extended_until_it_is_locked),
		T(a_range_is_locked_from_zero_up),
		T(what_is_out_of_range_is_refused),
		T(an_answer_without_room_says_so_or_nothing),
		T(the_largest_document_fits_and_repeats),
		T(certificates_are_renewed_before_they_expire),
		T(a_module_id_has_its_limits),
		T(the_root_is_made_once_and_kept_from_others),
		T(a_root_that_cannot_be_trusted_is_refused),
		T(a_folder_that_cannot_be_made_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
