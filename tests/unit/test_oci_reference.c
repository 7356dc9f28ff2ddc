/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/source.h"

#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void expect_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void sources_are_split_as_skopeo_splits_them(void **state)
{
	static const struct {
		const char *source;
		enum oci_transport transport;
		const char *path, *name, *digest;
	} cases[] = {
		{ "oci:d", OCI_LAYOUT, "d", NULL, NULL },
		{ "oci:/a/b:latest", OCI_LAYOUT, "/a/b", "latest", NULL },
		{ "oci:d:host:5000/x:1", OCI_LAYOUT, "d", "host:5000/x:1", NULL },
		{ "oci:d@sha256:" HEX, OCI_LAYOUT, "d", NULL, "sha256:" HEX },
		{ "oci:d@x", OCI_LAYOUT, "d@x", NULL, NULL },
		{ "oci:d@sha256:beef", OCI_LAYOUT, "d@sha256", "beef", NULL },
		{ "oci-archive:f.tar:t", OCI_ARCHIVE, "f.tar", "t", NULL },
		{ "docker-archive:f:x/y:1", OCI_DOCKER_ARCHIVE, "f", "x/y:1", NULL },
		{ "docker-archive:f:@3", OCI_DOCKER_ARCHIVE, "f", "@3", NULL },
		{ "dir:a:b", OCI_DIR, "a:b", NULL, NULL },
		{ "docker-daemon:x:1", OCI_DOCKER_DAEMON, "x:1", NULL, NULL },
		{ "containers-storage:x@sha256:" HEX, OCI_CONTAINERS_STORAGE, "x@sha256:" HEX, NULL,
		  NULL },
		{ "rootfs:/", OCI_ROOTFS, "/", NULL, NULL },
		{ "rootfs-tar:a:b.tar", OCI_ROOTFS_TAR, "a:b.tar", NULL, NULL },
		{ "docker://debian:12", OCI_REGISTRY, "debian:12", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct oci_reference r = { 0 };
		struct ss_err err = { 0 };

		assert_true(oci_is_source(cases[i].source));
		expect_ok(oci_reference_read(cases[i].source, &r, &err), &err);
		assert_int_equal(r.transport, cases[i].transport);
		expect_text(r.path, cases[i].path);
		expect_text(r.name, cases[i].name);
		expect_text(r.digest, cases[i].digest);
		oci_reference_done(&r);
	}
}

static void what_names_no_image_is_refused(void **state)
{
	static const struct {
		const char *source, *msg;
	} cases[] = {
		{ "", "'' is not an image source: no known transport" },
		{ ".", "'.' is not an image source: no known transport" },
		{ "docker:x", "'docker:x' is not an image source: no known transport" },
		{ "oci:", "'oci:' names no image" },
		{ "oci::t", "'oci::t' names no image" },
		{ "oci:d:", "'oci:d:' has an empty name after the ':'" },
		{ "docker-archive:f:", "'docker-archive:f:' has an empty name after the ':'" },
		{ "oci:@sha256:" HEX, "'oci:@sha256:" HEX "' names no image" },
		{ "\x1b[31m", "'\\x1b[31m' is not an image source: no known transport" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		struct oci_reference r = { 0 };
		struct ss_err err = { 0 };

		expect_fails(oci_reference_read(cases[i].source, &r, &err), &err, SS_EUSAGE,
			     cases[i].msg);
		assert_null(r.path);
	}
	assert_false(oci_is_source("."));
	assert_false(oci_is_source("ocix:"));
	assert_false(oci_is_source("docker"));
}

static void names_of_one_image_are_the_same(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "alpine", "docker.io/library/alpine:latest", true },
		{ "alpine:3", "docker.io/library/alpine:3", true },
		{ "x/y", "docker.io/x/y:latest", true },
		{ "localhost/x", "x", true },
		{ "host:5000/x", "host:5000/x:latest", true },
		{ "host:5000/x", "host:5000/x:5000", false },
		{ "alpine", "alpine:3", false },
		{ "alpine", "alpin", false },
		{ "quay.io/x/y", "x/y", false },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		assert_int_equal(oci_is_same_name(cases[i].a, cases[i].b), cases[i].same);
		assert_int_equal(oci_is_same_name(cases[i].b, cases[i].a), cases[i].same);
	}
}

static void digests_come_back_as_they_were_and_no_others_do(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256",
		"sha256:",
		"sha256:0123",
		"sha256:" HEX "0",
		"sha512:" HEX,
		"SHA256:" HEX,
		"md5:" HEX,
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde/",
		" sha256:" HEX,
	};
	struct oci_digest d;
	struct ss_err err = { 0 };
	char out[OCI_DIGEST_TEXT], path[OCI_BLOB_PATH], brief[OCI_DIGEST_SHORT];

	(void)state;
	expect_ok(oci_digest_read("sha256:" HEX, &d, &err), &err);
	oci_digest_write(&d, out);
	assert_string_equal(out, "sha256:" HEX);
	oci_digest_path(&d, path);
	assert_string_equal(path, "blobs/sha256/" HEX);
	oci_digest_write_short(&d, brief);
	assert_string_equal(brief, "sha256:0123456789ab");
	expect_ok(oci_digest_read("sha512:" HEX HEX, &d, &err), &err);
	oci_digest_write(&d, out);
	assert_string_equal(out, "sha512:" HEX HEX);
	oci_digest_path(&d, path);
	assert_string_equal(path, "blobs/sha512/" HEX HEX);
	for (size_t i = 0; i < SS_NELEMS(bad); i++) {
		char want[256];

		(void)snprintf(want, sizeof(want), "'%s' is not a sha256 or sha512 digest", bad[i]);
		expect_fails(oci_digest_read(bad[i], &d, &err), &err, SS_EINPUT, want);
		assert_false(oci_is_digest(bad[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_split_as_skopeo_splits_them),
		cmocka_unit_test(what_names_no_image_is_refused),
		cmocka_unit_test(names_of_one_image_are_the_same),
		cmocka_unit_test(digests_come_back_as_they_were_and_no_others_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
