/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"
#include "eif/seal.h"
#include "eif_bytes.h"
#include "io/atomic.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM ((size_t)1024 * 1024)
#define NOW 1795000000 /* 2026-11-18 */

static char folder[] = "/tmp/selfsame-test-XXXXXX";

static struct ss_span text(const char *s)
{
	return (struct ss_span){ (const uint8_t *)s, strlen(s) };
}

/* The path of a file in the folder; four at a time. */
static const char *in_folder(const char *name)
{
	static char ring[4][128];
	static size_t i;

	i = (i + 1) % SS_NELEMS(ring);
	(void)snprintf(ring[i], sizeof(ring[i]), "%s/%s", folder, name);
	return ring[i];
}

static void store(const char *name, struct ss_span s)
{
	struct ss_err err = { 0 };

	expect_ok(io_atomic_store(in_folder(name), s, &err), &err);
}

static void load(const char *name, struct ss_buf *ret)
{
	struct ss_err err = { 0 };

	expect_ok(io_load_file(in_folder(name), ret, &err), &err);
}

static void make_file(const char *name, unsigned version, unsigned flags)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	const struct eb_section old[] = { eb_good[0], eb_good[1], eb_good[3], eb_good[4] };

	if (version < 4)
		eb_make(&b, version, flags, old, SS_NELEMS(old));
	else
		eb_make(&b, version, flags, eb_good, SS_NELEMS(eb_good));
	store(name, ss_buf_span(&b));
}

static int load_key(const char *cert, const char *key, int64_t now, struct eif_seal *ret,
		    struct ss_err *err)
{
	store("cert.pem", text(cert));
	store("key.pem", text(key));
	return eif_seal_load_key(in_folder("cert.pem"), in_folder("key.pem"), now, ret, err);
}

static int seal(const char *name, const struct eif_seal *s, const char *output,
		struct eif_measurements *ret, struct ss_err *err)
{
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;

	if (eif_file_open(in_folder(name), &f, err) < 0)
		return -1;
	return eif_file_seal(&f, s, in_folder(output), ret, err);
}

/* The signature in a file holds, over what the file has; its section's bytes are appended. */
static void check_sealed(const char *name, const struct eif_measurements *want, struct ss_buf *ret)
{
	AUTO_EIF_FILE struct eif_file f = EIF_FILE_NONE;
	AUTO_SIGNATURE struct eif_signature s = { 0 };
	AUTO_CERT struct crypto_cert *c = NULL;
	const struct eif_section *section;
	struct eif_measurements m = { 0 };
	uint8_t pcr8[48];
	struct ss_err err = { 0 };

	expect_ok(eif_file_open(in_folder(name), &f, &err), &err);
	expect_ok(eif_file_measure(&f, false, &m, &err), &err);
	section = eif_file_find(&f, EIF_SIGNATURE, 0);
	assert_ptr_equal(section, &f.sections[f.header.n_sections - 1]);
	expect_ok(eif_file_load(&f, section, ret, &err), &err);
	expect_ok(eif_signature_read(ss_buf_span(ret), &s, &err), &err);
	expect_ok(crypto_cert_read_pem(ss_buf_span(&s.pem), &c, &err), &err);
	expect_ok(eif_signature_verify(&s, c, &err), &err);
	expect_ok(eif_signature_covers(&s, m.pcr0, &err), &err);
	eif_signature_pcr8(c, pcr8);
	assert_true(want->has_pcr8);
	assert_memory_equal(want->pcr8, pcr8, 48);
	assert_memory_equal(want->pcr0, m.pcr0, 48);
	assert_int_equal(want->file_size, f.size);
}

