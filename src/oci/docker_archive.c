/* SPDX-License-Identifier: Apache-2.0 */
/* What `docker save` and `podman save` write: manifest.json, configs, layers. */
#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"
#include "oci/image_find.h"

#include <stdio.h>
#include <string.h>

static bool has_name(const json_t *tags, const char *name)
{
	for (size_t i = 0; i < json_array_size(tags); i++) {
		const char *tag = json_string_value(json_array_get(tags, i));

		if (tag != NULL && oci_is_same_name(tag, name))
			return true;
	}
	return false;
}

/* "@3" → 3; false if it is not of this form. */
static bool is_number(const char *name, size_t *ret)
{
	size_t n = 0;

	if (name[0] != '@' || name[1] == '\0')
		return false;
	for (const char *p = name + 1; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || n > JS_MAX_VALUES)
			return false;
		n = n * 10 + (size_t)(*p - '0');
	}
	*ret = n;
	return true;
}

static int choose(const json_t *images, const char *name, const json_t **ret, struct ss_err *err)
{
	const size_t n = json_array_size(images);
	size_t number = 0, found = 0;

	if (name == NULL && n != 1)
		return ss_fail(err, SS_EINPUT,
			       "%zu images; name one: docker-archive:FILE:NAME, "
			       "or :@0 for the first",
			       n);
	if (name == NULL || is_number(name, &number)) {
		*ret = json_array_get(images, number);
		if (*ret == NULL)
			return ss_fail(err, SS_EINPUT, "there is no image @%zu, only %zu", number,
				       n);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const json_t *tags;

		if (js_arr(json_array_get(images, i), "RepoTags", false, &tags, err) < 0)
			return ss_ctx(err, "manifest.json");
		if (tags != NULL && has_name(tags, name)) {
			*ret = json_array_get(images, i);
			found++;
		}
	}
	if (found == 0)
		return ss_fail(err, SS_EINPUT, "no image is called '%s'", SS_SHOW(ss_text(name)));
	if (found > 1)
		return ss_fail(err, SS_EINPUT, "%zu images are called '%s'", found,
			       SS_SHOW(ss_text(name)));
	return 0;
}

/* "blobs/sha256/HEX" and "HEX.json" are names that promise a digest. */
static bool promised(const char *path, struct oci_digest *ret)
{
	static const char blobs[] = "blobs/sha256/";
	char text[OCI_DIGEST_TEXT];
	const char *hex = path;
	struct ss_err ignored;

	if (strncmp(path, blobs, sizeof(blobs) - 1) == 0)
		hex = path + sizeof(blobs) - 1;
	else if (strlen(path) != 64 + 5 || strcmp(path + 64, ".json") != 0)
		return false;
	(void)snprintf(text, sizeof(text), "sha256:%.64s", hex);
	return oci_digest_read(text, ret, &ignored) == 0;
}

static int load_config(const struct oci_resolve *r, const char *path, struct ss_buf *ret,
		       struct ss_err *err)
{
	struct oci_digest d;

	if (promised(path, &d))
		return oci_store_load_blob(r->store, path, &d, UINT64_MAX, OCI_MAX_JSON, ret, err);
	return oci_store_load(r->store, path, OCI_MAX_JSON, ret, err);
}

static int find_layers(const struct oci_resolve *r, const json_t *paths, const struct oci_config *c,
		       struct oci_layers *ret, struct ss_err *err)
{
	const size_t n = json_array_size(paths);

	if (n != c->n_diff_ids)
		return ss_fail(err, SS_EINPUT, "manifest.json has %zu layers, the config %zu", n,
			       c->n_diff_ids);
	ret->v = ss_calloc(n, sizeof(*ret->v));
	for (; ret->n < n; ret->n++) {
		struct oci_layer *l = &ret->v[ret->n];
		const char *path = json_string_value(json_array_get(paths, ret->n));
		char digest[OCI_DIGEST_SHORT];

		l->part.fd = -1;
		l->has_diff_id = true;
		l->diff_id = c->diff_ids[ret->n];
		oci_digest_write_short(&l->diff_id, digest);
		if (path == NULL)
			return ss_fail(err, SS_EINPUT,
				       "manifest.json: 'Layers' %zu is not a string", ret->n);
		l->has_digest = promised(path, &l->digest);
		if (oci_store_find(r->store, path, &l->part, err) < 0)
			return ss_ctx(err, "layer %zu (%s)", ret->n + 1, digest);
	}
	return 0;
}

static int take_image(const struct oci_resolve *r, const json_t *image,
		      struct oci_layers *ret_layers, struct oci_image *ret_image,
		      struct ss_err *err)
{
	SS_CLEANUP(oci_config_done) struct oci_config c = { 0 };
	AUTO_BUF struct ss_buf config = SS_BUF_INIT(OCI_MAX_JSON);
	const json_t *layers;
	const char *path;

	if (js_str(image, "Config", true, &path, err) < 0 ||
	    js_arr(image, "Layers", true, &layers, err) < 0)
		return ss_ctx(err, "manifest.json");
	if (load_config(r, path, &config, err) < 0)
		return ss_ctx(err, "config");
	/* There is no manifest to name; the config's digest is what engines call the image's id. */
	crypto_hash_once(CRYPTO_SHA256, ss_buf_span(&config), ret_image->manifest_sha256);
	if (oci_resolve_config(r, &config, &c, ret_image, err) < 0)
		return -1;
	return find_layers(r, layers, &c, ret_layers, err);
}

int oci_resolve_docker(const struct oci_resolve *r, struct oci_layers *ret_layers,
		       struct oci_image *ret_image, struct ss_err *err)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(OCI_MAX_JSON);
	AUTO_JSON json_t *j = NULL;
	const json_t *image;

	if (oci_store_load(r->store, "manifest.json", OCI_MAX_JSON, &b, err) < 0 ||
	    js_read(ss_buf_span(&b), OCI_MAX_JSON, "manifest.json", &j, err) < 0)
		return -1;
	if (!json_is_array(j))
		return ss_fail(err, SS_EINPUT, "manifest.json: not an array");
	if (choose(j, r->ref->name, &image, err) < 0)
		return -1;
	return take_image(r, image, ret_layers, ret_image, err);
}
