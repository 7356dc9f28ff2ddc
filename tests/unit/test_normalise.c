/* SPDX-License-Identifier: Apache-2.0 */
#include "expect.h"
#include "tree/normalise.h"

#include <stdio.h>
#include <string.h>

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

static tree_id put_bytes(struct tree *t, const char *path, struct ss_span body, int64_t mtime)
{
	struct tree_inode in = { .type = TREE_REG, .mode = 0640, .uid = 7, .mtime = mtime };
	struct ss_err err = { 0 };
	tree_id id = TREE_NONE;

	in.size = (uint32_t)body.n;
	expect_ok(tree_body_new(t, body, &in.body, &err), &err);
	expect_ok(tree_put(t, text(path), &in, &id, &err), &err);
	return id;
}

static void put(struct tree *t, const char *path, const char *body)
{
	(void)put_bytes(t, path, text(body), 0);
}

static void put_type(struct tree *t, const char *path, enum tree_type type)
{
	const struct tree_inode in = { .type = type, .mode = 0755, .target = text("target") };
	struct ss_err err = { 0 };

	expect_ok(tree_put(t, text(path), &in, NULL, &err), &err);
}

/* What the file holds, or NULL. */
static const char *body(const struct tree *t, const char *path)
{
	static char buf[4096];
	const tree_id id = tree_find(t, text(path));
	struct tree_inode in;
	struct ss_err err = { 0 };

	if (id == TREE_NONE)
		return NULL;
	tree_stat(t, id, &in);
	assert_true(in.type == TREE_REG && in.size < sizeof(buf));
	expect_ok(tree_read(t, id, 0, (uint8_t *)buf, in.size, &err), &err);
	buf[in.size] = '\0';
	return buf;
}

/* Runs the named row alone; returns what it says it changed. */
static uint32_t run_with(struct tree *t, const char *name, uint32_t epoch, uint32_t clock)
{
	const int row = tree_normaliser_find(name);
	const struct tree_normalise_opts o = { .off = ~(1u << row),
					       .epoch = epoch,
					       .clock = clock };
	struct tree_normalised n[TREE_NORMALISERS];
	struct ss_err err = { 0 };

	assert_true(row >= 0);
	expect_ok(tree_normalise(t, &o, n, &err), &err);
	for (int i = 0; i < (int)TREE_NORMALISERS; i++)
		assert_true(i == row || n[i].changed == 0);
	return n[row].changed;
}

static uint32_t run(struct tree *t, const char *name, uint32_t epoch)
{
	return run_with(t, name, epoch, 0);
}

static void the_table_is_found_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < (int)TREE_NORMALISERS; i++)
		assert_int_equal(tree_normaliser_find(tree_normalisers[i].name), i);
	assert_null(tree_normalisers[TREE_NORMALISERS].name);
	assert_int_equal(tree_normaliser_find("apt"), -1);
}

static void traces_of_engines_go_and_files_with_contents_stay(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	put(t, ".dockerenv", "");
	put(t, "run/.containerenv", "engine=\"podman\"\n");
	put(t, "etc/hostname", "");
	put(t, "etc/resolv.conf", "nameserver 192.0.2.1\n");
	assert_int_equal(run(t, "engine-traces", 0), 3);
	assert_int_equal(run(t, "engine-traces", 0), 0);
	assert_null(body(t, ".dockerenv"));
	assert_null(body(t, "run/.containerenv"));
	assert_null(body(t, "etc/hostname"));
	assert_string_equal(body(t, "etc/resolv.conf"), "nameserver 192.0.2.1\n");
	put(t, "etc/resolv.conf", "");
	put_type(t, "etc/hostname", TREE_LNK);
	put_type(t, ".dockerenv", TREE_DIR);
	assert_int_equal(run(t, "engine-traces", 0), 1);
	assert_int_equal(tree_find(t, text("etc/resolv.conf")), TREE_NONE);
	assert_true(tree_find(t, text(".dockerenv")) != TREE_NONE);
	put_type(t, "run/secrets", TREE_LNK);
	assert_int_equal(run(t, "engine-traces", 0), 0);
	put_type(t, "run/secrets", TREE_DIR);
	put(t, "run/secrets/kept", "");
	assert_int_equal(run(t, "engine-traces", 0), 0);
	tree_remove(t, tree_find(t, text("run/secrets/kept")));
	assert_int_equal(run(t, "engine-traces", 0), 1);
	assert_int_equal(tree_find(t, text("run/secrets")), TREE_NONE);
	assert_true(tree_find(t, text("run")) != TREE_NONE);
	tree_free(t);
}