static void signing_twice_gives_the_same_file(void **state)
{
	static const char *const pairs[][2] = { { cert_P256, key_P256 },
						{ cert_P384, key_P384 },
						{ cert_P521, key_P521 } };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(pairs); i++) {
		AUTO_SEAL struct eif_seal s = { 0 };
		AUTO_BUF struct ss_buf a = SS_BUF_INIT(ROOM);
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		AUTO_BUF struct ss_buf section = SS_BUF_INIT(ROOM);
		struct eif_measurements m = { 0 };
		struct ss_err err = { 0 };

		make_file("a.eif", 4, 1);
		expect_ok(load_key(pairs[i][0], pairs[i][1], NOW, &s, &err), &err);
		expect_ok(seal("a.eif", &s, "b.eif", &m, &err), &err);
		check_sealed("b.eif", &m, &section);
		expect_ok(seal("a.eif", &s, "a.eif", &m, &err), &err); /* in place */
		load("a.eif", &a);
		load("b.eif", &b);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.p, b.p, a.n);
	}
}

/* The flaw of the tool that this replaces: a second signature left the old size in the table. */
static void a_second_signature_replaces_the_first_and_mends_the_table(void **state)
{
	AUTO_SEAL struct eif_seal large = { 0 };
	AUTO_SEAL struct eif_seal small = { 0 };
	AUTO_BUF struct ss_buf once = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf twice = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(ROOM);
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(load_key(cert_P521, key_P521, NOW, &large, &err), &err);
	expect_ok(load_key(cert_P256, key_P256, NOW, &small, &err), &err);
	make_file("a.eif", 4, 0);
	expect_ok(seal("a.eif", &small, "once.eif", &m, &err), &err);
	expect_ok(seal("a.eif", &large, "a.eif", &m, &err), &err);
	check_sealed("a.eif", &m, &section);
	section.n = 0;
	expect_ok(seal("a.eif", &small, "a.eif", &m, &err), &err);
	check_sealed("a.eif", &m, &section);
	load("once.eif", &once);
	load("a.eif", &twice);
	assert_int_equal(once.n, twice.n);
	assert_memory_equal(once.p, twice.p, once.n);
}

/* A signature need not be last in somebody else's file. */
static void a_signature_in_the_middle_is_taken_out(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf want = SS_BUF_INIT(ROOM);
	AUTO_SEAL struct eif_seal s = { 0 };
	const struct eb_section odd[] = { eb_good[0], eb_good[1], { 4, "any old thing", 13 },
					  eb_good[2], eb_good[3], eb_good[4] };
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	eb_make(&b, 4, 0, odd, SS_NELEMS(odd));
	store("odd.eif", ss_buf_span(&b));
	make_file("a.eif", 4, 0);
	expect_ok(load_key(cert_P384, key_P384, NOW, &s, &err), &err);
	expect_ok(seal("odd.eif", &s, "odd.eif", &m, &err), &err);
	expect_ok(seal("a.eif", &s, "a.eif", &m, &err), &err);
	check_sealed("odd.eif", &m, &section);
	load("odd.eif", &a);
	load("a.eif", &want);
	assert_int_equal(a.n, want.n);
	assert_memory_equal(a.p, want.p, a.n);
}

static void older_versions_keep_theirs(void **state)
{
	(void)state;
	for (unsigned v = 2; v <= 4; v++) {
		AUTO_SEAL struct eif_seal s = { 0 };
		AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
		AUTO_BUF struct ss_buf section = SS_BUF_INIT(ROOM);
		struct eif_measurements m = { 0 };
		struct ss_err err = { 0 };

		make_file("a.eif", v, 0);
		expect_ok(load_key(cert_P384, key_P384, NOW, &s, &err), &err);
		expect_ok(seal("a.eif", &s, "a.eif", &m, &err), &err);
		check_sealed("a.eif", &m, &section);
		load("a.eif", &b);
		assert_int_equal(b.p[5], v);
	}
}

