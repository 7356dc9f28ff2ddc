/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/manifest.h"

#include "base/mem.h"
#include "base/show.h"
#include "base/text.h"

#include <string.h>

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const struct {
	const char *type;
	enum oci_media media;
} types[] = {
	{ OCI "index.v1+json", OCI_MEDIA_INDEX },
	{ DOCKER "distribution.manifest.list.v2+json", OCI_MEDIA_INDEX },
	{ OCI "manifest.v1+json", OCI_MEDIA_MANIFEST },
	{ DOCKER "distribution.manifest.v2+json", OCI_MEDIA_MANIFEST },
	{ OCI "config.v1+json", OCI_MEDIA_CONFIG },
	{ DOCKER "container.image.v1+json", OCI_MEDIA_CONFIG },
	{ OCI "layer.v1.tar", OCI_MEDIA_LAYER },
	{ OCI "layer.v1.tar+gzip", OCI_MEDIA_LAYER },
	{ OCI "layer.v1.tar+zstd", OCI_MEDIA_LAYER },
	{ OCI "layer.nondistributable.v1.tar", OCI_MEDIA_LAYER },
	{ OCI "layer.nondistributable.v1.tar+gzip", OCI_MEDIA_LAYER },
	{ OCI "layer.nondistributable.v1.tar+zstd", OCI_MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar", OCI_MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar.gzip", OCI_MEDIA_LAYER },
	{ DOCKER "image.rootfs.diff.tar.zstd", OCI_MEDIA_LAYER },
	{ DOCKER "image.rootfs.foreign.diff.tar", OCI_MEDIA_LAYER },
	{ DOCKER "image.rootfs.foreign.diff.tar.gzip", OCI_MEDIA_LAYER },
};