static void hosts_are_the_same_whether_an_engine_left_a_stub_or_nothing(void **state)
{
	static const char want[] = "127.0.0.1 localhost\n::1 localhost\n";
	struct tree *t = tree_new();
	struct tree_inode in;

	(void)state;
	assert_int_equal(run(t, "hosts", 0), 1);
	assert_string_equal(body(t, "etc/hosts"), want);
	put(t, "etc/hosts", "");
	assert_int_equal(run(t, "hosts", 0), 1);
	assert_string_equal(body(t, "etc/hosts"), want);
	tree_stat(t, tree_find(t, text("etc/hosts")), &in);
	assert_true(in.mode == 0644 && in.uid == 0 && in.gid == 0);
	put(t, "etc/hosts", "192.0.2.1 db\n");
	assert_int_equal(run(t, "hosts", 0), 0);
	assert_string_equal(body(t, "etc/hosts"), "192.0.2.1 db\n");
	put_type(t, "etc/hosts", TREE_LNK);
	assert_int_equal(run(t, "hosts", 0), 0);
	put_type(t, "etc", TREE_LNK);
	assert_int_equal(run(t, "hosts", 0), 0);
	tree_free(t);
}

static void what_apt_and_ldconfig_and_useradd_leave_behind_goes(void **state)
{
	static const struct {
		const char *row;
		const char *path;
	} cases[] = {
		{ "apt-logs", "var/log/dpkg.log" },
		{ "apt-logs", "var/log/alternatives.log" },
		{ "apt-logs", "var/log/bootstrap.log" },
		{ "apt-logs", "var/log/apt/history.log" },
		{ "apt-logs", "var/log/apt/term.log" },
		{ "apt-logs", "var/log/apt/eipp.log.xz" },
		{ "apt-cache", "var/cache/apt/pkgcache.bin" },
		{ "apt-cache", "var/cache/apt/srcpkgcache.bin" },
		{ "ldconfig-cache", "var/cache/ldconfig/aux-cache" },
		{ "passwd-backups", "etc/passwd-" },
		{ "passwd-backups", "etc/shadow-" },
		{ "passwd-backups", "etc/group-" },
		{ "passwd-backups", "etc/gshadow-" },
		{ "passwd-backups", "etc/subuid-" },
		{ "passwd-backups", "etc/subgid-" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree *t = tree_new();
		struct tree_normalise_opts off = { .off = 1u
							  << tree_normaliser_find(cases[i].row) };
		struct tree_normalised n[TREE_NORMALISERS];
		struct ss_err err = { 0 };

		put(t, cases[i].path, "x");
		put(t, "var/log/apt/other.log", "x");
		put(t, "var/cache/apt/archives/a.bin", "x");
		put_type(t, "var/cache/apt/dir.bin", TREE_DIR);
		expect_ok(tree_normalise(t, &off, n, &err), &err);
		assert_non_null(body(t, cases[i].path));
		assert_int_equal(run(t, cases[i].row, 0), 1);
		assert_null(body(t, cases[i].path));
		put_type(t, cases[i].path, TREE_DIR);
		assert_int_equal(run(t, cases[i].row, 0), 0);
		assert_non_null(body(t, "var/log/apt/other.log"));
		assert_non_null(body(t, "var/cache/apt/archives/a.bin"));
		tree_free(t);
	}
}

static void machine_ids_are_emptied_and_links_to_them_stay(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	assert_int_equal(run(t, "machine-id", 0), 0);
	put(t, "etc/machine-id", "8d1b0e3f4b1c4b0d9a6c5d1f2e3a4b5c\n");
	put_type(t, "var/lib/dbus/machine-id", TREE_LNK);
	assert_int_equal(run(t, "machine-id", 0), 1);
	assert_string_equal(body(t, "etc/machine-id"), "");
	put(t, "var/lib/dbus/machine-id", "x");
	assert_int_equal(run(t, "machine-id", 0), 1);
	assert_string_equal(body(t, "var/lib/dbus/machine-id"), "");
	tree_free(t);
}

static void days_in_shadow_become_the_epochs_day(void **state)
{
	static const struct {
		const char *in;
		uint32_t epoch;
		const char *out;
	} cases[] = {
		{ "root:*:19834:0:99999:7:::\nweb:!:19999:0:99999:7:::\n", 86400u * 19000,
		  "root:*:19000:0:99999:7:::\nweb:!:19000:0:99999:7:::\n" },
		{ "root:*:19834:0:99999:7:::", 86399 + 86400, "root:*:1:0:99999:7:::" },
		{ "root:*:19834:0:99999:7:::\n", 86399, "root:*::0:99999:7:::\n" },
		{ "a:*:0:0:\nb:*::0:\nc:*:-1:\nd:*:12x:\ne:*:00:\n", 86400u * 19000,
		  "a:*:0:0:\nb:*::0:\nc:*:-1:\nd:*:12x:\ne:*:00:\n" },
		{ "x:1:2", 86400u * 19000, "x:1:19000" },
		{ "\n\n:\nx\n19834:19834:19834:19834\n", 86400u * 7,
		  "\n\n:\nx\n19834:19834:7:19834\n" },
		{ "", 86400, "" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree *t = tree_new();
		struct tree_inode in;

		put(t, "etc/shadow", cases[i].in);
		assert_int_equal(run(t, "shadow-day", cases[i].epoch),
				 strcmp(cases[i].in, cases[i].out) != 0);
		assert_string_equal(body(t, "etc/shadow"), cases[i].out);
		assert_int_equal(run(t, "shadow-day", cases[i].epoch), 0);
		tree_stat(t, tree_find(t, text("etc/shadow")), &in);
		assert_true(in.mode == 0640 && in.uid == 7);
		put_type(t, "etc/shadow", TREE_LNK);
		assert_int_equal(run(t, "shadow-day", 1), 0);
		tree_free(t);
	}
}

static void a_shadow_of_absurd_size_is_refused(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in = { .type = TREE_REG, .size = 4u << 20 };
	struct tree_normalise_opts o = { 0 };
	struct tree_normalised n[TREE_NORMALISERS];
	struct ss_err err = { 0 };

	(void)state;
	put(t, "x", "x");
	in.size++;
	expect_ok(tree_put(t, text("etc/shadow"), &in, NULL, &err), &err);
	expect_fails(tree_normalise(t, &o, n, &err), &err, SS_ELIMIT,
		     "normaliser shadow-day: 'etc/shadow': 4194305 bytes; the limit is 4194304");
	in.size--;
	expect_ok(tree_put(t, text("etc/shadow"), &in, NULL, &err), &err);
	expect_fails(tree_normalise(t, &o, n, &err), &err, SS_EINPUT,
		     "normaliser shadow-day: 'etc/shadow': its contents end early");
	tree_free(t);
}

/* CPython 3.11's header, then something. */
static struct ss_span pyc(uint32_t flags, uint32_t time, uint32_t size)
{
	static uint8_t h[20];

	memcpy(h, "\xa7\x0d\r\n", 4);
	for (unsigned i = 0; i < 4; i++) {
		h[4 + i] = (uint8_t)(flags >> 8 * i);
		h[8 + i] = (uint8_t)(time >> 8 * i);
		h[12 + i] = (uint8_t)(size >> 8 * i);
	}
	memcpy(h + 16, "code", 4);
	return (struct ss_span){ h, sizeof(h) };
}

#define PYC "m/__pycache__/a.cpython-311.pyc"

/* The time in the header, or UINT32_MAX if the file is gone. */
static uint32_t pyc_time(struct tree *t, const char *path)
{
	const char *b = body(t, path);

	return b == NULL ? UINT32_MAX
			 : (uint8_t)b[8] | (uint32_t)(uint8_t)b[9] << 8 |
				   (uint32_t)(uint8_t)b[10] << 16 | (uint32_t)(uint8_t)b[11] << 24;
}

static void valid_pycs_follow_their_sources_and_stale_ones_go(void **state)
{
	enum { SAME, LATER_PYC, LATER_PY };
	static const struct {
		uint32_t flags, header_time, header_size;
		int64_t py_time, pyc_time;
		int layers;
		uint32_t out;
	} cases[] = {
		{ 0, 1000, 4, 1000, 2000, SAME, 77 },       /* as Python left it */
		{ 0, 1000, 4, 1000, 2000, LATER_PY, 77 },   /* ADDed again, unchanged */
		{ 0, 77, 4, 77, 2000, SAME, 77 },           /* nothing to do */
		{ 0, 1000, 4, 5, 5, SAME, 77 },             /* times set by an engine */
		{ 0, 1000, 4, 5, 5, LATER_PYC, 77 },        /* the same, compiled a layer later */
		{ 0, 1000, 4, 5, 5, LATER_PY, UINT32_MAX }, /* source replaced since */
		{ 0, 1000, 4, 5, 6, SAME, UINT32_MAX },     /* source edited since */
		{ 0, 1000, 5, 1000, 1000, SAME, UINT32_MAX },
		{ 0, 0xfffffff0u, 4, (5ll << 32) - 16, 0, SAME,
		  77 }, /* 32 bits, as Python has them */
		{ 0, 0xffffffffu, 4, -1, 0, SAME, 77 },
		{ 1, 1000, 4, 5, 6, LATER_PY, 1000 }, /* hashes, not times: left alone */
		{ 3, 1000, 4, 5, 6, LATER_PY, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree *t = tree_new();
		const struct ss_span c =
			pyc(cases[i].flags, cases[i].header_time, cases[i].header_size);

		tree_layer_begin(t);
		if (cases[i].layers == LATER_PY) {
			(void)put_bytes(t, PYC, c, cases[i].pyc_time);
			tree_layer_begin(t);
		}
		(void)put_bytes(t, "m/a.py", text("code"), cases[i].py_time);
		if (cases[i].layers == LATER_PYC)
			tree_layer_begin(t);
		if (cases[i].layers != LATER_PY)
			(void)put_bytes(t, PYC, c, cases[i].pyc_time);
		assert_int_equal(run(t, "pyc-times", 77), cases[i].out != cases[i].header_time);
		assert_true(pyc_time(t, PYC) == cases[i].out);
		assert_int_equal(run(t, "pyc-times", 77), 0);
		tree_free(t);
	}
}

static void pycs_of_steps_have_the_time_that_those_were_told(void **state)
{
	static const struct {
		uint32_t header_time, clock;
		int64_t py_time;
		uint32_t out;
	} cases[] = {
		{ 500, 500, 1000, 77 }, /* made in a step, now */
		{ 500, 500, 500, 77 },  /* brought by COPY */
		{ 400, 500, 400, 77 },  /* older than the steps' clock: told as it is */
		{ 1000, 500, 1000, UINT32_MAX }, { 500, 500, 400, UINT32_MAX },
		{ 500, 0, 1000, UINT32_MAX }, /* nobody was told anything */
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree *t = tree_new();

		tree_layer_begin(t);
		(void)put_bytes(t, "m/a.py", text("code"), cases[i].py_time);
		(void)put_bytes(t, PYC, pyc(0, cases[i].header_time, 4), 2000);
		assert_int_equal(run_with(t, "pyc-times", 77, cases[i].clock), 1);
		assert_true(pyc_time(t, PYC) == cases[i].out);
		tree_free(t);
	}
}

static void pycs_without_a_source_and_those_of_other_versions(void **state)
{
	static uint8_t old[20] = "\x33\x0d\r\n\0\0\0\0\x01\x02\x03\x04"; /* 3.6: size at 8 */
	struct tree *t = tree_new();

	(void)state;
	(void)put_bytes(t, PYC, pyc(0, 1000, 4), 9);
	(void)put_bytes(t, "m/b.pyc", pyc(0, 1000, 4), 9);
	(void)put_bytes(t, "m/b.py", text("other"), 8);
	(void)put_bytes(t, "m/__pycache__/old.cpython-36.pyc", (struct ss_span){ old, 20 }, 9);
	(void)put_bytes(t, "m/__pycache__/short.pyc", (struct ss_span){ old, 15 }, 9);
	(void)put_bytes(t, "m/__pycache__/nodot", pyc(0, 1000, 4), 9);
	(void)put_bytes(t, "__pycache__/top.cpython-311.pyc", pyc(0, 1000, 4), 9);
	(void)put_bytes(t, "top.py", text("code"), 1000);
	assert_int_equal(run(t, "pyc-times", 77), 3);
	assert_int_equal(pyc_time(t, PYC), 77);
	assert_int_equal(pyc_time(t, "m/b.pyc"), 77);
	assert_int_equal(pyc_time(t, "__pycache__/top.cpython-311.pyc"), 77);
	assert_int_equal(pyc_time(t, "m/__pycache__/old.cpython-36.pyc"), 0x04030201);
	assert_int_equal(pyc_time(t, "m/__pycache__/nodot"), 1000);
	tree_free(t);
}

static void names_of_one_pyc_are_judged_one_by_one_in_any_order(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		static const char *const names[] = { PYC, "n/__pycache__/a.cpython-311.pyc" };
		struct tree *t = tree_new();
		struct ss_err err = { 0 };

		(void)put_bytes(t, "m/a.py", text("code"), 1000);
		(void)put_bytes(t, "n/a.py", text("code"), 1001);
		(void)put_bytes(t, names[order], pyc(0, 1000, 4), 9);
		expect_ok(tree_link(t, text(names[!order]), text(names[order]), &err), &err);
		assert_int_equal(run(t, "pyc-times", 77), 2);
		assert_int_equal(pyc_time(t, names[0]), 77);
		assert_true(pyc_time(t, names[1]) == UINT32_MAX);
		tree_free(t);
	}
}

static void the_source_of_a_pyc_is_found_through_links(void **state)
{
	struct tree *t = tree_new();
	struct tree_inode in = { .type = TREE_LNK, .target = text("../../share/./m/a.py") };
	struct ss_err err = { 0 };

	(void)state;
	(void)put_bytes(t, "share/m/a.py", text("code"), 1000);
	expect_ok(tree_put(t, text("lib/m/a.py"), &in, NULL, &err), &err);
	(void)put_bytes(t, "lib/m/__pycache__/a.cpython-311.pyc", pyc(0, 1000, 4), 9);
	(void)put_bytes(t, "lib/m/__pycache__/b.cpython-311.pyc", pyc(0, 999, 4), 9);
	in.target = text("/lib/m/a.py");
	expect_ok(tree_put(t, text("lib/m/b.py"), &in, NULL, &err), &err);
	assert_int_equal(run(t, "pyc-times", 77), 2);
	assert_int_equal(pyc_time(t, "lib/m/__pycache__/a.cpython-311.pyc"), 77);
	assert_true(pyc_time(t, "lib/m/__pycache__/b.cpython-311.pyc") == UINT32_MAX);
	tree_free(t);
}

static void links_are_resolved_inside_the_root(void **state)
{
	static const struct {
		const char *link;
		const char *path;
		const char *is; /* NULL = nowhere */
	} cases[] = {
		{ "d/f", "l", "d/f" },
		{ "/d/f", "l", "d/f" },
		{ "../../../d/./f", "l", "d/f" },
		{ "d", "l/f", "d/f" },
		{ "d/", "l/f", "d/f" },
		{ "/", "l/d/f", "d/f" },
		{ "l", "l", NULL },
		{ "d/f/", "l/x", NULL },
		{ "gone", "l", NULL },
		{ "d/../d/f", "/l//", "d/f" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct tree *t = tree_new();
		const struct tree_inode in = { .type = TREE_LNK, .target = text(cases[i].link) };
		struct ss_err err = { 0 };

		put(t, "d/f", "x");
		expect_ok(tree_put(t, text("l"), &in, NULL, &err), &err);
		assert_int_equal(tree_resolve(t, text(cases[i].path)),
				 cases[i].is == NULL ? TREE_NONE : tree_find(t, text(cases[i].is)));
		tree_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_found_by_name),
		cmocka_unit_test(traces_of_engines_go_and_files_with_contents_stay),
		cmocka_unit_test(hosts_are_the_same_whether_an_engine_left_a_stub_or_nothing),
		cmocka_unit_test(what_apt_and_ldconfig_and_useradd_leave_behind_goes),
		cmocka_unit_test(machine_ids_are_emptied_and_links_to_them_stay),
		cmocka_unit_test(days_in_shadow_become_the_epochs_day),
		cmocka_unit_test(a_shadow_of_absurd_size_is_refused),
		cmocka_unit_test(valid_pycs_follow_their_sources_and_stale_ones_go),
		cmocka_unit_test(pycs_of_steps_have_the_time_that_those_were_told),
		cmocka_unit_test(pycs_without_a_source_and_those_of_other_versions),
		cmocka_unit_test(names_of_one_pyc_are_judged_one_by_one_in_any_order),
		cmocka_unit_test(the_source_of_a_pyc_is_found_through_links),
		cmocka_unit_test(links_are_resolved_inside_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