static void a_published_signature_is_attached_if_it_fits(void **state)
{
	AUTO_SEAL struct eif_seal s = { 0 };
	AUTO_SEAL struct eif_seal published = { 0 };
	AUTO_BUF struct ss_buf section = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf other = SS_BUF_INIT(ROOM);
	AUTO_BUF struct ss_buf kept = SS_BUF_INIT(ROOM);
	struct eb_section changed[SS_NELEMS(eb_good)];
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };
	char want[256];

	(void)state;
	make_file("a.eif", 4, 0);
	expect_ok(load_key(cert_P384, key_P384, NOW, &s, &err), &err);
	expect_ok(seal("a.eif", &s, "signed.eif", &m, &err), &err);
	check_sealed("signed.eif", &m, &section);
	store("section", ss_buf_span(&section));
	expect_ok(eif_seal_load_section(in_folder("section"), &published, &err), &err);
	expect_ok(seal("a.eif", &published, "b.eif", &m, &err), &err);
	check_sealed("b.eif", &m, &again);
	load("signed.eif", &a);
	load("b.eif", &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);

	memcpy(changed, eb_good, sizeof(changed));
	changed[4].data = "second ramdisk?";
	eb_make(&other, 4, 0, changed, SS_NELEMS(changed));
	store("other.eif", ss_buf_span(&other));
	(void)snprintf(want, sizeof(want), "'%s': the signature is over another PCR0",
		       in_folder("other.eif"));
	expect_fails(seal("other.eif", &published, "other.eif", &m, &err), &err, SS_EVERIFY, want);
	load("other.eif", &kept);
	assert_memory_equal(kept.p, other.p, other.n);

	section.p[section.n - 1] ^= 1;
	store("section", ss_buf_span(&section));
	(void)snprintf(want, sizeof(want), "'%s': the signature is not by the certificate's key",
		       in_folder("section"));
	expect_fails(eif_seal_load_section(in_folder("section"), &published, &err), &err,
		     SS_EVERIFY, want);
}

static void what_cannot_sign_is_refused(void **state)
{
	static char both[sizeof(cert_P384) + sizeof(key_P384)];
	static const struct {
		const char *cert;
		const char *key;
		int64_t now;
		const char *msg; /* C = the certificate's path, K = the key's */
	} cases[] = {
		{ cert_P384, key_P384, 0,
		  "'C': the certificate is not valid before Jan  2 03:04:05 2020 GMT" },
		{ cert_P384, key_P384, 4102444800,
		  "'C': the certificate is not valid after Dec 31 23:59:59 2089 GMT" },
		{ cert_early, key_P384, NOW,
		  "'C': the certificate is not valid after Jan  1 00:00:09 1970 GMT" },
		{ cert_P384, key_P256, NOW, "the key 'K' is not that of the certificate 'C'" },
		{ cert_P384, "garbage", NOW, "'K': there is no private key in PEM form" },
		{ "garbage", key_P384, NOW, "'C': line 1 is no part of a certificate in PEM form" },
		{ "", key_P384, NOW, "'C': there is no certificate in PEM form" },
		{ key_P384, cert_P384, NOW, "'C': line 1 is no part of a certificate in PEM form" },
		{ both, key_P384, NOW, "'C': line 12 is no part of a certificate in PEM form" },
		{ cert_P384, key_P384_locked, NOW,
		  "'K': the private key is encrypted with a passphrase" },
		{ cert_ed25519, key_ed25519, NOW,
		  "'K': the private key is ED25519; EIF signatures need P-256, P-384 or P-521" },
		{ cert_K256, key_K256, NOW,
		  "'K': the private key is on the curve 'secp256k1'; EIF signatures need P-256, "
		  "P-384 or P-521" },
	};

	(void)state;
	(void)snprintf(both, sizeof(both), "%s%s", cert_P384, key_P384);
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_SEAL struct eif_seal s = { 0 };
		struct ss_err err = { 0 };
		char want[512] = "";

		for (const char *c = cases[i].msg; *c != '\0'; c++) {
			const bool path = strncmp(c, "C'", 2) == 0 || strncmp(c, "K'", 2) == 0;
			const char one[2] = { *c, '\0' };
			const char *name = *c == 'C' ? "cert.pem" : "key.pem";

			(void)strcat(want, path && c[-1] == '\'' ? in_folder(name) : one);
		}
		expect_fails(load_key(cases[i].cert, cases[i].key, cases[i].now, &s, &err), &err,
			     SS_EINPUT, want);
	}
}