enum oci_media oci_media_of(const char *type)
{
	for (size_t i = 0; i < SS_NELEMS(types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].media;
	return OCI_MEDIA_OTHER;
}

static int read_platform(const json_t *j, struct oci_desc *d, struct ss_err *err)
{
	const json_t *p, *notes;
	const char *kind = NULL;

	if (js_obj(j, "platform", false, &p, err) < 0 ||
	    js_obj(j, "annotations", false, &notes, err) < 0)
		return -1;
	if (p != NULL && (js_str(p, "os", false, &d->os, err) < 0 ||
			  js_str(p, "architecture", false, &d->arch, err) < 0 ||
			  js_str(p, "variant", false, &d->variant, err) < 0))
		return ss_ctx(err, "platform");
	if (notes != NULL &&
	    (js_str(notes, "org.opencontainers.image.ref.name", false, &d->ref_name, err) < 0 ||
	     js_str(notes, "vnd.docker.reference.type", false, &kind, err) < 0))
		return ss_ctx(err, "annotations");
	d->attestation = (kind != NULL && strcmp(kind, "attestation-manifest") == 0) ||
			 (d->os != NULL && strcmp(d->os, "unknown") == 0 && d->arch != NULL &&
			  strcmp(d->arch, "unknown") == 0);
	return 0;
}

static int read_desc(const json_t *j, struct oci_desc *ret, struct ss_err *err)
{
	struct oci_desc d = { 0 };
	const char *digest;

	if (!json_is_object(j))
		return ss_fail(err, SS_EINPUT, "not an object");
	if (js_str(j, "mediaType", true, &d.type, err) < 0 ||
	    js_str(j, "digest", true, &digest, err) < 0 ||
	    js_u64(j, "size", true, &d.size, err) < 0 ||
	    oci_digest_read(digest, &d.digest, err) < 0 || read_platform(j, &d, err) < 0)
		return -1;
	d.media = oci_media_of(d.type);
	*ret = d;
	return 0;
}

static int read_descs(const json_t *array, size_t max, const char *what, struct oci_desc **ret,
		      size_t *ret_n, struct ss_err *err)
{
	const size_t n = json_array_size(array);
	AUTO_FREE struct oci_desc *v = NULL;

	if (n > max)
		return ss_fail(err, SS_ELIMIT, "%zu %s; the limit is %zu", n, what, max);
	v = ss_calloc(n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if (read_desc(json_array_get(array, i), &v[i], err) < 0)
			return ss_ctx(err, "'%s' %zu", what, i);
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}

/* Nobody may read the same bytes as an index and as a manifest. */
static int check_kind(const json_t *j, enum oci_media media, const char *forbidden,
		      struct ss_err *err)
{
	uint64_t version = 0;
	const char *type;

	if (!json_is_object(j))
		return ss_fail(err, SS_EINPUT, "not an object");
	if (js_u64(j, "schemaVersion", true, &version, err) < 0 ||
	    js_str(j, "mediaType", false, &type, err) < 0)
		return -1;
	if (version != 2)
		return ss_fail(err, SS_EINPUT, "schema version %llu; only 2 is read",
			       (unsigned long long)version);
	if (type != NULL && oci_media_of(type) != media)
		return ss_fail(err, SS_EINPUT, "its media type is '%s'", SS_SHOW(ss_text(type)));
	if (json_object_get(j, forbidden) != NULL)
		return ss_fail(err, SS_EINPUT, "'%s' beside the members of another kind",
			       forbidden);
	return 0;
}

int oci_document_kind(struct ss_span in, enum oci_media *ret, struct ss_err *err)
{
	AUTO_JSON json_t *j = NULL;

	if (js_read(in, OCI_MAX_JSON, "manifest", &j, err) < 0)
		return -1;
	*ret = json_object_get(j, "manifests") != NULL ? OCI_MEDIA_INDEX : OCI_MEDIA_MANIFEST;
	return 0;
}

int oci_index_read(struct ss_span in, struct oci_index *ret, struct ss_err *err)
{
	AUTO_JSON json_t *j = NULL;
	const json_t *array;

	if (js_read(in, OCI_MAX_JSON, "index", &j, err) < 0)
		return -1;
	if (check_kind(j, OCI_MEDIA_INDEX, "layers", err) < 0 ||
	    js_arr(j, "manifests", true, &array, err) < 0 ||
	    read_descs(array, JS_MAX_VALUES, "manifests", &ret->v, &ret->n, err) < 0)
		return ss_ctx(err, "index");
	ret->json = TAKE_PTR(j);
	return 0;
}

void oci_index_done(struct oci_index *i)
{
	json_decref(i->json);
	free(i->v);
	*i = (struct oci_index){ 0 };
}

static int check_media(const struct oci_manifest *m, struct ss_err *err)
{
	if (m->config.media != OCI_MEDIA_CONFIG)
		return ss_fail(err, SS_EINPUT, "not an image: its config has media type '%s'",
			       SS_SHOW(ss_text(m->config.type)));
	for (size_t i = 0; i < m->n_layers; i++)
		if (m->layers[i].media != OCI_MEDIA_LAYER)
			return ss_fail(err, SS_EINPUT, "layer %zu has media type '%s'", i + 1,
				       SS_SHOW(ss_text(m->layers[i].type)));
	return 0;
}

int oci_manifest_read(struct ss_span in, struct oci_manifest *ret, struct ss_err *err)
{
	SS_CLEANUP(oci_manifest_done) struct oci_manifest m = { 0 };
	const json_t *array, *config;

	if (js_read(in, OCI_MAX_JSON, "manifest", &m.json, err) < 0)
		return -1;
	if (check_kind(m.json, OCI_MEDIA_MANIFEST, "manifests", err) < 0 ||
	    js_obj(m.json, "config", true, &config, err) < 0 ||
	    js_arr(m.json, "layers", true, &array, err) < 0)
		return ss_ctx(err, "manifest");
	if (read_desc(config, &m.config, err) < 0)
		return ss_ctx(err, "manifest: 'config'");
	if (read_descs(array, OCI_MAX_LAYERS, "layers", &m.layers, &m.n_layers, err) < 0 ||
	    check_media(&m, err) < 0)
		return ss_ctx(err, "manifest");
	*ret = m;
	m = (struct oci_manifest){ 0 };
	return 0;
}

void oci_manifest_done(struct oci_manifest *m)
{
	json_decref(m->json);
	free(m->layers);
	*m = (struct oci_manifest){ 0 };
}

static int read_diff_ids(struct oci_config *c, struct ss_err *err)
{
	const json_t *rootfs, *array;
	const char *type;

	if (js_obj(c->json, "rootfs", true, &rootfs, err) < 0)
		return -1;
	if (js_str(rootfs, "type", true, &type, err) < 0 ||
	    js_arr(rootfs, "diff_ids", true, &array, err) < 0)
		return ss_ctx(err, "'rootfs'");
	if (strcmp(type, "layers") != 0)
		return ss_fail(err, SS_EINPUT, "'rootfs' is of type '%s'", SS_SHOW(ss_text(type)));
	if (json_array_size(array) > OCI_MAX_LAYERS)
		return ss_fail(err, SS_ELIMIT, "%zu layers; the limit is %u",
			       json_array_size(array), OCI_MAX_LAYERS);
	c->diff_ids = ss_calloc(json_array_size(array), sizeof(*c->diff_ids));
	for (; c->n_diff_ids < json_array_size(array); c->n_diff_ids++) {
		const char *text = json_string_value(json_array_get(array, c->n_diff_ids));

		if (text == NULL)
			return ss_fail(err, SS_EINPUT, "'diff_ids' %zu is not a string",
				       c->n_diff_ids);
		if (oci_digest_read(text, &c->diff_ids[c->n_diff_ids], err) < 0)
			return ss_ctx(err, "'diff_ids' %zu", c->n_diff_ids);
	}
	return 0;
}

int oci_config_read(struct ss_span in, struct oci_config *ret, struct ss_err *err)
{
	SS_CLEANUP(oci_config_done) struct oci_config c = { 0 };

	if (js_read(in, OCI_MAX_JSON, "config", &c.json, err) < 0)
		return -1;
	if (!json_is_object(c.json))
		return ss_fail(err, SS_EINPUT, "config: not an object");
	if (js_str(c.json, "os", true, &c.os, err) < 0 ||
	    js_str(c.json, "architecture", true, &c.arch, err) < 0 ||
	    js_str(c.json, "variant", false, &c.variant, err) < 0 ||
	    js_obj(c.json, "config", false, &c.config, err) < 0 || read_diff_ids(&c, err) < 0)
		return ss_ctx(err, "config");
	*ret = c;
	c = (struct oci_config){ 0 };
	return 0;
}

void oci_config_done(struct oci_config *c)
{
	json_decref(c->json);
	free(c->diff_ids);
	*c = (struct oci_config){ 0 };
}
