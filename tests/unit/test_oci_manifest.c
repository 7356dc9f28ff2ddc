/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "expect.h"
#include "oci/choose.h"
#include "oci/manifest.h"

#include <string.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char manifest_text[] =
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
	"vnd.oci.image.config.v1+json\","
	"\"digest\":\"sha256:" A64 "\",\"size\":7},\"layers\":[{\"mediaType\":"
	"\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:" B64
	"\",\"size\":9,\"annotations\":{\"x\":\"y\"}}],\"annotations\":null}";

static const char index_text[] =
	"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/"
	"vnd.oci.image.manifest.v1+json\","
	"\"digest\":\"sha256:" A64
	"\",\"size\":7,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},"
	"\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\"}}]}";

static const char config_text[] =
	"{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\",\"config\":{\"Cmd\":["
	"\"x\"]},"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" A64 "\",\"sha256:" B64 "\"]}}";

/* An exact-size copy, so that ASan sees a read past it. */
static struct ss_span copy_of(const char *text, size_t n, uint8_t **own)
{
	*own = ss_calloc(n, 1);
	memcpy(*own, text, n);
	return (struct ss_span){ *own, n };
}

static void a_manifest_is_read(void **state)
{
	SS_CLEANUP(oci_manifest_done) struct oci_manifest m = { 0 };
	AUTO_FREE uint8_t *own = NULL;
	struct ss_err err = { 0 };
	char text[OCI_DIGEST_TEXT];

	(void)state;
	expect_ok(oci_manifest_read(copy_of(manifest_text, sizeof(manifest_text) - 1, &own), &m,
				    &err),
		  &err);
	assert_int_equal(m.config.size, 7);
	assert_int_equal(m.n_layers, 1);
	assert_int_equal(m.layers[0].size, 9);
	oci_digest_write(&m.layers[0].digest, text);
	assert_string_equal(text, "sha256:" B64);
}

static void a_config_is_read(void **state)
{
	SS_CLEANUP(oci_config_done) struct oci_config c = { 0 };
	AUTO_FREE uint8_t *own = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(oci_config_read(copy_of(config_text, sizeof(config_text) - 1, &own), &c, &err),
		  &err);
	assert_string_equal(c.arch, "arm64");
	assert_string_equal(c.variant, "v8");
	assert_int_equal(c.n_diff_ids, 2);
}

static void an_index_is_read_and_chosen_from(void **state)
{
	SS_CLEANUP(oci_index_done) struct oci_index i = { 0 };
	AUTO_FREE uint8_t *own = NULL;
	const struct oci_desc *d = NULL;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(oci_index_read(copy_of(index_text, sizeof(index_text) - 1, &own), &i, &err),
		  &err);
	expect_ok(oci_choose(&i, "v1", "amd64", &d, &err), &err);
	assert_ptr_equal(d, &i.v[0]);
	expect_fails(oci_choose(&i, "v2", "amd64", &d, &err), &err, SS_EINPUT,
		     "no image has the tag 'v2'; tags: v1");
	expect_fails(oci_choose(&i, NULL, "arm64", &d, &err), &err, SS_EINPUT,
		     "no image for linux/arm64; there are: linux/amd64");
}

/* Forty tags do not fit into a message: the list says that it is cut. */
static void a_long_list_of_tags_is_cut(void **state)
{
	SS_CLEANUP(oci_index_done) struct oci_index i = { 0 };
	struct oci_desc blank = { .media = OCI_MEDIA_MANIFEST };
	const struct oci_desc *d = NULL;
	struct ss_err err = { 0 };

	(void)state;
	i.n = 40;
	i.v = ss_calloc(i.n, sizeof(*i.v));
	for (size_t k = 0; k < i.n; k++) {
		i.v[k] = blank;
		i.v[k].digest.v[0] = (uint8_t)k;
		i.v[k].ref_name = "a-rather-long-tag";
	}
	assert_int_equal(oci_choose(&i, NULL, "amd64", &d, &err), -1);
	assert_string_equal(err.msg + strlen(err.msg) - 3, "...");
	assert_true(strlen(err.msg) < 400);
}

static void truncation_at_every_byte_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(manifest_text) - 1; n++) {
		struct oci_manifest m = { 0 };
		AUTO_FREE uint8_t *own = NULL;
		struct ss_err err = { 0 };

		assert_int_equal(oci_manifest_read(copy_of(manifest_text, n, &own), &m, &err), -1);
		assert_int_equal(err.code, SS_EINPUT);
		assert_null(m.json);
	}
	for (size_t n = 0; n < sizeof(index_text) - 1; n++) {
		struct oci_index i = { 0 };
		AUTO_FREE uint8_t *own = NULL;
		struct ss_err err = { 0 };

		assert_int_equal(oci_index_read(copy_of(index_text, n, &own), &i, &err), -1);
		assert_null(i.json);
	}
	for (size_t n = 0; n < sizeof(config_text) - 1; n++) {
		struct oci_config c = { 0 };
		AUTO_FREE uint8_t *own = NULL;
		struct ss_err err = { 0 };

		assert_int_equal(oci_config_read(copy_of(config_text, n, &own), &c, &err), -1);
		assert_null(c.json);
	}
}

static void both_families_of_media_types_are_known(void **state)
{
	(void)state;
	assert_int_equal(oci_media_of("application/vnd.oci.image.index.v1+json"), OCI_MEDIA_INDEX);
	assert_int_equal(oci_media_of("application/vnd.docker.distribution.manifest.list.v2+json"),
			 OCI_MEDIA_INDEX);
	assert_int_equal(oci_media_of("application/vnd.docker.distribution.manifest.v2+json"),
			 OCI_MEDIA_MANIFEST);
	assert_int_equal(oci_media_of("application/vnd.docker.container.image.v1+json"),
			 OCI_MEDIA_CONFIG);
	assert_int_equal(oci_media_of("application/vnd.docker.image.rootfs.diff.tar.gzip"),
			 OCI_MEDIA_LAYER);
	assert_int_equal(oci_media_of("application/vnd.oci.image.layer.v1.tar+zstd"),
			 OCI_MEDIA_LAYER);
	assert_int_equal(oci_media_of("application/vnd.oci.image.layer.v1.tar+encrypted"),
			 OCI_MEDIA_OTHER);
	assert_int_equal(oci_media_of(""), OCI_MEDIA_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_is_read),
		cmocka_unit_test(a_config_is_read),
		cmocka_unit_test(an_index_is_read_and_chosen_from),
		cmocka_unit_test(a_long_list_of_tags_is_cut),
		cmocka_unit_test(truncation_at_every_byte_is_refused),
		cmocka_unit_test(both_families_of_media_types_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