static size_t count_files(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* Bad inputs, a table that is full: the old file is there, byte for byte, and no other. */
static void a_failure_leaves_the_original(void **state)
{
	AUTO_SEAL struct eif_seal s = { 0 };
	struct eb_section full[32];
	struct eif_measurements m = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(load_key(cert_P384, key_P384, NOW, &s, &err), &err);
	for (size_t i = 0; i < 32; i++)
		full[i] = eb_good[i < 4 ? i : 4];
	for (int i = 0; i < 3; i++) {
		AUTO_BUF struct ss_buf before = SS_BUF_INIT(ROOM);
		AUTO_BUF struct ss_buf after = SS_BUF_INIT(ROOM);
		size_t files;
		char want[256];

		if (i == 0) {
			eb_make(&before, 4, 0, eb_good, SS_NELEMS(eb_good));
			before.p[before.n - 1] ^= 1;
			(void)snprintf(want, sizeof(want),
				       "'%s': the CRC-32 at byte 544 says "
				       "%02x%02x%02x%02x, the file has ",
				       in_folder("f.eif"), before.p[544], before.p[545],
				       before.p[546], before.p[547]);
		} else if (i == 1) {
			eb_make(&before, 4, 0x40, eb_good, SS_NELEMS(eb_good));
			(void)snprintf(want, sizeof(want),
				       "'%s': PCR0 of an image with PCIe flags cannot be "
				       "computed, so it cannot be signed",
				       in_folder("f.eif"));
		} else {
			eb_make(&before, 4, 0, full, 32);
			(void)snprintf(want, sizeof(want), "'%s': more than 32 sections",
				       in_folder("f.eif"));
		}
		store("f.eif", ss_buf_span(&before));
		files = count_files();
		assert_int_equal(seal("f.eif", &s, "f.eif", &m, &err), -1);
		assert_int_equal(err.code, i == 2 ? SS_ELIMIT : SS_EINPUT);
		assert_int_equal(strncmp(err.msg, want, strlen(want)), 0);
		load("f.eif", &after);
		assert_int_equal(after.n, before.n);
		assert_memory_equal(after.p, before.p, before.n);
		assert_int_equal(count_files(), files);
	}
}

static void the_mode_of_the_file_is_kept(void **state)
{
	AUTO_SEAL struct eif_seal s = { 0 };
	struct eif_measurements m = { 0 };
	struct stat st = { 0 };
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(load_key(cert_P384, key_P384, NOW, &s, &err), &err);
	make_file("a.eif", 4, 0);
	assert_int_equal(chmod(in_folder("a.eif"), 0600), 0);
	expect_ok(seal("a.eif", &s, "a.eif", &m, &err), &err);
	assert_int_equal(stat(in_folder("a.eif"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int drop_folder(void **state)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	(void)state;
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
	return rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_twice_gives_the_same_file),
		cmocka_unit_test(a_second_signature_replaces_the_first_and_mends_the_table),
		cmocka_unit_test(a_signature_in_the_middle_is_taken_out),
		cmocka_unit_test(older_versions_keep_theirs),
		cmocka_unit_test(a_published_signature_is_attached_if_it_fits),
		cmocka_unit_test(what_cannot_sign_is_refused),
		cmocka_unit_test(a_failure_leaves_the_original),
		cmocka_unit_test(the_mode_of_the_file_is_kept),
	};

	return cmocka_run_group_tests_name("eif_seal", tests, make_folder, drop_folder);
}
