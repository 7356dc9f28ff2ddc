/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "eif_bytes.h"
#include "fmt/cpio.h"
#include "launch/facts.h"

#define TEST_MAX ((size_t)32 << 20)
#define MIB ((uint64_t)1 << 20)

/* A file in memory with a name of its own. */
struct image {
	int fd;
	char path[32];
};

static void image_done(struct image *i)
{
	ss_closep(&i->fd);
}

static struct image image_of(const struct eb_section *s, size_t n, unsigned flags)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TEST_MAX);
	struct image i = { .fd = memfd_create("eif", MFD_CLOEXEC) };
	struct ss_err err = { 0 };

	eb_make(&b, 4, flags, s, n);
	expect_ok(io_write_all(i.fd, ss_buf_span(&b), &err), &err);
	(void)snprintf(i.path, sizeof(i.path), "/proc/self/fd/%d", i.fd);
	return i;
}

static struct ss_span span(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* Ramdisk 1 of our layout, up to its config. `said` is the size that its header gives. */
static void put_ramdisk(struct ss_buf *b, struct ss_span config, size_t said)
{
	static const uint8_t zeros[4] = { 0 };
	const struct cpio_entry e = { .ino = 1,
				      .mode = 0100400,
				      .nlink = 1,
				      .size = (uint32_t)said,
				      .name = span("config") };

	cpio_entry_write(&e, b);
	ss_buf_put(b, config);
	ss_buf_put(b, (struct ss_span){ zeros, cpio_pad(config.n) });
}

static void put_config(struct ss_buf *b, const char *rule, uint64_t pages)
{
	AUTO_BUF struct ss_buf argv = SS_BUF_INIT(64);
	AUTO_BUF struct ss_buf egress = SS_BUF_INIT(1024);
	AUTO_BUF struct ss_buf ingress = SS_BUF_INIT(1024);
	AUTO_BUF struct ss_buf config = SS_BUF_INIT(4096);
	struct mc_config c = { .version = MC_VERSION,
			       .entries = 1,
			       .pages = pages,
			       .bytes = pages * 4096,
			       .cwd = span("/"),
			       .stop_signal = 15,
			       .grace_ms = 1000 };

	mc_put_string(&argv, span("/app"));
	mc_put_ingress(&ingress, &(struct mc_ingress){ .port = 443, .to = 8080, .proxy = true });
	mc_put_ingress(&ingress, &(struct mc_ingress){ .port = 443, .to = 53, .udp = true });
	c.argv = (struct mc_list){ ss_buf_span(&argv), 1 };
	c.ingress = (struct mc_list){ ss_buf_span(&ingress), 2 };
	if (rule != NULL) {
		mc_put_string(&egress, span(rule));
		c.egress = (struct mc_list){ ss_buf_span(&egress), 1 };
	}
	mc_write(&c, &config);
	assert_false(config.bad);
	put_ramdisk(b, ss_buf_span(&config), config.n);
}

static struct image image_with(const struct ss_buf *ramdisk1)
{
	const struct eb_section s[] = { { 1, "kernel bytes", 12 },
					{ 2, "console=ttyS0", 13 },
					{ 5, "{}", 2 },
					{ 3, "first ramdisk", 13 },
					{ 3, (const char *)ramdisk1->p, ramdisk1->n } };

	return image_of(s, SS_NELEMS(s), 0);
}

static void facts_of_our_layout_have_ports_rules_and_need(void **state)
{
	AUTO_BUF struct ss_buf r = SS_BUF_INIT(TEST_MAX);
	SS_CLEANUP(image_done) struct image i = { -1, "" };
	AUTO_FACTS struct facts f = FACTS_NONE;
	struct ss_err err = { 0 };
	struct mc_ingress in;

	(void)state;
	put_config(&r, "*.example.com:443", 100 * MIB / 4096);
	i = image_with(&r);
	expect_ok(facts_load(i.path, 0, &f, &err), &err);
	assert_true(f.has_config && !f.is_arm64 && !f.is_signed && !f.is_local_kernel);
	assert_int_equal(f.n_rules, 1);
	assert_true(egress_allows_name(&f.rules[0], span("a.example.com"), 443));
	assert_true(facts_ingress(&f, 443, false, &in) && in.to == 8080 && in.proxy);
	assert_true(facts_ingress(&f, 443, true, &in) && in.to == 53 && in.udp);
	assert_false(facts_ingress(&f, 80, false, &in));
	assert_int_equal(f.need_mib,
			 (mc_memory_need(12, 13 + r.n, 1, 100 * MIB / 4096) + MIB - 1) / MIB);
	assert_true(f.need_mib > 100);
}

static void facts_of_another_layout_have_four_times_the_size(void **state)
{
	AUTO_FREE char *big = ss_calloc(20 * MIB, 1);
	const size_t sizes[] = { 15, 20 * MIB };
	const uint64_t needs[] = { FACTS_MIN_MIB, 84 }; /* 20 MiB and some bytes, four times */

	(void)state;
	for (size_t c = 0; c < 2; c++) {
		struct eb_section s[SS_NELEMS(eb_good)];
		SS_CLEANUP(image_done) struct image i = { -1, "" };
		AUTO_FACTS struct facts f = FACTS_NONE;
		struct ss_err err = { 0 };

		memcpy(s, eb_good, sizeof(s));
		s[4].data = big;
		s[4].n = sizes[c];
		i = image_of(s, SS_NELEMS(s), EIF_FLAG_ARM64);
		expect_ok(facts_load(i.path, 0, &f, &err), &err);
		assert_true(!f.has_config && f.is_arm64);
		assert_int_equal(f.need_mib, needs[c]);
		assert_int_equal(f.n_rules, 0);
	}
}

static void facts_a_config_out_of_form_is_refused(void **state)
{
	static const struct {
		const char *rule;
		size_t said; /* 0 = as it is */
		const char *msg;
	} cases[] = {
		{ "nonsense", 0, NULL },
		{ NULL, 5000, "ramdisk 1: the measured config has 5000 bytes" },
		{ NULL, MC_MAX_SIZE + 1, "ramdisk 1: the measured config has 1048577 bytes" },
		{ NULL, 3, NULL },
	};
	char want[200];

	(void)state;
	for (size_t c = 0; c < SS_NELEMS(cases); c++) {
		AUTO_BUF struct ss_buf r = SS_BUF_INIT(TEST_MAX);
		SS_CLEANUP(image_done) struct image i = { -1, "" };
		AUTO_FACTS struct facts f = FACTS_NONE;
		struct ss_err err = { 0 };

		if (cases[c].said != 0)
			put_ramdisk(&r, span("abcdefgh"), cases[c].said);
		else
			put_config(&r, cases[c].rule, 1);
		i = image_with(&r);
		(void)snprintf(want, sizeof(want), "'%s': %s", i.path,
			       cases[c].msg != NULL ? cases[c].msg : "ramdisk 1: ");
		assert_int_equal(facts_load(i.path, 0, &f, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		if (cases[c].msg != NULL)
			assert_string_equal(err.msg, want);
		else
			assert_memory_equal(err.msg, want, strlen(want));
		assert_false(f.has_config);
	}
}

static void facts_a_file_that_is_none_names_itself(void **state)
{
	AUTO_FACTS struct facts f = FACTS_NONE;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(facts_load("/nowhere/x.eif", 0, &f, &err), &err, SS_ESYS,
		     "cannot open '/nowhere/x.eif': No such file or directory");
	expect_fails(facts_load("/dev/null", 0, &f, &err), &err, SS_EINPUT,
		     "'/dev/null' is not a regular file");
}

static void facts_memory_is_the_larger_of_need_and_proposal(void **state)
{
	static const struct {
		uint64_t need, proposed_mib, asked;
		unsigned cpus;
		uint64_t got; /* 0 = refused */
	} cases[] = {
		{ 100, 0, 0, 1, 100 },        { 100, 1024, 0, 1, 1024 }, { 100, 64, 0, 1, 100 },
		{ 100, 64, 0, 4, 103 },       { 100, 102, 0, 4, 103 },   { 100, 1024, 100, 1, 100 },
		{ 100, 1024, 99, 1, 0 },      { 100, 1024, 102, 4, 0 },  { 100, 1024, 103, 4, 103 },
		{ 100, 1024, 4096, 2, 4096 },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct facts f = FACTS_NONE;
		struct ss_err err = { 0 };
		uint64_t got = 0;
		char want[100];
		int rc;

		f.need_mib = cases[i].need;
		f.file.header.default_mem = cases[i].proposed_mib * MIB;
		rc = facts_memory(&f, cases[i].asked, cases[i].cpus, &got, &err);
		if (cases[i].got == 0) {
			(void)snprintf(want, sizeof(want),
				       "--memory: %u MiB are too few: this image needs %u MiB",
				       (unsigned)cases[i].asked,
				       (unsigned)cases[i].need + cases[i].cpus - 1);
			expect_fails(rc, &err, SS_EUSAGE, want);
			continue;
		}
		expect_ok(rc, &err);
		assert_int_equal(got, cases[i].got);
	}
}

static void facts_processors_are_asked_proposed_or_two(void **state)
{
	struct facts f = FACTS_NONE;

	(void)state;
	assert_int_equal(facts_cpus(&f, 0), 2);
	f.file.header.default_cpus = 4;
	assert_int_equal(facts_cpus(&f, 0), 4);
	assert_int_equal(facts_cpus(&f, 7), 7);
	f.file.header.default_cpus = UINT64_MAX;
	assert_int_equal(facts_cpus(&f, 0), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_our_layout_have_ports_rules_and_need),
		cmocka_unit_test(facts_of_another_layout_have_four_times_the_size),
		cmocka_unit_test(facts_a_config_out_of_form_is_refused),
		cmocka_unit_test(facts_a_file_that_is_none_names_itself),
		cmocka_unit_test(facts_memory_is_the_larger_of_need_and_proposal),
		cmocka_unit_test(facts_processors_are_asked_proposed_or_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
