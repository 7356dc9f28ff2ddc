/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "expect.h"
#include "fmt/tar_write.h"
#include "io/file.h"
#include "record/rec_bundle.h"
#include "record/rec_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char top[] = "/tmp/selfsame-bundle-XXXXXX";
static char path_a[128], path_b[128], store_a[128], store_b[128];

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static int make_top(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	(void)snprintf(path_a, sizeof(path_a), "%s/a.tar", top);
	(void)snprintf(path_b, sizeof(path_b), "%s/b.tar", top);
	(void)snprintf(store_a, sizeof(store_a), "%s/store-a", top);
	(void)snprintf(store_b, sizeof(store_b), "%s/store-b", top);
	return 0;
}

static void wipe(const char *path)
{
	char cmd[160];

	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", path);
	assert_int_equal(system(cmd), 0);
}

static int remove_top(void **state)
{
	(void)state;
	wipe(top);
	return 0;
}

/* Puts a body and lists it. */
static void record(struct rec_store *s, struct cfg_list *l, const char *url, const char *body)
{
	AUTO_REC_PUT struct rec_put p = REC_PUT_NONE;
	struct ss_err err = { 0 };
	char hex[REC_HEX], method[] = "GET";
	AUTO_FREE char *copy = strdup(url);
	struct cfg_input in = {
		.method = method, .sha256 = hex, .size = strlen(body), .status = 200, .url = copy
	};
	uint8_t hash[32];

	expect_ok(rec_put_begin(s, 100000, &p, &err), &err);
	expect_ok(rec_put_bytes(&p, span(body), &err), &err);
	expect_ok(rec_put_commit(&p, NULL, hash, &err), &err);
	ss_hex((struct ss_span){ hash, 32 }, hex);
	cfg_inputs_add(l, &in);
}

static void make(struct cfg_list *l, struct rec_store *s)
{
	struct ss_err err = { 0 };

	expect_ok(rec_store_open(store_a, REC_SHARED, s, &err), &err);
	record(s, l, "http://h/b", "second");
	record(s, l, "http://h/a", "first");
	record(s, l, "http://h/c", "first");
	expect_ok(cfg_inputs_sort(l, &err), &err);
}

static void load(const char *path, struct ss_buf *ret)
{
	struct ss_err err = { 0 };

	expect_ok(io_load_file(path, ret, &err), &err);
}

static void store_bytes(const char *path, struct ss_span s)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(s.p, 1, s.n, f), s.n);
	assert_int_equal(fclose(f), 0);
}

static void the_same_entries_give_the_same_bytes(void **state)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(1u << 20), b = SS_BUF_INIT(1u << 20);
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	struct rec_bundle_info info;
	struct cfg_list l = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	make(&l, &s);
	expect_ok(rec_bundle_write(&s, &l, path_a, &info, &err), &err);
	assert_int_equal(info.objects, 2); /* "first" once */
	assert_int_equal(info.bytes, 11);
	expect_ok(rec_bundle_write(&s, &l, path_b, &info, &err), &err);
	load(path_a, &a);
	load(path_b, &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	assert_int_equal(a.n % 512, 0);
	cfg_inputs_done(&l);
}

static void bad(void *ctx, const uint8_t *hash, enum rec_found found, const char *url)
{
	(void)ctx;
	(void)hash;
	(void)found;
	fail_msg("an object is not whole: %s", url != NULL ? url : "");
}

static void odd(void *ctx, struct ss_span path)
{
	(void)ctx;
	fail_msg("no object: %.*s", (int)path.n, (const char *)path.p);
}

static void check_store(const char *path, uint64_t want)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	const struct rec_listener listener = { bad, odd, NULL };
	struct rec_state st;
	struct ss_err err = { 0 };

	expect_ok(rec_store_open(path, REC_SHARED, &s, &err), &err);
	expect_ok(rec_check_store(&s, &listener, &st, &err), &err);
	if (want != UINT64_MAX)
		assert_int_equal(st.whole, want);
}

static int import(const char *from, struct rec_bundle_info *info, struct ss_err *err)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;

	if (rec_store_open(store_b, REC_SHARED, &s, err) < 0)
		return -1;
	return rec_bundle_read(&s, from, info, err);
}

static void what_was_exported_is_imported_elsewhere(void **state)
{
	struct rec_bundle_info info;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(import(path_a, &info, &err), &err);
	assert_int_equal(info.objects, 2);
	assert_int_equal(info.added, 2);
	check_store(store_b, 2);
	expect_ok(import(path_a, &info, &err), &err);
	assert_int_equal(info.added, 0);
	wipe(store_b);
}

static void an_object_that_is_not_there_is_named_by_its_url(void **state)
{
	AUTO_REC_STORE struct rec_store s = REC_STORE_NONE;
	struct rec_bundle_info info;
	struct cfg_list l = { 0 };
	struct ss_err err = { 0 };
	struct cfg_input *in;
	char want[256];

	(void)state;
	make(&l, &s);
	in = l.v;
	in[2].sha256[0] = in[2].sha256[0] == '0' ? '1' : '0';
	(void)snprintf(want, sizeof(want), "'%s': input 'http://h/c': not in the store of inputs",
		       path_b);
	(void)unlink(path_b);
	expect_fails(rec_bundle_write(&s, &l, path_b, &info, &err), &err, SS_ESYS, want);
	assert_int_equal(access(path_b, F_OK), -1);
	in[1].size++;
	(void)snprintf(want, sizeof(want),
		       "'%s': input 'http://h/b': 6 bytes, but the entry says 7", path_b);
	free(in[2].sha256);
	in[2].sha256 = strdup(in[0].sha256);
	expect_fails(rec_bundle_write(&s, &l, path_b, &info, &err), &err, SS_EINPUT, want);
	in[2].size++;
	expect_fails(rec_bundle_write(&s, &l, path_b, &info, &err), &err, SS_EINPUT,
		     "'http://h/a' and 'http://h/c' have one hash and two sizes");
	cfg_inputs_done(&l);
}

static void an_artifact_cut_anywhere_is_refused(void **state)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(1u << 20);
	struct rec_bundle_info info;

	(void)state;
	load(path_a, &a);
	for (size_t n = 0; n < a.n; n += n % 512 < 8 || n % 512 > 504 ? 1 : 61) {
		struct ss_err err = { 0 };

		store_bytes(path_b, (struct ss_span){ a.p, n });
		if (import(path_b, &info, &err) == 0)
			fail_msg("%zu of %zu bytes were taken", n, a.n);
		assert_true(err.code == SS_EINPUT || err.code == SS_ELIMIT);
	}
	check_store(store_b, UINT64_MAX);
	wipe(store_b);
}

static void a_byte_changed_anywhere_adds_nothing_that_is_wrong(void **state)
{
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(1u << 20);
	struct rec_bundle_info info;
	size_t refused = 0;

	(void)state;
	load(path_a, &a);
	for (size_t i = 0; i < a.n; i += a.p[i] == 0 ? 37 : 1) {
		struct ss_err err = { 0 };

		a.p[i] ^= 0x20;
		store_bytes(path_b, ss_buf_span(&a));
		a.p[i] ^= 0x20;
		refused += import(path_b, &info, &err) < 0;
	}
	assert_true(refused > 1000);
	check_store(store_b, UINT64_MAX);
	wipe(store_b);
}

static void an_image_is_no_artifact_of_inputs(void **state)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char index[] = "{\"manifests\":[],\"schemaVersion\":2}";
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1u << 20);
	struct rec_bundle_info info;
	struct ss_err err = { 0 };
	char want[256];

	(void)state;
	tar_write_header("oci-layout", sizeof(layout) - 1, &b);
	ss_buf_put(&b, span(layout));
	tar_write_pad(sizeof(layout) - 1, &b);
	tar_write_header("index.json", sizeof(index) - 1, &b);
	ss_buf_put(&b, span(index));
	tar_write_pad(sizeof(index) - 1, &b);
	tar_write_end(&b);
	store_bytes(path_b, ss_buf_span(&b));
	(void)snprintf(want, sizeof(want),
		       "'%s': holds no inputs: no artifact of type "
		       "'application/vnd.selfsame.inputs.v1'",
		       path_b);
	expect_fails(import(path_b, &info, &err), &err, SS_EINPUT, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_entries_give_the_same_bytes),
		cmocka_unit_test(what_was_exported_is_imported_elsewhere),
		cmocka_unit_test(an_object_that_is_not_there_is_named_by_its_url),
		cmocka_unit_test(an_artifact_cut_anywhere_is_refused),
		cmocka_unit_test(a_byte_changed_anywhere_adds_nothing_that_is_wrong),
		cmocka_unit_test(an_image_is_no_artifact_of_inputs),
	};

	return cmocka_run_group_tests_name("rec_bundle", tests, make_top, remove_top);
}
